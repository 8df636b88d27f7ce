"""The level "landlock": a sandbox without namespaces, for machines that do not allow them. It
shares more with the system, and guarantees less.

Its files are on disk in its own folder. The grader monitors this folder, the memory and the
processes from outside, and removes the folder at the end.
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
from collections.abc import Collection, Iterable
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

DEEPEST = 50  # depth of nested folders
RESERVE = 1024 * MIB
SMALLEST = 1024  # minimum bytes that a file counts: empty ones fill a disk, too
ROOM = 1000  # processes that the grader's user may start in addition to the sandbox's


def missing() -> str:
    """Return why this level is not available here; "" if it is."""
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        return "it needs Linux on x86_64 or aarch64"
    from adaptlab.grading.sandbox import landlock_supervisor  # imports only on Linux

    if landlock_supervisor.version() < landlock_supervisor.NEEDED:
        return (
            "the kernel's Landlock is switched off, or too old to restrict signals (needs Linux"
            " 6.12)"
        )
    return ""


@dataclass
class Fenced(RunningFork):
    """A sandbox isolated by Landlock. It ends when the supervisor's lifeline is closed.

    `most` and `most_files`: its limits of bytes and files on disk.
    """

    lifeline: IO[bytes]
    home: Path
    most: int
    most_files: int
    seen_files: int = 0

    def close(self) -> None:
        self.lifeline.close()
        while line(self.status, 10):  # until the supervisor has ended, too
            pass
        self.release()
        remove(self.home)

    def code(self) -> int | None:
        """Return the exit status of the server. If the supervisor ends without a report, SIGKILL is
        assumed: only a process outside can have killed it.
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

    def n_files(self, processes: Collection) -> int:
        return self.seen_files

    def shortage(self) -> str:
        """Return why the machine is short of disk space; "" if it is not.

        Files without a name that are mapped but not open cannot be counted, and must not fill the
        disk either.
        """
        return (
            ""
            if shutil.disk_usage(self.home).free > RESERVE
            else "the disk of this machine is nearly full"
        )


def size(folder: Path, most: int, most_files: int) -> tuple[int, int]:
    """Return the bytes and the number of files in a folder that hostile code may change meanwhile.

    Counting stops when either exceeds its limit. A folder that cannot be read counts as too many
    bytes.
    """
    found = _Found(most, most_files)
    try:
        _count(_opened(folder), found, DEEPEST)
    except OSError:
        found.n_bytes = most + 1
    return found.n_bytes, found.n_files


@dataclass
class _Found:
    """The bytes and files that were counted in a folder so far."""

    most: int
    most_files: int
    n_bytes: int = 0
    n_files: int = 0

    @property
    def is_too_much(self) -> bool:
        return self.n_bytes > self.most or self.n_files > self.most_files


def nameless(processes: Iterable) -> int:
    """Return the bytes of files that processes hold open and that have no name in a folder any
    more.
    """
    found: dict[tuple[int, int], int] = {}
    for process in processes:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{process.pid}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # it may have just been closed
                    held = entry.stat()
                    if stat.S_ISREG(held.st_mode) and held.st_nlink == 0:
                        found[held.st_dev, held.st_ino] = 512 * held.st_blocks
    return sum(found.values())


def _opened(name: str | Path, within: int | None = None) -> int:
    """Return a descriptor of a folder; raises OSError if it was replaced by something else, such as
    a link.
    """
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)


def _count(place: int, found: _Found, depth: int) -> None:
    if not depth:
        found.n_bytes = found.most + 1
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if found.is_too_much:
                    break
                # It may have just been removed or replaced.
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
    """Remove a folder at any depth, also if its permissions forbid it."""
    if subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL).returncode:
        subprocess.run(["chmod", "-R", "u+rwX", "--", folder], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL)


def _processes_of_user() -> int:
    """Return the number of processes and threads of the grader's user. The kernel limits this
    number for all sandboxes and other programs together.
    """
    import psutil

    found = psutil.process_iter(["uids", "num_threads"])
    return sum(
        process.info["num_threads"] or 0
        for process in found
        if process.info["uids"] and process.info["uids"].real == os.getuid()
    )


def begin(folder: Path, limits: Limits) -> Fenced:
    """Start a sandbox: a fork of the running fork server, or of a new one."""
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
