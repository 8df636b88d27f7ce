"""A sandbox for untrusted code: a process without access to home folders, the network and other
processes. It talks to the grader through one pipe with size limits.

The level decides what isolates the process (levels.py). The protocol, the time limits and the
monitoring from outside are the same at every level.
"""

import contextlib
import json
import os
import re
import secrets
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from adaptlab.grading.codec import encode
from adaptlab.grading.sandbox.fork_server_client import start_fork_server, stop_fork_server
from adaptlab.grading.sandbox.landlock import remove
from adaptlab.grading.sandbox.levels import LEVELS
from adaptlab.grading.sandbox.limits import DEFAULT, GRADING, MIB, PREFIX, Limits
from adaptlab.grading.storable import storable

ERROR_BYTES = 2**16  # size limit of a cell's error message
STOPPED_SECONDS = 2  # how long a signal may stop a process while the grader waits for its answer
FORGED = "code in the notebook wrote its own answer into the pipe to the grader"


class BoxError(Exception):
    """A sandbox ended before it answered.

    `status` is the status of the mark, and the message is the feedback. `killed`: it was ended by
    SIGKILL or SIGSTOP, which may come from outside, for example when the machine is short of
    memory.
    """

    def __init__(self, status: str, message: str, killed: bool = False):
        super().__init__(message)
        self.status = status
        self.killed = killed


