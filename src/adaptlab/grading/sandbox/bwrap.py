"""The level "bwrap": a sandbox by bubblewrap, in its own namespaces. Everything is read-only except
three small folders in memory.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptlab.grading.sandbox.fork_server_client import FORK_SERVERS, ForkServer, RunningFork
from adaptlab.grading.sandbox.limits import (
    GRADING,
    MIB,
    SYSTEM,
    Limits,
    environment,
    kernel_limits,
    readable,
)
from adaptlab.grading.sandbox.running import (
    RunningProcess,
    RunningSandbox,
    alive,
    below,
    files_in_memory,
)
from adaptlab.grading.sandbox.seccomp import system_calls

WRITABLE = ("/box", "/tmp", "/dev/shm")
SERVER = (sys.executable, "-P", "/grader/server.py")
# Holds the namespaces. When it is killed, everything in them is killed, too.
HOLDER = ("/usr/bin/sh", "-c", "echo; exec sleep infinity")


def command(
    folder: Path, limits: Limits, calls: int, inside: Sequence[str], info: int | None = None
) -> list[str]:
    """Return the bubblewrap command of a sandbox that runs a command inside; `folder` holds the
    harness.

    bubblewrap reads the seccomp filter from the descriptor `calls`, and writes the pid of the
    sandbox's first process to `info`.

    If root runs the grader, /proc has files that root may write without any capability, which would
    change the kernel for everybody. So /proc is read-only. The order of options matters: a size
    applies to the next tmpfs, a later mount covers an earlier one, and the root becomes read-only
    at the end. There is no /dev/zero, because mapping it gives memory that counts for no process.
    prlimit sets the limits inside, where they count only the sandbox's processes. CPython needs
    neither /etc nor a user account.
    """
    mounts = []
    for place in map(str, SYSTEM):
        mounts += (
            ["--symlink", os.readlink(place), place]
            if os.path.islink(place)
            else ["--ro-bind", place, place]
        )
    mounts += [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--dev-bind",
        "/dev/null",
        "/dev/zero",
        "--size",
        str(64 * MIB),
        "--tmpfs",
        "/dev/shm",
    ]
    for place in ("/tmp", "/box"):
        mounts += ["--size", str(limits.disk_bytes), "--tmpfs", place]
    for shown in readable():  # after /tmp, because the course may be inside it
        mounts += ["--ro-bind", str(shown), str(shown)]
    mounts += ["--tmpfs", str(GRADING), "--remount-ro", str(GRADING)]
    mounts += [
        "--ro-bind",
        str(folder),
        "/grader",
        "--chdir",
        "/box",
        *(word for place in ("/proc", "/dev", "/") for word in ("--remount-ro", place)),
    ]
    variables = [
        word
        for name, value in environment("/box", "/tmp").items()
        for word in ("--setenv", name, value)
    ]
    apart = [
        "--unshare-user",
        "--unshare-all",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
        "--cap-drop",
        "ALL",
        "--clearenv",
        "--seccomp",
        str(calls),
        *([] if info is None else ["--info-fd", str(info)]),
    ]
    limited = [
        "prlimit",
        *(f"--{name}={value}" for name, value in kernel_limits(limits).items()),
        "--",
    ]
    return ["bwrap", *apart, *mounts, *variables, "--", *limited, *inside]


def missing() -> str:
    """Return why this level is not available here; "" if it is."""
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed (Debian, Ubuntu and WSL2: apt install bubblewrap)"
    tried = [
        "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--ro-bind",
        "/",
        "/",
        "true",
    ]
    return (
        ""
        if subprocess.run(tried, capture_output=True).returncode == 0
        else "bubblewrap does not start: unprivileged user namespaces are switched off"
    )


def started(folder: Path, limits: Limits, inside: Sequence[str], **pipes) -> subprocess.Popen:
    """Start bubblewrap with a command inside."""
    with os.fdopen(os.memfd_create("calls"), "wb") as calls:
        calls.write(system_calls())
        calls.seek(0)
        info = pipes.pop("info", None)
        words = command(folder, limits, calls.fileno(), inside, info)
        handed = [calls.fileno(), *([] if info is None else [info])]
        return subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=handed,
            start_new_session=True,
            **pipes,
        )


def _kill(process: subprocess.Popen) -> None:
    """Kill bubblewrap. When the first process of its pid namespace ends, the kernel ends all others
    in it.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class InMemory(RunningSandbox):
    """A sandbox whose files are in its own file systems in memory."""

    def n_files(self, processes: Collection) -> int:
        found = (files_in_memory(process.pid, WRITABLE) for process in processes)
        return max(found, default=0)


class Cold(InMemory, RunningProcess):
    """A sandbox whose server is a new interpreter, started by bubblewrap."""

    def close(self) -> None:
        _kill(self.process)
        self.into.close()
        self.out.close()


@dataclass
class WalkedIn(InMemory, RunningFork):
    """A sandbox whose namespaces bubblewrap holds, and whose server is a fork that joined them.
    Orphaned processes become children of bubblewrap.
    """

    process: Any

    def close(self) -> None:
        _kill(self.process)
        self.release()
        self.process.stdout.close()
        until = time.monotonic() + 2
        while any(os.path.exists(f"/proc/{pid}") for pid in self.pids) and time.monotonic() < until:
            time.sleep(0.002)

    def processes(self) -> set:
        return {
            process
            for pid in (self.process.pid, self.pids[0])
            for process in alive(pid) | below(pid)
        }


def walked_in(interpreter: ForkServer, limits: Limits) -> WalkedIn | None:
    """Start a sandbox from a fork; None if the kernel does not let a process join namespaces."""
    if not interpreter.ready():
        return None
    read, write = os.pipe()
    with os.fdopen(read) as info:
        process: Any = started(
            interpreter.folder, limits, HOLDER, info=write, stdin=subprocess.DEVNULL
        )
        os.close(write)
        said = info.read()
    with contextlib.suppress(OSError, ValueError, KeyError):  # it has ended already
        if process.stdout.read(1):
            message = {
                "level": "bwrap",
                "harness": "/grader",
                "limits": kernel_limits(limits, interpreter.mapped_bytes()),
                "calls": system_calls().hex(),
            }
            begun = WalkedIn(
                *interpreter.fork(message, os.pidfd_open(json.loads(said)["child-pid"])), process
            )
            if begun.pids:
                return begun
            begun.close()
    process.kill()
    process.wait()
    interpreter.usable = False
    return None


def begin(folder: Path, limits: Limits) -> RunningSandbox:
    """Start a sandbox in the fastest available way."""
    if folder in FORK_SERVERS and (begun := walked_in(FORK_SERVERS[folder], limits)):
        return begun
    process: Any = started(folder, limits, SERVER, stdin=subprocess.PIPE)
    return Cold(process.stdin, process.stdout, process)
