"""The client of a fork server: an interpreter with its imports done, whose forks become sandboxes,
so that they start fast.
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

PATIENCE = 60.0  # seconds for the imports, on a busy machine


@dataclass
class RunningFork(RunningSandbox):
    """A sandbox whose server is a fork. The fork reports its exit status through `status`; `pids`
    are the server and the process that waits for its end.
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
    """A fork server with its imports done, for the sandboxes of one harness."""

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
        """Whether it can make sandboxes, as far as is known; waits for its imports."""
        if self.usable is None:
            self.usable = (
                bool(select.select([self.line], [], [], PATIENCE)[0])
                and self.line.recv(10) == b"ready"
            )
        return bool(self.usable)

    def mapped_bytes(self) -> int:
        """Return the address space that its imports take, including mapped libraries, in bytes; 0
        if it has ended.
        """
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
        """Request a fork that becomes the server of a sandbox, with a message and a descriptor for
        its level.

        Returns the fields of a `RunningFork`: the pipes, and the pids, which are empty if it
        failed.
        """
        (into_read, into), (out, out_write), (status, status_write) = (
            os.pipe(),
            os.pipe(),
            os.pipe(),
        )
        given = [into_read, out_write, status_write, special]
        # If the fork server has ended, `status` gives no answer.
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
    """Start a fork server in this process for the sandboxes of a harness."""
    FORK_SERVERS[folder] = ForkServer(folder)


def stop_fork_server(folder: Path) -> None:
    if folder in FORK_SERVERS:
        FORK_SERVERS.pop(folder).close()
