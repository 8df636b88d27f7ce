"""Begins boxes quickly: an interpreter that has imported what takes seconds, and has run no stranger's code. Each box is a fork of it.

The fork walks into the namespaces that bubblewrap has made, gives up what it may do, and only then serves as `serve.py` does. It stands alone with that
file beside it, knows nothing of right answers or of its surroundings, and ends when the grader does.
"""

import contextlib
import ctypes
import importlib.util
import json
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
SLOW = ("numpy", "torch", "IPython.core.interactiveshell", "adaptlab.grading.wire")
NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x02000000  # user, mount, pid, net, ipc, uts, cgroup
DROP_BOUND, NO_NEW_PRIVILEGES, SECCOMP, FILTER, AMBIENT, CLEAR_ALL = 24, 38, 22, 2, 47, 4  # of prctl
CAPSET = {"x86_64": 126, "aarch64": 91}
kernel = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """A filter of system calls as the kernel takes it."""

    _fields_ = [("n", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def must(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def shut(limits: dict[str, int], calls: bytes) -> None:
    """Give up every capability for good, and take on the limits and the filter of system calls."""
    for name, size in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (size, size))
    must(kernel.prctl(AMBIENT, CLEAR_ALL, 0, 0, 0))
    with contextlib.suppress(OSError):  # the first number that is no capability
        for capability in range(64):
            must(kernel.prctl(DROP_BOUND, capability, 0, 0, 0))
    must(kernel.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    must(kernel.syscall(CAPSET[os.uname().machine], (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()))
    must(kernel.prctl(SECCOMP, FILTER, ctypes.byref(Program(len(calls) // 8, calls)), 0, 0))


def load_server() -> ModuleType:
    """The server from the file beside this one; a box has the same file in another place."""
    found = importlib.util.spec_from_file_location("serve", HERE / "serve.py")
    server = importlib.util.module_from_spec(found)
    found.loader.exec_module(server)
    return server


def begin(server: ModuleType, line: socket.socket, message: dict, walls: int, into: int, out: int, status: int) -> None:
    """In a fork: walk into the box whose first process `walls` is, and say at `status` who serves there and, when it has ended, how."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    must(kernel.setns(walls, NAMESPACES))
    if inside := os.fork():  # only a child is in the new namespace of processes
        for number in (into, out):
            os.close(number)
        os.write(status, f"{inside} {os.getpid()}\n".encode())
        os.write(status, f"{os.waitstatus_to_exitcode(os.waitpid(inside, 0)[1])}\n".encode())
        os._exit(0)
    os.setsid()
    line.detach()
    os.dup2(into, 0)
    os.dup2(out, 1)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir("/box")
    shut(message["limits"], bytes.fromhex(message["calls"]))
    serve(server, Path("/grader"))


def serve(server: ModuleType, place: Path) -> None:
    """Be the server, as if it had been started there."""
    import numpy as np

    np.random.seed()  # Python's own generator does so in every fork
    sys.argv = [str(place / "serve.py")]
    server.main(place)


def main() -> None:
    line, server = socket.socket(fileno=0), load_server()
    server.install_package(HERE)
    for name in SLOW:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    line.send(b"ready")
    while True:
        message, given, *_ = socket.recv_fds(line, 2**16, 4)
        if not message:
            return
        if os.fork() == 0:
            try:
                begin(server, line, json.loads(message), *given)
            finally:
                os._exit(1)
        for number in given:
            os.close(number)


if __name__ == "__main__":
    main()
