"""A running sandbox of any level: its pipes, its resource use as measured from outside, its exit
status, and how to end it.
"""

import contextlib
import os
import select
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import IO


@dataclass
class RunningSandbox(ABC):
    """Base class; each level has its own subclass."""

    into: IO[bytes]
    out: IO[bytes]

    @abstractmethod
    def close(self) -> None:
        """Kill all processes in the sandbox, and wait until they have ended."""

    @abstractmethod
    def code(self) -> int | None:
        """Return the exit status of the server, negative for a signal; None if it is still
        running.
        """

    @abstractmethod
    def processes(self) -> set:
        """Return the sandbox's processes as psutil objects. Empty if they are not visible and the
        kernel limits them together.
        """

    def written(self) -> int:
        """Return the bytes on disk if the files are not in memory; stops counting at the limit."""
        return 0

    def n_files(self, processes: Collection) -> int:
        """Return the number of files in the sandbox's file systems in memory."""
        return 0

    def shortage(self) -> str:
        """Return what this machine is short of, so that the sandbox must end through no fault of
        the student; "" if nothing.
        """
        return ""


@dataclass
class RunningProcess(RunningSandbox):
    """A sandbox whose server is our child process, or a process inside it."""

    process: subprocess.Popen

    def code(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        return self.process.poll()

    def processes(self) -> set:
        return alive(self.process.pid) | below(self.process.pid)


def below(root: int) -> set:
    """Return all descendants of a process."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return set(psutil.Process(root).children(recursive=True))
    return set()


def alive(pid: int) -> set:
    """Return a process as a set; empty if it does not exist."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return {psutil.Process(pid)}
    return set()


def files_in_memory(pid: int, places: tuple[str, ...]) -> int:
    """Return the number of files in the file systems at these places, as seen by a process. 0 if it
    has ended, belongs to another user, or does not see all of them.
    """
    try:
        held = [os.statvfs(f"/proc/{pid}/root{place}") for place in places]
    except OSError:
        return 0
    return sum(one.f_files - one.f_ffree for one in held)


def line(file: IO[bytes], seconds: float) -> bytes:
    """Return the next line of a pipe; empty if none comes in time."""
    return file.readline() if select.select([file], [], [], seconds)[0] else b""
