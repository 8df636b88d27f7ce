"""How a box begins: by a fork of an interpreter that has its imports behind it, or, where the kernel does not allow that, by a new interpreter."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from adaptlab.grading import walls
from adaptlab.grading.walls import Limits

PATIENCE = 60.0  # seconds for the imports, on a machine that has other things to do
SERVER = (sys.executable, "-P", "/grader/serve.py")
HOLDER = ("/usr/bin/sh", "-c", "echo; exec sleep infinity")  # keeps the namespaces until it is killed, and everything in them with it


@dataclass
class Begun:
    """A box that runs: bubblewrap's process, the two ends of the conversation, and of a fork its processes and where it says how it ended."""

    process: subprocess.Popen
    into: IO[bytes]
    out: IO[bytes]
    status: IO[bytes] | None = None
    pids: list[int] = field(default_factory=list)

    def close(self) -> None:
        """Kill the box; with the first process of its namespace every other one in it ends. Waits until that is so."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for end in filter(None, (self.into, self.out, self.status, self.process.stdout)):
            end.close()
        until = time.monotonic() + 2
        while any(os.path.exists(f"/proc/{pid}") for pid in self.pids) and time.monotonic() < until:
            time.sleep(0.002)

    def code(self) -> int | None:
        """The exit status of the server, negative for a signal; None if it goes on."""
        if self.status:
            return int(_line(self.status, 1) or 1)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        return self.process.poll()


def _line(file: IO[bytes], seconds: float) -> bytes:
    """The next line of a pipe; empty if there is none in time."""
    return file.readline() if select.select([file], [], [], seconds)[0] else b""


def bwrap(folder: Path, limits: Limits, inside: Sequence[str], **pipes) -> subprocess.Popen:
    """Start bubblewrap with a command inside."""
    with os.fdopen(os.memfd_create("calls"), "wb") as calls:
        calls.write(walls.system_calls())
        calls.seek(0)
        info = pipes.pop("info", None)
        command = walls.bwrap_command(folder, limits, calls.fileno(), inside, info)
        handed = [calls.fileno(), *([] if info is None else [info])]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=handed, start_new_session=True, **pipes)


class Warm:
    """An interpreter that waits, imports done, to become boxes."""

    def __init__(self, folder: Path):
        self.folder, self.usable = folder, None
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen([sys.executable, "-P", folder / "begin.py"], stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                            env=walls.environment("/box", "/tmp"), cwd="/", start_new_session=True)  # fmt: skip

    def close(self) -> None:
        self.line.close()
        self.process.kill()
        self.process.wait()

    def begin(self, limits: Limits) -> Begun | None:
        """A box; None where the kernel does not let a process walk into one."""
        if self.usable is None:
            self.usable = bool(select.select([self.line], [], [], PATIENCE)[0]) and self.line.recv(10) == b"ready"
        if not self.usable:
            return None
        read, write = os.pipe()
        with os.fdopen(read) as info:
            process = bwrap(self.folder, limits, HOLDER, info=write, stdin=subprocess.DEVNULL)
            os.close(write)
            said = info.read()
        with contextlib.suppress(OSError, ValueError, KeyError):  # it has ended already
            if process.stdout.read(1):
                begun = self._walk_in(process, os.pidfd_open(json.loads(said)["child-pid"]), limits)
                if begun.pids:
                    return begun
                begun.close()
        process.kill()
        process.wait()
        self.usable = False
        return None

    def _walk_in(self, process: subprocess.Popen, holder: int, limits: Limits) -> Begun:
        """Ask for a fork that becomes the server of the box whose first process the descriptor `holder` is; without processes if none does."""
        (into_read, into), (out, out_write), (status, status_write) = os.pipe(), os.pipe(), os.pipe()
        given = [holder, into_read, out_write, status_write]
        begun = Begun(process, os.fdopen(into, "wb", 0), os.fdopen(out, "rb", 0), os.fdopen(status, "rb", 0))
        message = {"limits": walls.kernel_limits(limits), "calls": walls.system_calls().hex()}
        with contextlib.suppress(OSError):  # the interpreter has ended: then nobody answers at `status`
            socket.send_fds(self.line, [json.dumps(message).encode()], given)
        for number in given:
            os.close(number)
        begun.pids = [int(pid) for pid in _line(begun.status, 10).split()]
        return begun


WARM: dict[Path, Warm] = {}  # by the folder of the harness


def warm_up(folder: Path) -> None:
    """Let an interpreter of this process wait for the boxes of a harness."""
    WARM[folder] = Warm(folder)


def cool_down(folder: Path) -> None:
    if folder in WARM:
        WARM.pop(folder).close()


def begin(folder: Path, limits: Limits) -> Begun:
    """Begin a box by the quickest way that there is."""
    if folder in WARM and (begun := WARM[folder].begin(limits)):
        return begun
    process = bwrap(folder, limits, SERVER, stdin=subprocess.PIPE)
    return Begun(process, process.stdin, process.stdout)
