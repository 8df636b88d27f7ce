"""Isolate a process and its children with Landlock: it can read and write only allowed files, and
cannot signal processes outside.

There are two nested Landlock domains. The outer one holds the supervisor, which runs no student
code; the inner one holds the sandbox. The supervisor can signal processes in the inner domain, but
none outside the outer one. So one signal to pid -1 ends every process of the sandbox and no other.
The kernel sends it to all of them at once, so no fork can escape it. The supervisor sends it when
its lifeline is closed, which also happens when the grader dies.
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
RESTRICT = 446  # the numbers of Landlock's system calls, the same on x86_64 and aarch64
VERSION = 1  # flag: return only the version
BENEATH = 1  # type of a rule: a file, or a folder and everything in it
NEEDED = 6  # the first version that restricts signals and abstract sockets
EXECUTE = 1 << 0
WRITE = 1 << 1
READ = 1 << 2
LIST = 1 << 3  # access rights on files; the others create, move, truncate and remove files
# Rights to create devices, sockets and pipes, and to control devices by ioctl.
SPECIAL = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 15
ALL_FILES = 0xFFFF
ALL_PORTS = 0b11
ABSTRACT = 1 << 0
SIGNALS = 1 << 1
DEVICES = {"null": READ | WRITE, "zero": READ, "full": READ, "random": READ, "urandom": READ}
SUBREAPER = 36
PARENT_DIES = 1
ANY_CHILD = 0x40000000  # the first two are options of prctl, this is a flag of wait


class Ruleset(ctypes.Structure):
    """What a Landlock domain restricts: access to files, to ports, and signals and sockets to
    processes outside.
    """

    _fields_ = [("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class Rule(ctypes.Structure):
    """An exception: access rights on everything beneath a descriptor."""

    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("beneath", ctypes.c_int32)]


def version() -> int:
    """Return the version of this kernel's Landlock; 0 if it has none, or if it is switched off."""
    return max(kernel.syscall(CREATE, None, 0, VERSION), 0)


def restrict(allowed: dict[Path, int] | None, scoped: int) -> None:
    """Put this process into a new Landlock domain, permanently. Only the files in `allowed` stay
    accessible, if it is given; `scoped` restricts signals and sockets.
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
    """Return a sandbox's rights on files: full access to its home, and read access to `readable`
    except for `without`.

    Landlock can only allow. So on the path to `without`, every sibling is allowed separately. The
    names of the files in `without` can be listed, but the files cannot be opened.
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
            if not sibling.is_symlink():  # a link may point to `without`
                rights[sibling] = EXECUTE | READ | (LIST if sibling.is_dir() else 0)
    return (
        rights
        | {Path("/dev", name): right for name, right in DEVICES.items()}
        | {home: ALL_FILES & ~SPECIAL}
    )


def begin(
    serve: Callable[[], None], message: dict, into: int, out: int, status: int, lifeline: int
) -> None:
    """In a fork: become the supervisor of a sandbox, and start its server.

    Writes the server's pid to `status`, and at its end its exit status.
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
    """Close all descriptors except these."""
    for low, high in zip((-1, *sorted(numbers)), (*sorted(numbers), os.sysconf("SC_OPEN_MAX"))):
        if low + 1 < high:  # CPython would close everything for an empty range
            os.closerange(low + 1, high)


def _assert_alone() -> None:
    """Check that our signals do not reach the parent process. Otherwise ending the sandbox would
    kill all processes of its user.

    Raises:
        OSError: if they do.
    """
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        return
    raise OSError(errno.EPERM, "signals leave the ring")


def _enclose(message: dict) -> None:
    """Enter the inner Landlock domain, and drop all privileges."""
    os.open(os.devnull, os.O_RDWR)  # becomes descriptor 2, stderr
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
    """Reap ended processes until the lifeline is closed. Then kill all processes in the sandbox,
    and exit.
    """
    try:
        while not select.select([lifeline], [], [], 0.05)[0]:
            _reap(server, status, os.WNOHANG)
    finally:
        with contextlib.suppress(OSError):  # no process is left
            os.kill(-1, signal.SIGKILL)
        _reap(server, status, 0)
        os._exit(0)


def _reap(server: int, status: int, how: int) -> None:
    """Collect ended processes, and report the server's exit status if the grader still listens."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, how | ANY_CHILD))[0]:
            if ended[0] == server:
                with contextlib.suppress(BrokenPipeError):
                    os.write(status, f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
