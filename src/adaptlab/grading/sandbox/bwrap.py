"""The level "bwrap": a box by bubblewrap, in namespaces of its own, everything read-only but three
small folders in memory.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
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
# Keeps the namespaces until it is killed, and everything in them with it.
HOLDER = ("/usr/bin/sh", "-c", "echo; exec sleep infinity")


def command(
    folder: Path, limits: Limits, calls: int, inside: Sequence[str], info: int | None = None
) -> list[str]:
    """The command of a box by bubblewrap, with a command inside; `folder` holds the harness.

    From the descriptor `calls` it reads the filter of system calls, and at `info` it says which
    process is the box's first.

    Where the grader is run by root, /proc has files that root may write without any capability,
    which would change the kernel for all: it is read-only. The order matters: a size belongs to the
    tmpfs behind it, what stands later covers what stands earlier, and the root becomes read-only at
    the end. There is no /dev/zero, of which memory can be had that no process is seen to hold.
    Limits by prlimit are set inside, where they count the box's own processes. CPython needs
    neither /etc nor a user of its own.
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
    for shown in readable():  # after /tmp, in which the course may stand
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
    """Why there is no such box here; empty if there is."""
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
    """End bubblewrap; with the first process of its namespace every other one in it ends."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class InMemory(RunningSandbox):
    """A box whose files are in file systems of its own, which take memory."""

    def n_files(self) -> int:
        found = (files_in_memory(process.pid, WRITABLE) for process in self.processes())
        return max(found, default=0)


class Cold(InMemory, RunningProcess):
    """A box whose server bubblewrap has started as a new interpreter."""

    def close(self) -> None:
        _kill(self.process)
        self.into.close()
        self.out.close()


@dataclass
class WalkedIn(InMemory, RunningFork):
    """A box that bubblewrap keeps, and a fork that walked into it. Orphans come to bubblewrap."""

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
    """A box by a fork; None where the kernel does not let a process walk into one."""
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
    """Begin a box by the quickest way that there is."""
    if folder in FORK_SERVERS and (begun := walked_in(FORK_SERVERS[folder], limits)):
        return begun
    process: Any = started(folder, limits, SERVER, stdin=subprocess.PIPE)
    return Cold(process.stdin, process.stdout, process)
