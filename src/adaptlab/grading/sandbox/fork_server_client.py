"""An interpreter that has its imports behind it, of which boxes are forks, so that they begin
quickly.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from adaptlab.grading.sandbox.limits import environment
from adaptlab.grading.sandbox.running import RunningSandbox, line

PATIENCE = 60.0  # seconds for the imports, on a machine that has other things to do


@dataclass
class RunningFork(RunningSandbox):
    """A box whose server is a fork; `status` is where it says how that ended, and `pids` are those
    of the server and of what waits for its end.
    """

    status: IO[bytes]
    pids: list[int]

    def code(self) -> int | None:
        return int(line(self.status, 1) or 1)

    def release(self) -> None:
        """Close the pipes."""
        for end in (self.into, self.out, self.status):
            end.close()


class ForkServer:
    """An interpreter that waits, imports done, to become boxes."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.usable: bool | None = None
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [
                sys.executable,
                "-P",
                "-m",
                "adaptlab.grading.sandbox.fork_server",
                str(folder),
            ]
            self.process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment("/box", "/tmp"),
                cwd="/",
                start_new_session=True,
            )

    def ready(self) -> bool:
        """Whether it can become boxes, as far as is known; waits for its imports."""
        if self.usable is None:
            self.usable = (
                bool(select.select([self.line], [], [], PATIENCE)[0])
                and self.line.recv(10) == b"ready"
            )
        return bool(self.usable)

    def mapped_bytes(self) -> int:
        """Addresses that its imports take, libraries on the disk included; 0 if it has ended."""
        import psutil

        try:
            return psutil.Process(self.process.pid).memory_info().vms
        except psutil.Error:
            return 0

    def close(self) -> None:
        self.line.close()
        self.process.kill()
        self.process.wait()

    def fork(
        self, message: dict, special: int
    ) -> tuple[IO[bytes], IO[bytes], IO[bytes], list[int]]:
        """Ask for a fork that becomes the server of a box, by a message and a descriptor of its
        level. What a `RunningFork` is made of, or no processes.
        """
        (into_read, into), (out, out_write), (status, status_write) = (
            os.pipe(),
            os.pipe(),
            os.pipe(),
        )
        given = [into_read, out_write, status_write, special]
        # The interpreter has ended: then nobody answers at `status`.
        with contextlib.suppress(OSError):
            socket.send_fds(self.line, [json.dumps(message).encode()], given)
        for number in given:
            os.close(number)
        told = os.fdopen(status, "rb", 0)
        return (
            os.fdopen(into, "wb", 0),
            os.fdopen(out, "rb", 0),
            told,
            [int(pid) for pid in line(told, 10).split()],
        )


FORK_SERVERS: dict[Path, ForkServer] = {}  # by the folder of the harness


def start_fork_server(folder: Path) -> None:
    """Let an interpreter of this process wait for the boxes of a harness."""
    FORK_SERVERS[folder] = ForkServer(folder)


def stop_fork_server(folder: Path) -> None:
    if folder in FORK_SERVERS:
        FORK_SERVERS.pop(folder).close()
