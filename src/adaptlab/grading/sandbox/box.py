"""A box for a stranger's code: a process that reaches no home, no network and no other process, and
that speaks with us through one capped pipe.

What keeps it in hangs on its level (levels.py); the conversation, its clock and what is watched
from outside are the same at every level.
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adaptlab.grading.codec import encode
from adaptlab.grading.sandbox.fork_server_client import start_fork_server, stop_fork_server
from adaptlab.grading.sandbox.landlock import remove
from adaptlab.grading.sandbox.levels import LEVELS
from adaptlab.grading.sandbox.limits import DEFAULT, GRADING, MIB, PREFIX, Limits
from adaptlab.grading.storable import storable

ERROR_BYTES = 2**16  # of what a cell says of itself
STOPPED_SECONDS = 2  # that a process may stand still by a signal while its answer is awaited
FORGED = "something in the notebook wrote an answer of its own into the pipe of the grader"


class BoxError(Exception):
    """A box ended before it answered; `status` is what the ledger calls that, the message what a
    student is told.

    `killed`: by SIGKILL or SIGSTOP, which may have come from outside, as from a machine that is
    short of memory.
    """

    def __init__(self, status: str, message: str, killed: bool = False):
        super().__init__(message)
        self.status = status
        self.killed = killed


def harness(folder: Path) -> Path:
    """Put into a folder what goes into every box: the server, the wire, the probes, matplotlib's
    list of fonts; no right answer.
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
    """A running box. `run` and `call` wait for its answers and raise BoxError when there will be
    none; leaving the context kills all that is in it.
    """

    def __init__(self, folder: Path, level: str, limits: Limits = DEFAULT):
        self.limits = limits
        self.buffer = bytearray()
        self.peak_bytes = 0
        self.stopped_since: float | None = None
        self.begun = LEVELS[level].begin(folder, limits)
        # The interpreter that waits may have had its imports before it.
        self.began = self.step_began = self.watched = time.monotonic()
        os.set_blocking(self.begun.out.fileno(), False)
        os.set_blocking(self.begun.into.fileno(), False)

    def __enter__(self) -> "Box":
        try:
            self._answer("ready")
        except BoxError as error:
            self.close()
            raise BoxError("grader error", f"the box did not start: {error}") from error
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Kill all that is in the box."""
        self._measure()
        self.begun.close()

    def run(self, source: str) -> str | None:
        """Run a cell; its error in a line, or None."""
        self.step_began = time.monotonic()
        said = self._ask({"source": source}, ERROR_BYTES)
        self._supervise()  # what a cell leaves running is its own, and not the next one's
        try:
            error = json.loads(said)["error"]
        except (ValueError, RecursionError, LookupError, TypeError) as fault:
            raise BoxError("invalid", FORGED) from fault
        return None if error is None else storable(str(error)[:500])

    def call(self, probe: str, name: str, inputs: Sequence[Sequence[Any]]) -> list[bytes]:
        """What an answer returned for several arguments, as it was sent; all calls are one step."""
        self.step_began = time.monotonic()
        answers = []
        left = self.limits.answer_bytes
        for args in inputs:
            given = [encode(arg) for arg in args]
            answers.append(self._ask({"probe": probe, "name": name, "args": given}, left))
            left -= len(answers[-1])
        return answers

    def read(self, names: Sequence[str]) -> bytes:
        """Variables of the notebook, as they were sent; none that is not there."""
        self.step_began = time.monotonic()
        return self._ask({"read": list(names)}, self.limits.answer_bytes)

    def _ask(self, message: dict, most: int) -> bytes:
        """Send a message under a fresh id, and wait for the answer with that id: one that was
        prepared before cannot know it.
        """
        number = secrets.token_hex(16)
        self._send(json.dumps(message | {"id": number}).encode() + b"\n")
        return self._answer(number, most)

    def _answer(self, number: str, most: int = ERROR_BYTES) -> bytes:
        """The next line without the number that it has to begin with; it is not read here."""
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
        """The next line, of so many bytes at most."""
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
                raise BoxError("resource limit", f"what the answer returned had more than {size}")
            if select.select([self.begun.out], [], [], 0.1)[0]:
                piece = os.read(self.begun.out.fileno(), MIB)
                if not piece:
                    raise self._ended()
                self.buffer += piece
        raise AssertionError("waiting ends by an error")

    def _waiting(self) -> Iterator[None]:
        """Goes round while there is time and memory."""
        while True:
            now = time.monotonic()
            if (
                now - self.step_began > self.limits.step_seconds
                or now - self.began > self.limits.total_seconds
            ):
                raise BoxError(
                    "timeout",
                    "nothing came back within"
                    f" {min(self.limits.step_seconds, self.limits.total_seconds):.0f} seconds",
                )
            if now - self.watched > 0.2:
                self.watched = now
                self._supervise()
            yield

    def _measure(self) -> tuple[int, int, int]:
        """Bytes, threads and open files of all processes of the box, from outside."""
        import psutil

        used = n_threads = n_open = 0
        stopped = False
        for process in self.begun.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                used += process.memory_info().rss
                n_threads += process.num_threads()
                stopped = stopped or process.status() == psutil.STATUS_STOPPED
            # Sockets and pipes hold memory that is no process's.
            with contextlib.suppress(psutil.Error, OSError):
                n_open += process.num_fds()
        self.peak_bytes = max(self.peak_bytes, used)
        self.stopped_since = (self.stopped_since or time.monotonic()) if stopped else None
        return used, n_threads, n_open

    def _supervise(self) -> None:
        """Limits by process do not add up, and root has none on their number: what all processes of
        the box take together counts.
        """
        used, n_threads, n_open = self._measure()
        if n_open > self.limits.open_files:
            raise BoxError(
                "resource limit",
                f"the notebook had {n_open} files and sockets open, and may have"
                f" {self.limits.open_files}",
            )
        n_written = self.begun.written()  # before the files, which it may count, too
        if self.begun.n_files() > self.limits.files:
            raise BoxError(
                "resource limit", f"the notebook made more than {self.limits.files} files"
            )
        if n_threads > self.limits.processes:
            raise BoxError(
                "resource limit",
                f"the notebook ran {n_threads} processes and threads, and may run"
                f" {self.limits.processes}",
            )
        if used > self.limits.memory_bytes:
            raise BoxError(
                "resource limit",
                f"the notebook's processes held {used // MIB} MiB, and may hold"
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
                "a process of the notebook stood still by a signal, as SIGSTOP, and did not go on",
                killed=True,
            )
        if short := self.begun.shortage():
            raise BoxError("grader error", short)

    def _ended(self) -> BoxError:
        code = self.begun.code()
        how = (
            "its conversation with the grader"
            if code is None
            else f"by signal {signal.Signals(-code).name}"
            if code < 0
            else f"with status {code}"
        )
        return BoxError(
            "crash",
            f"the notebook's process ended {how} before it had answered",
            code == -signal.SIGKILL,
        )


@contextlib.contextmanager
def prepared(warm: bool = True) -> Iterator[Path]:
    """A folder with the harness, for as many boxes as one likes; what graders left behind that were
    killed is swept away first.

    `warm`: have an interpreter ready for the boxes that this process begins.
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
    """Remove our folders whose process, which stands in their name, is gone."""
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
