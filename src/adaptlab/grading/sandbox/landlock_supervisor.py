"""A fence around a process and all that it begins, by Landlock: it reads and writes what it is told
and nothing else, and signals nobody outside.

Two rings. In the outer one stands a supervisor, who runs no stranger's code; in the inner one the
stranger. The supervisor may signal what is inside, and nothing beyond the outer ring: so one signal
of his to "all" ends every process of the stranger's, and no process of anybody else's. The kernel
sends it to all at once, which no fork outruns. He does so when his lifeline is let go, as it is
when the grader ends, however it ends.
"""

import contextlib
import ctypes
import errno
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

from adaptlab.grading.sandbox.privileges import NO_NEW_PRIVILEGES, drop_privileges, kernel, must

CREATE = 444
ADD = 445
RESTRICT = 446  # the calls; elsewhere than on these machines they have the same numbers
VERSION = 1
BENEATH = 1  # ask for the version alone; a rule on a file, or on a folder and all in it
NEEDED = 6  # the first version that keeps signals and abstract sockets inside
EXECUTE = 1 << 0
WRITE = 1 << 1
READ = 1 << 2
LIST = 1 << 3  # rights on files; the others are to make, move, shorten and remove them
# To make devices, sockets and pipes, and to steer devices.
SPECIAL = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 15
ALL_FILES = 0xFFFF
ALL_PORTS = 0b11
ABSTRACT = 1 << 0
SIGNALS = 1 << 1
DEVICES = {"null": READ | WRITE, "zero": READ, "full": READ, "random": READ, "urandom": READ}
SUBREAPER = 36
PARENT_DIES = 1
ANY_CHILD = 0x40000000  # of prctl, and of wait


class Ruleset(ctypes.Structure):
    """What a ring keeps inside: rights on files, on ports, and words to processes outside."""

    _fields_ = [("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class Rule(ctypes.Structure):
    """An exception: rights on what stands beneath a descriptor."""

    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("beneath", ctypes.c_int32)]


def version() -> int:
    """The version of this kernel's Landlock; 0 where it has none, or it is switched off."""
    return max(kernel.syscall(CREATE, None, 0, VERSION), 0)


def restrict(allowed: dict[Path, int] | None, scoped: int) -> None:
    """Draw a ring around this process, for good: of files only what is allowed, if that is given,
    and no word to what is outside.
    """
    ruleset = Ruleset(0, 0, scoped) if allowed is None else Ruleset(ALL_FILES, ALL_PORTS, scoped)
    number = must(kernel.syscall(CREATE, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0))
    for path, rights in (allowed or {}).items():
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        must(kernel.syscall(ADD, number, BENEATH, ctypes.byref(Rule(rights, beneath)), 0))
        os.close(beneath)
    must(kernel.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    must(kernel.syscall(RESTRICT, number, 0))
    os.close(number)


def allowed(home: Path, readable: list[str], without: str) -> dict[Path, int]:
    """The rights on files of a box: its home is its own, and of what is readable it may not open
    what stands in `without`.

    Landlock can only allow. So on the way to `without` every sibling is allowed one by one; the
    names of the files in it can be listed, and none opened.
    """
    rights: dict[Path, int] = {}
    for place in map(Path, readable):
        if not Path(without).is_relative_to(place):
            rights[place] = EXECUTE | READ | (LIST if place.is_dir() else 0)
            continue
        rights[place] = LIST
        on_the_way = [
            place,
            *(
                folder
                for folder in Path(without).parents
                if folder.is_relative_to(place) and folder != place
            ),
        ]
        for sibling in (
            entry
            for folder in on_the_way
            for entry in folder.iterdir()
            if entry not in (Path(without), *on_the_way)
        ):
            if not sibling.is_symlink():  # which may lead back to `without`
                rights[sibling] = EXECUTE | READ | (LIST if sibling.is_dir() else 0)
    return (
        rights
        | {Path("/dev", name): right for name, right in DEVICES.items()}
        | {home: ALL_FILES & ~SPECIAL}
    )


def begin(
    serve: Callable[[], None], message: dict, into: int, out: int, status: int, lifeline: int
) -> None:
    """In a fork: become the supervisor of a box, and say at `status` who serves in it and, when it
    has ended, how.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _keep_open(into, out, status, lifeline)
    os.setsid()
    must(kernel.prctl(SUBREAPER, 1, 0, 0, 0))
    restrict(None, SIGNALS)
    _assert_alone()
    if (inside := os.fork()) == 0:
        os.dup2(into, 0)
        os.dup2(out, 1)
        _keep_open(0, 1)
        _enclose(message)
        serve()
        os._exit(0)
    for number in (into, out):
        os.close(number)
    os.write(status, f"{inside} {os.getpid()}\n".encode())
    _supervise(inside, status, lifeline)


def _keep_open(*numbers: int) -> None:
    """Close all descriptors but these."""
    for low, high in zip((-1, *sorted(numbers)), (*sorted(numbers), os.sysconf("SC_OPEN_MAX"))):
        if low + 1 < high:  # of nothing, CPython makes everything
            os.closerange(low + 1, high)


def _assert_alone() -> None:
    """That no signal of ours reaches the process that began us; what ends all in the box would
    otherwise end all that is its user's.
    """
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        return
    raise OSError(errno.EPERM, "signals leave the ring")


def _enclose(message: dict) -> None:
    """Draw the inner ring around this process, and give up all rights."""
    os.open(os.devnull, os.O_RDWR)  # 2, where errors are written
    os.setsid()
    os.environ.clear()
    os.environ.update(message["environment"])
    os.chdir(message["home"])
    restrict(
        allowed(Path(message["home"]), message["readable"], message["without"]), ABSTRACT | SIGNALS
    )
    drop_privileges(message["limits"], bytes.fromhex(message["calls"]))
    must(kernel.prctl(PARENT_DIES, signal.SIGKILL, 0, 0, 0))


def _supervise(server: int, status: int, lifeline: int) -> None:
    """Reap what ends until the lifeline is let go; then end all in the box, and go."""
    try:
        while not select.select([lifeline], [], [], 0.05)[0]:
            _reap(server, status, os.WNOHANG)
    finally:
        with contextlib.suppress(OSError):  # there is nobody
            os.kill(-1, signal.SIGKILL)
        _reap(server, status, 0)
        os._exit(0)


def _reap(server: int, status: int, how: int) -> None:
    """Take note of processes that have ended, and tell of the server, if somebody still listens."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, how | ANY_CHILD))[0]:
            if ended[0] == server:
                with contextlib.suppress(BrokenPipeError):
                    os.write(status, f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
