"""Test the sandbox: each probe tries to escape from a real sandbox on this machine, and facts
outside show whether it did.
"""

import contextlib
import ctypes
import os
import platform
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from string import Template

from adaptlab.errors import AdaptLabError
from adaptlab.grading.codec import plain
from adaptlab.grading.sandbox.box import Box, BoxError, prepared
from adaptlab.grading.sandbox.escape_probes import CALLS, PROBES, Probe
from adaptlab.grading.sandbox.limits import GRADING, MIB, Limits

SMALL = Limits(
    step_seconds=6, total_seconds=30, memory_bytes=500 * MIB, disk_bytes=16 * MIB, processes=40
)
ADD_KEY = {"x86_64": 248, "aarch64": 217}
UNLINK = 9
SESSION = -3  # the session keyring; UNLINK and ADD_KEY remove and add a key


@dataclass(frozen=True)
class Finding:
    """The result of a probe: "held", "escaped", or "unclear" if the probe itself failed. `what`
    says what it reached, or why it failed.
    """

    probe: Probe
    level: str
    verdict: str
    what: str = ""

    @property
    def promised(self) -> bool:
        """Whether the level guarantees that the probe fails."""
        return self.level in self.probe.levels

    @property
    def broken(self) -> bool:
        """Whether a guarantee is violated, or could not be tested."""
        return self.promised and self.verdict != "held"


class Bait:
    """Targets outside that a sandbox must not reach: files, a variable, a key and shared memory
    that hold a secret, listening sockets, and a process.

    `words` are the values that a probe gets. Leaving the context removes all targets.
    """

    def __init__(self, course: Path, limits: Limits):
        self.secret = secrets.token_hex(12)
        self.word = f"adaptlab-{secrets.token_hex(6)}"
        self.course = course
        self.limits = limits
        self.stack = ExitStack()

    def __enter__(self) -> "Bait":
        import adaptlab

        with contextlib.ExitStack() as stack:
            door = (
                f"{stack.enter_context(tempfile.TemporaryDirectory(prefix='.adaptlab-bait-'))}/door"
            )
            self.tcp, self.udp, self.desktop, self.door = (
                stack.enter_context(_listening(*where)) for where in self._listeners(door)
            )
            places = {
                "home": Path.home(),
                "course": self.course,
                "temporary": Path(tempfile.gettempdir()),
            }
            files = {
                name: stack.enter_context(self._file(folder)) for name, folder in places.items()
            }
            self.files = {path: _marks(path) for path in files.values()}
            stack.enter_context(self._variable())
            self.victim = stack.enter_context(self._process())
            stack.enter_context(self._key())
            shared = stack.enter_context(self._memory())
            for place in ("/", "/usr"):
                stack.callback(Path(place, self.word).unlink, missing_ok=True)
            package = Path(adaptlab.__file__)
            self.words = {
                **files,
                "port": self.tcp.getsockname()[1],
                "udp_port": self.udp.getsockname()[1],
                "door": door,
                "shared": shared,
                "word": self.word,
                "victim": self.victim.pid,
                "variable": self._name,
                "grading": GRADING,
                "package": package,
                "python": Path(sys.prefix, "pyvenv.cfg"),
                "disk": self.limits.disk_bytes,
                "more": self.limits.processes + 60,
                "too_much": self.limits.memory_bytes + 100 * MIB,
                "too_long": self.limits.step_seconds + 4,
            }
            self.words |= CALLS.get(platform.machine(), dict.fromkeys(CALLS["x86_64"], -1))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self.stack.close()

    @property
    def _name(self) -> str:
        return self.word.upper().replace("-", "_")

    def _listeners(self, door: str) -> Sequence[tuple]:
        return (
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self.word}"),
            (socket.AF_UNIX, socket.SOCK_STREAM, door),
        )

    @contextlib.contextmanager
    def _file(self, folder: Path) -> Iterator[Path]:
        if not os.access(folder, os.W_OK):
            raise AdaptLabError(
                f"{folder} is not writable, so the doctor cannot put a bait there. Make it"
                " writable, or give another folder as --folder."
            )
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".adaptlab-bait-") as file:
            file.write(self.secret)
            file.flush()
            yield Path(file.name).resolve()

    @contextlib.contextmanager
    def _variable(self) -> Iterator[None]:
        os.environ[self._name] = self.secret
        try:
            yield
        finally:
            del os.environ[self._name]

    @contextlib.contextmanager
    def _process(self) -> Iterator[subprocess.Popen]:
        process = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)", self.word],
            stdin=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def _key(self) -> Iterator[None]:
        """A key in this process's session keyring; nothing if the kernel has no keyrings."""
        kernel = ctypes.CDLL(None)
        machine = platform.machine()
        number = (
            kernel.syscall(
                ADD_KEY[machine],
                b"user",
                self.word.encode(),
                self.secret.encode(),
                len(self.secret),
                SESSION,
            )
            if machine in ADD_KEY
            else -1
        )
        yield
        if number > 0:
            kernel.syscall(CALLS[machine]["keyctl"], UNLINK, number, SESSION)

    @contextlib.contextmanager
    def _memory(self) -> Iterator[int]:
        """The id of a shared memory segment that any process of the same user can attach."""
        kernel = ctypes.CDLL(None, use_errno=True)
        kernel.shmat.restype = ctypes.c_void_p
        if (number := kernel.shmget(0, 4096, 0o600)) < 0:  # the kernel has no shared memory
            yield number
            return
        at = ctypes.c_void_p(kernel.shmat(number, None, 0))
        ctypes.memmove(at, self.secret.encode(), len(self.secret))
        try:
            yield number
        finally:
            kernel.shmdt(at)
            kernel.shmctl(number, 0, None)