def harness(folder: Path) -> Path:
    """Copy into a folder what every sandbox needs: the server, the codec, the probes, and
    matplotlib's font list. None of it contains reference answers.
    """
    shutil.copy(GRADING / "sandbox" / "server.py", folder / "server.py")
    shutil.copy(GRADING / "codec.py", folder / "codec.py")
    shutil.copytree(
        GRADING / "probes",
        folder / "probes",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    import matplotlib

    (folder / "matplotlib").mkdir(exist_ok=True)
    for fonts in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        shutil.copy(fonts, folder / "matplotlib" / fonts.name)
    return folder


class Box:
    """A running sandbox. `run` and `call` wait for its answers. Leaving the context kills all its
    processes.

    Raises:
        BoxError: from any method, if no answer will come.
    """

    def __init__(self, folder: Path, level: str, limits: Limits = DEFAULT):
        self.limits = limits
        self.buffer = bytearray()
        self.peak_bytes = 0
        self.stopped_since: float | None = None
        self.begun = LEVELS[level].begin(folder, limits)
        # Set after the start: the fork server may first need time for its imports.
        self.began = self.step_began = self.watched = time.monotonic()
        os.set_blocking(self.begun.out.fileno(), False)
        os.set_blocking(self.begun.into.fileno(), False)

    def __enter__(self) -> "Box":
        try:
            self._answer("ready")
        except BoxError as error:
            self.close()
            raise BoxError("grader error", f"the sandbox did not start: {error}") from error
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Kill all processes in the sandbox."""
        self._measure(self.begun.processes())
        self.begun.close()

    def run(self, source: str) -> str | None:
        """Run a cell; returns its error in one line, or None."""
        self.step_began = time.monotonic()
        said = self._ask({"source": source}, ERROR_BYTES)
        self._supervise()  # charge processes that a cell leaves running to this cell
        try:
            error = json.loads(said)["error"]
        except (ValueError, RecursionError, LookupError, TypeError) as fault:
            raise BoxError("invalid", FORGED) from fault
        return None if error is None else storable(str(error)[:500])

    def call(self, probe: str, name: str, inputs: Sequence[Sequence[Any]]) -> list[bytes]:
        """Return the encoded results of an answer for several inputs. All calls are one step for
        the limits.
        """
        self.step_began = time.monotonic()
        answers = []
        left = self.limits.answer_bytes
        for args in inputs:
            given = [encode(arg) for arg in args]
            answers.append(self._ask({"probe": probe, "name": name, "args": given}, left))
            left -= len(answers[-1])
        return answers

    def read(self, names: Sequence[str]) -> bytes:
        """Return the encoded variables of the notebook by name; None for a variable that is not
        defined.
        """
        self.step_began = time.monotonic()
        return self._ask({"read": list(names)}, self.limits.answer_bytes)

    def _ask(self, message: dict, most: int) -> bytes:
        """Send a message with a new random id, and wait for the answer with this id. An answer that
        was prepared earlier cannot know it.
        """
        number = secrets.token_hex(16)
        self._send(json.dumps(message | {"id": number}).encode() + b"\n")
        return self._answer(number, most)

    def _answer(self, number: str, most: int = ERROR_BYTES) -> bytes:
        """Return the next line without the id that it must begin with. The line is not decoded
        here.
        """
        said, _, answer = self._receive(most + len(number) + 1).partition(b" ")
        if said != number.encode():
            raise BoxError("invalid", FORGED)
        return answer

    def _send(self, data: bytes) -> None:
        for _ in self._waiting():
            try:
                data = data[os.write(self.begun.into.fileno(), data) :]
            except BlockingIOError:
                select.select([], [self.begun.into], [], 0.2)
            except BrokenPipeError:
                raise self._ended() from None
            if not data:
                return

    def _receive(self, most: int) -> bytes:
        """Return the next line, of at most `most` bytes."""
        searched = 0
        for _ in self._waiting():
            end = self.buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self.buffer[:end])
                del self.buffer[: end + 1]
                return line
            searched = len(self.buffer)
            if searched > most:
                size = f"{self.limits.answer_bytes // MIB} MiB"
                raise BoxError("resource limit", f"the answer returned more than {size}")
            if select.select([self.begun.out], [], [], 0.1)[0]:
                piece = os.read(self.begun.out.fileno(), MIB)
                if not piece:
                    raise self._ended()
                self.buffer += piece
        raise AssertionError("waiting ends with an error")

    def _waiting(self) -> Iterator[None]:
        """Loop while the time and resource limits are kept."""
        while True:
            now = time.monotonic()
            if (
                now - self.step_began > self.limits.step_seconds
                or now - self.began > self.limits.total_seconds
            ):
                raise BoxError(
                    "timeout",
                    "no answer within"
                    f" {min(self.limits.step_seconds, self.limits.total_seconds):.0f} seconds",
                )
            if now - self.watched > 0.2:
                self.watched = now
                self._supervise()
            yield

    def _measure(self, processes: Collection) -> tuple[int, int, int]:
        """Return the memory in bytes, the threads and the open files of the sandbox's processes,
        measured from outside.
        """
        import psutil

        used = n_threads = n_open = 0
        stopped = False
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                used += process.memory_info().rss
                n_threads += process.num_threads()
                stopped = stopped or process.status() == psutil.STATUS_STOPPED
            # Sockets and pipes hold memory that counts for no process.
            with contextlib.suppress(psutil.Error, OSError):
                n_open += process.num_fds()
        self.peak_bytes = max(self.peak_bytes, used)
        self.stopped_since = (self.stopped_since or time.monotonic()) if stopped else None
        return used, n_threads, n_open

    def _supervise(self) -> None:
        """Check the totals of all processes against the limits. Limits of single processes do not
        add up, and root has no limit on the number of processes.
        """
        processes = self.begun.processes()  # once: it reads every process of the machine
        used, n_threads, n_open = self._measure(processes)
        if n_open > self.limits.open_files:
            raise BoxError(
                "resource limit",
                f"the notebook had {n_open} files and sockets open; the limit is"
                f" {self.limits.open_files}",
            )
        n_written = self.begun.written()  # before the files, which it may count, too
        if self.begun.n_files(processes) > self.limits.files:
            raise BoxError(
                "resource limit", f"the notebook made more than {self.limits.files} files"
            )
        if n_threads > self.limits.processes:
            raise BoxError(
                "resource limit",
                f"the notebook ran {n_threads} processes and threads; the limit is"
                f" {self.limits.processes}",
            )
        if used > self.limits.memory_bytes:
            raise BoxError(
                "resource limit",
                f"the notebook's processes used {used // MIB} MiB of memory; the limit is"
                f" {self.limits.memory_bytes // MIB}",
            )
        if n_written > self.limits.disk_bytes:
            raise BoxError(
                "resource limit",
                f"the notebook wrote more than {self.limits.disk_bytes // MIB} MiB",
            )
        if self.stopped_since and time.monotonic() - self.stopped_since > STOPPED_SECONDS:
            raise BoxError(
                "crash",
                "a signal such as SIGSTOP stopped a process of the notebook, and it did not"
                " continue",
                killed=True,
            )
        if short := self.begun.shortage():
            raise BoxError("grader error", short)

    def _ended(self) -> BoxError:
        code = self.begun.code()
        how = (
            "its connection to the grader"
            if code is None
            else f"with signal {signal.Signals(-code).name}"
            if code < 0
            else f"with status {code}"
        )
        return BoxError(
            "crash",
            f"the notebook's process ended {how} before it answered",
            code == -signal.SIGKILL,
        )


@contextlib.contextmanager
def prepared(warm: bool = True) -> Iterator[Path]:
    """Provide a folder with the harness, for any number of sandboxes. First removes the folders of
    graders that were killed.

    `warm`: start a fork server, so that sandboxes of this process start fast.
    """
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as name:
        folder = harness(Path(name))
        if warm:
            start_fork_server(folder)
        try:
            yield folder
        finally:
            stop_fork_server(folder)


def _sweep(place: Path) -> None:
    """Remove our folders whose process, named in the folder name, has ended."""
    import psutil

    for folder in place.glob(f"{PREFIX}*"):
        owner = re.match(rf"{PREFIX}(\d+)-", folder.name)
        with contextlib.suppress(FileNotFoundError):
            if (
                owner
                and not folder.is_symlink()
                and folder.stat().st_uid == os.getuid()
                and not psutil.pid_exists(int(owner[1]))
            ):
                remove(folder)
