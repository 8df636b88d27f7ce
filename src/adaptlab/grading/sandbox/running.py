"""A box that runs, whatever its level: the two ends of the conversation, what it uses as seen from
outside, how it ended, and its end.
"""

import contextlib
import os
import select
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import IO


@dataclass
class RunningSandbox(ABC):
    """Each level has its own."""

    into: IO[bytes]
    out: IO[bytes]

    @abstractmethod
    def close(self) -> None:
        """Kill all that is in the box, and wait until that is so."""

    @abstractmethod
    def code(self) -> int | None:
        """The exit status of the server, negative for a signal; None if it goes on."""

    @abstractmethod
    def processes(self) -> set:
        """The box's processes, as psutil's; none where they cannot be seen, and the kernel keeps
        their limits together.
        """

    def written(self) -> int:
        """Bytes that the box has on the disk, where its files are not in a memory of their own;
        counted no further than it may have.
        """
        return 0

    def n_files(self) -> int:
        """Files that the box has made, where they are in a memory of their own."""
        return 0

    def shortage(self) -> str:
        """What this machine is short of, so that the box must end through no fault of its own;
        empty if nothing.
        """
        return ""


@dataclass
class RunningProcess(RunningSandbox):
    """A box whose server is a process of ours, or within one."""

    process: subprocess.Popen

    def code(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        return self.process.poll()

    def processes(self) -> set:
        return alive(self.process.pid) | below(self.process.pid)


def below(root: int) -> set:
    """All processes that a process began, and those that these began."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return set(psutil.Process(root).children(recursive=True))
    return set()


def alive(pid: int) -> set:
    """A process, if it is there."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return {psutil.Process(pid)}
    return set()


def files_in_memory(pid: int, places: tuple[str, ...]) -> int:
    """Files in the file systems at these places, as the process with this number sees them; 0 if
    it has gone, is another user's, or does not see all of them."""
    try:
        held = [os.statvfs(f"/proc/{pid}/root{place}") for place in places]
    except OSError:
        return 0
    return sum(one.f_files - one.f_ffree for one in held)


def line(file: IO[bytes], seconds: float) -> bytes:
    """The next line of a pipe; empty if there is none in time."""
    return file.readline() if select.select([file], [], [], seconds)[0] else b""