def _marks(path: Path) -> tuple:
    """Return the attributes of a file that can be changed without opening it."""
    found = path.stat()
    return found.st_mode, found.st_mtime_ns, os.listxattr(path)


@contextlib.contextmanager
def _listening(family: int, kind: int, address) -> Iterator[socket.socket]:
    with socket.socket(family, kind) as listener:
        listener.bind(address)
        if kind == socket.SOCK_STREAM:
            listener.listen(8)
        listener.setblocking(False)
        yield listener


def connected(listener: socket.socket) -> bool:
    """Whether something connected to a listener or sent data to it; accepts the connection."""
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(100)
        else:
            listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _hindered(pid: int) -> bool:
    """Whether a child process has a lower priority or other limits than this one."""
    import resource

    return os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0) or (
        resource.prlimit(pid, resource.RLIMIT_CORE) != resource.getrlimit(resource.RLIMIT_CORE)
    )


def left(word: str, seconds: float = 2) -> bool:
    """Whether a process with this word as its last argument is still running after some seconds;
    kills it.
    """
    import psutil

    for _ in range(int(seconds * 10)):
        found = [
            process
            for process in psutil.process_iter(["cmdline"])
            if (process.info["cmdline"] or [""])[-1] == word
        ]
        if not found:
            return False
        time.sleep(0.1)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return True


def proved(proof: str, bait: Bait, found: Sequence) -> str:
    """Return the fact outside that shows an escape, in words; "" without an escape."""
    import psutil

    facts = {
        "connected": lambda: connected(bait.tcp) and "a socket outside was reached",
        "asked": lambda: connected(bait.udp) and "a name server outside was reached",
        "heard": lambda: connected(bait.desktop) and "a service outside was reached",
        "called": lambda: connected(bait.door) and "a service outside was reached",
        "changed": (
            lambda: (
                any(_marks(path) != marks for path, marks in bait.files.items())
                and "a file outside was changed"
            )
        ),
        "hindered": lambda: _hindered(bait.victim.pid) and "a process outside was limited",
        "read": (
            lambda: (
                any(bait.secret in str(piece) for piece in found) and "a secret outside was read"
            )
        ),
        "killed": lambda: bait.victim.poll() is not None and "a process outside was killed",
        "traced": (
            lambda: (
                psutil.Process(bait.victim.pid).status() in ("stopped", "tracing-stop")
                and "a process outside was stopped"
            )
        ),
        "written": (
            lambda: (
                any(Path(place, bait.word).exists() for place in ("/", "/usr"))
                and "a file outside was written"
            )
        ),
        "left": lambda: left(f"{bait.word}-left") and "a process survived the sandbox",
    }
    return (facts[proof]() if proof else "") or ""


def examine(
    probe: Probe, harness: Path, course: Path, level: str, limits: Limits = SMALL
) -> Finding:
    """Run one probe in its own sandbox, with its own bait."""
    with Bait(course, limits) as bait:
        words = bait.words | ({"word": f"{bait.word}-left"} if probe.proof == "left" else {})
        found = []
        ended = ""
        try:
            with Box(harness, level, limits) as box:
                ended = box.run(Template(probe.source).substitute(words)) or ""
                found = plain(box.read(["found"])).get("found")
        except BoxError as error:
            if error.status not in probe.ends:
                return Finding(probe, level, "unclear", f"the sandbox ended: {error}")
        reached = proved(probe.proof, bait, found or []) or ", ".join(
            str(piece)[:60] for piece in found or []
        )
    if reached:
        return Finding(probe, level, "escaped", reached)
    return (
        Finding(probe, level, "unclear", ended or "the probe reported nothing")
        if ended or found is None
        else Finding(probe, level, "held")
    )


def examine_all(
    course: Path, level: str, limits: Limits = SMALL, probes: Sequence[Probe] = PROBES
) -> Iterator[Finding]:
    """Yield the findings of all probes. `course` is the folder with the course and with other
    submissions.
    """
    with prepared() as harness:
        for probe in probes:
            yield examine(probe, harness, course, level, limits)
