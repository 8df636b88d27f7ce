"""The level "landlock": a box without namespaces, for machines where they are switched off. It
shares more with its surroundings, and promises less.

Its files are on the disk, in a folder of its own, which is watched from outside and removed; its
memory and its processes are watched as well.
"""

import contextlib
import os
import platform
import select
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from adaptlab.grading.sandbox.fork_server_client import (
    FORK_SERVERS,
    RunningFork,
    start_fork_server,
    stop_fork_server,
)
from adaptlab.grading.sandbox.limits import (
    GRADING,
    MIB,
    PREFIX,
    SYSTEM,
    Limits,
    environment,
    kernel_limits,
    readable,
)
from adaptlab.grading.sandbox.running import below, line
from adaptlab.grading.sandbox.seccomp import MACHINES, system_calls

DEEPEST = 50  # folders in folders
RESERVE = 1024 * MIB
SMALLEST = 1024  # what a file counts at least: empty ones fill a disk, too
ROOM = 1000  # processes that the user of the grader may begin beside the box's


def missing() -> str:
    """Why there is no such box here; empty if there is."""
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        return "it needs Linux on x86_64 or aarch64"
    from adaptlab.grading.sandbox import landlock_supervisor  # which knows Linux alone

    if landlock_supervisor.version() < landlock_supervisor.NEEDED:
        return (
            "the kernel's Landlock is switched off, or too old to keep signals inside (that came"
            " with Linux 6.12)"
        )
    return ""


@dataclass
class Fenced(RunningFork):
    """A box behind a fence, which ends when the supervisor's lifeline is let go. `most` and
    `most_files`: what it may have on the disk.
    """

    lifeline: IO[bytes]
    home: Path
    most: int
    most_files: int
    seen_files: int = 0

    def close(self) -> None:
        self.lifeline.close()
        while line(self.status, 10):  # until the supervisor has gone, too
            pass
        self.release()
        remove(self.home)

    def code(self) -> int | None:
        """Where the supervisor ends without a word somebody outside has killed him: nobody inside
        can.
        """
        return (
            int(self.status.readline() or -signal.SIGKILL)
            if select.select([self.status], [], [], 1)[0]
            else None
        )

    def processes(self) -> set:
        return {process for pid in self.pids[1:] for process in below(pid)}

    def written(self) -> int:
        n_bytes, self.seen_files = size(self.home, self.most, self.most_files)
        return n_bytes + nameless(self.processes())

    def n_files(self) -> int:
        return self.seen_files

    def shortage(self) -> str:
        """Files without a name that are mapped, and not open, cannot be counted, and must not fill
        the disk either.
        """
        return (
            ""
            if shutil.disk_usage(self.home).free > RESERVE
            else "the disk of this machine is nearly full"
        )


def size(folder: Path, most: int, most_files: int) -> tuple[int, int]:
    """Bytes and number of all that stands in a folder which somebody hostile changes meanwhile.

    It counts no further than to the most of either, and what it cannot look into as too many bytes.
    """
    found = _Found(most, most_files)
    try:
        _count(_opened(folder), found, DEEPEST)
    except OSError:
        found.n_bytes = most + 1
    return found.n_bytes, found.n_files


@dataclass
class _Found:
    """What was counted in a folder so far."""

    most: int
    most_files: int
    n_bytes: int = 0
    n_files: int = 0

    @property
    def is_too_much(self) -> bool:
        return self.n_bytes > self.most or self.n_files > self.most_files


def nameless(processes: Iterable) -> int:
    """Bytes of files that processes hold open and that stand in no folder any more."""
    found: dict[tuple[int, int], int] = {}
    for process in processes:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{process.pid}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # it has just been closed
                    held = entry.stat()
                    if stat.S_ISREG(held.st_mode) and held.st_nlink == 0:
                        found[held.st_dev, held.st_ino] = 512 * held.st_blocks
    return sum(found.values())


def _opened(name: str | Path, within: int | None = None) -> int:
    """A descriptor of a folder, and of nothing that somebody has put in its place."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)


def _count(place: int, found: _Found, depth: int) -> None:
    if not depth:
        found.n_bytes = found.most + 1
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if found.is_too_much:
                    break
                # It has just gone, or become another thing.
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    found.n_bytes += max(
                        SMALLEST, 512 * entry.stat(follow_symlinks=False).st_blocks
                    )
                    found.n_files += 1
                    if entry.is_dir(follow_symlinks=False):
                        _count(_opened(entry.name, place), found, depth - 1)
    finally:
        os.close(place)


def remove(folder: Path) -> None:
    """Remove a folder however deep it is, and whatever its owner forbade himself in it."""
    if subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL).returncode:
        subprocess.run(["chmod", "-R", "u+rwX", "--", folder], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL)


def _processes_of_user() -> int:
    """Processes and threads of the grader's user, whose number the kernel limits for all boxes and
    other programs together.
    """
    import psutil

    found = psutil.process_iter(["uids", "num_threads"])
    return sum(
        process.info["num_threads"] or 0
        for process in found
        if process.info["uids"] and process.info["uids"].real == os.getuid()
    )


def begin(folder: Path, limits: Limits) -> Fenced:
    """Begin a box: a fork of the interpreter that waits, or of a new one."""
    if (
        folder not in FORK_SERVERS
        or FORK_SERVERS[folder].process.poll() is not None
        or not FORK_SERVERS[folder].ready()
    ):
        stop_fork_server(folder)
        start_fork_server(folder)
        FORK_SERVERS[folder].ready()
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    (home / "tmp").mkdir()
    places = {path.resolve() for path in (*SYSTEM, *readable(), folder)}
    kept = kernel_limits(limits, FORK_SERVERS[folder].mapped_bytes()) | {
        "nproc": _processes_of_user() + limits.processes + ROOM
    }
    message = {
        "level": "landlock",
        "harness": str(folder),
        "home": str(home),
        "readable": sorted(map(str, places)),
        "without": str(GRADING),
        "environment": environment(str(home), str(home / "tmp")),
        "limits": kept,
        "calls": system_calls(apart=False).hex(),
    }
    held, lifeline = os.pipe()
    return Fenced(
        *FORK_SERVERS[folder].fork(message, held),
        os.fdopen(lifeline, "wb", 0),
        home,
        limits.disk_bytes,
        limits.files,
    )
