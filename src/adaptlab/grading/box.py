"""A box for a stranger's code: a process that sees no home, no network and no other process, and that speaks with us through one capped pipe.

It is bubblewrap's: namespaces of its own, everything read-only but three small folders in memory. Where there is no bubblewrap nothing is run.
"""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.grading.wire import NotPlain, decode, encode

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What a box may use; seconds are those of a step (a cell, or all the calls of an answer), and of the whole."""

    step_seconds: float = 30
    total_seconds: float = 180
    memory_bytes: int = 3 * 1024 * MIB
    answer_bytes: int = 64 * MIB
    disk_bytes: int = 200 * MIB
    processes: int = 64


DEFAULT = Limits()


class BoxError(Exception):
    """A box ended before it answered; `status` is what the ledger calls that, the message what a student is told."""

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status = status


def harness(folder: Path) -> Path:
    """Put what goes into every box into a folder: the server, the wire, the probes, and matplotlib's list of fonts; none of it knows a right answer."""
    here = Path(__file__).parent
    for name in ("serve.py", "wire.py"):
        shutil.copy(here / name, folder / name)
    shutil.copytree(here / "probes", folder / "probes", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    import matplotlib

    (folder / "matplotlib").mkdir(exist_ok=True)
    for fonts in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        shutil.copy(fonts, folder / "matplotlib" / fonts.name)
    return folder


def environment(home: str, temporary: str) -> dict[str, str]:
    """All that a box knows of its surroundings: nothing says that it is graded, and arithmetic has one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "ADAPTLAB_UNATTENDED": "1"}
    places = {"HOME": home, "TMPDIR": temporary, "MPLCONFIGDIR": f"{temporary}/matplotlib", "PATH": "/usr/bin", "USER": "student", "LANG": "C.UTF-8"}
    return threads | quiet | places


def readable() -> list[Path]:
    """What a box may read besides the system's own libraries: the interpreter, its packages, and this package without its grading folder."""
    import adaptlab

    places = {Path(sys.prefix), Path(sys.base_prefix), Path(adaptlab.__file__).parent}
    outer = [place.resolve() for place in places]
    return sorted(place for place in outer if not any(place != other and place.is_relative_to(other) for other in outer))


def bwrap_command(folder: Path, limits: Limits) -> list[str]:
    """The command of a box by bubblewrap; `folder` holds the harness.

    The order matters: a size belongs to the tmpfs behind it, what stands later covers what stands earlier, and the root becomes read-only at the end.
    Limits by prlimit are set inside, where they count the box's own processes. CPython needs neither /etc nor a user of its own.
    """
    mounts = ["--ro-bind", "/usr", "/usr"]
    for name in ("lib", "lib64", "bin"):
        if Path(f"/{name}").is_symlink():
            mounts += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        elif Path(f"/{name}").exists():
            mounts += ["--ro-bind", f"/{name}", f"/{name}"]
    mounts += ["--proc", "/proc", "--dev", "/dev", "--size", str(64 * MIB), "--tmpfs", "/dev/shm"]
    for place in ("/tmp", "/box"):
        mounts += ["--size", str(limits.disk_bytes), "--tmpfs", place]
    for place in readable():  # after /tmp, in which the course may stand
        mounts += ["--ro-bind", str(place), str(place)]
    mounts += ["--tmpfs", str(Path(__file__).parent.resolve()), "--remount-ro", str(Path(__file__).parent.resolve())]
    mounts += ["--ro-bind", str(folder), "/grader", "--chdir", "/box", "--remount-ro", "/dev", "--remount-ro", "/"]
    variables = [word for name, value in environment("/box", "/tmp").items() for word in ("--setenv", name, value)]
    apart = ["--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv"]
    return ["bwrap", *apart, *mounts, *variables, "--", *prlimit(limits), sys.executable, "-P", "/grader/serve.py"]


def prlimit(limits: Limits) -> list[str]:
    """The limits that the kernel keeps for each process."""
    sizes = {"nproc": limits.processes, "as": limits.memory_bytes + 2048 * MIB, "fsize": limits.disk_bytes, "nofile": 1024, "core": 0}
    return ["prlimit", *(f"--{name}={value}" for name, value in sizes.items()), "--"]


def level() -> str:
    """The level of this machine's box, "bwrap"; an AdaptLabError where there is none."""
    if shutil.which("bwrap") and subprocess.run(["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true"],
                                                 capture_output=True).returncode == 0:  # fmt: skip
        return "bwrap"
    raise AdaptLabError("Strangers' notebooks need a box, and this machine has none: install bubblewrap (Debian, Ubuntu and WSL2: apt install bubblewrap). "
                        "If it is there and does not start, unprivileged user namespaces are switched off.")  # fmt: skip


class Box:
    """A running box. `run` and `call` wait for its answers and raise BoxError when there will be none; leaving the context kills all that is in it."""

    def __init__(self, folder: Path, limits: Limits = DEFAULT):
        self.limits, self.buffer, self.peak_bytes = limits, bytearray(), 0
        self.began = self.step_began = self.watched = time.monotonic()
        self.process = subprocess.Popen(bwrap_command(folder, limits), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        start_new_session=True)  # fmt: skip
        os.set_blocking(self.process.stdout.fileno(), False)
        os.set_blocking(self.process.stdin.fileno(), False)

    def __enter__(self) -> "Box":
        try:
            if self._receive().get("ready") is not True:
                raise BoxError("grader error", "the box did not begin as it should")
        except BoxError as error:
            self.close()
            raise BoxError("grader error", f"the box did not start: {error}") from error
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Kill the box; with the first process of its namespace every other one in it ends."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def run(self, source: str) -> str | None:
        """Run a cell; its error in a line, or None."""
        self.step_began = time.monotonic()
        error = self._ask({"source": source}).get("error")
        return None if error is None else str(error)[:500]

    def call(self, probe: str, name: str, inputs: Sequence[Sequence[Any]]) -> list:
        """The results of an answer for several arguments, as plain data; what is none is a BoxError. All the calls are one step."""
        self.step_began = time.monotonic()
        return [self._value(self._ask({"probe": probe, "name": name, "args": [encode(arg) for arg in args]})) for args in inputs]

    def read(self, names: Sequence[str]) -> dict[str, Any]:
        """Variables of the notebook, as plain data; None for one that is not there."""
        self.step_began = time.monotonic()
        value = self._value(self._ask({"read": list(names)}))
        return {name: value.get(name) for name in names} if isinstance(value, dict) else dict.fromkeys(names)

    def _value(self, message: dict) -> Any:
        try:
            return decode(message.get("value"))
        except NotPlain as error:
            raise BoxError("invalid", f"what came out of the box is no plain data ({error})") from error

    def _ask(self, message: dict) -> dict:
        """Send a message under a fresh id, and wait for the answer with that id: one that was prepared before cannot know it."""
        number = secrets.token_hex(16)
        self._send(json.dumps(message | {"id": number}).encode() + b"\n")
        answer = self._receive()
        if answer.get("id") != number:
            raise BoxError("invalid", "something in the notebook wrote an answer of its own into the pipe of the grader")
        return answer

    def _send(self, data: bytes) -> None:
        for _ in self._waiting():
            try:
                data = data[os.write(self.process.stdin.fileno(), data) :]
            except BlockingIOError:
                select.select([], [self.process.stdin], [], 0.2)
            except BrokenPipeError:
                raise self._ended() from None
            if not data:
                return

    def _receive(self) -> dict:
        searched = 0
        for _ in self._waiting():
            end = self.buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self.buffer[:end])
                del self.buffer[: end + 1]
                return self._parsed(line)
            searched = len(self.buffer)
            if searched > self.limits.answer_bytes:
                raise BoxError("resource limit", f"an answer had more than {self.limits.answer_bytes // MIB} MiB")
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                piece = os.read(self.process.stdout.fileno(), MIB)
                if not piece:
                    raise self._ended()
                self.buffer += piece
        raise AssertionError("waiting ends by an error")

    @staticmethod
    def _parsed(line: bytes) -> dict:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BoxError("invalid", "something in the notebook wrote into the pipe of the grader") from error
        return message if isinstance(message, dict) else {}

    def _waiting(self) -> Iterator[None]:
        """Goes round while there is time and memory."""
        while True:
            now = time.monotonic()
            if now - self.step_began > self.limits.step_seconds or now - self.began > self.limits.total_seconds:
                raise BoxError("timeout", f"nothing came back within {min(self.limits.step_seconds, self.limits.total_seconds):.0f} seconds")
            if now - self.watched > 0.2:
                self.watched = now
                self._watch_memory()
            yield

    def _watch_memory(self) -> None:
        """Limits by process do not add up: what all processes of the box hold together is read from outside."""
        import psutil

        used = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    used += process.memory_info().rss
        self.peak_bytes = max(self.peak_bytes, used)
        if used > self.limits.memory_bytes:
            raise BoxError("resource limit", f"the notebook's processes held {used // MIB} MiB, and may hold {self.limits.memory_bytes // MIB}")

    def _ended(self) -> BoxError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        code = self.process.poll()
        how = (
            f"by signal {signal.Signals(-code).name}"
            if code and code < 0
            else f"with status {code}"
            if code is not None
            else "its conversation with the grader"
        )
        return BoxError("crash", f"the notebook's process ended {how} before it had answered")


@contextlib.contextmanager
def prepared() -> Iterator[Path]:
    """A folder with the harness, for as many boxes as one likes."""
    with tempfile.TemporaryDirectory(prefix="adaptlab-box-") as folder:
        yield harness(Path(folder))
