"""Starts sandboxes fast: an interpreter with the slow imports done, which has run no student code.
Each sandbox is a fork of it.

The fork enters the isolation of its level, drops its privileges, and then serves like `server.py`.
It has no access to reference answers, and ends when the grader ends. The argument is the folder of
the harness.
"""

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from adaptlab.grading.sandbox import landlock_supervisor
from adaptlab.grading.sandbox import server as server
from adaptlab.grading.sandbox.privileges import drop_privileges, kernel, must

SLOW = ("numpy", "torch", "IPython.core.interactiveshell", "adaptlab.grading.codec")
# User, mount, pid, net, ipc, uts, cgroup.
NAMESPACES = (
    0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x02000000
)


def join_namespaces(
    serve: Callable[[], None], message: dict, into: int, out: int, status: int, walls: int
) -> None:
    """In a fork: join the namespaces of a sandbox, and start the server there.

    `walls` is a pidfd of the sandbox's first process. Writes the server's pid to `status`, and at
    its end its exit status.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    must(kernel.setns(walls, NAMESPACES))
    if inside := os.fork():  # only a child is in the new pid namespace
        for number in (into, out):
            os.close(number)
        os.write(status, f"{inside} {os.getpid()}\n".encode())
        os.write(status, f"{os.waitstatus_to_exitcode(os.waitpid(inside, 0)[1])}\n".encode())
        os._exit(0)
    os.setsid()
    os.dup2(into, 0)
    os.dup2(out, 1)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir("/box")
    drop_privileges(message["limits"], bytes.fromhex(message["calls"]))
    serve()


WAYS = {"bwrap": join_namespaces, "landlock": landlock_supervisor.begin}


def serve(place: Path) -> None:
    """Run the server, as if it had been started in this process."""
    import numpy as np

    np.random.seed()  # Python's own generator does so in every fork
    tempfile.tempdir = None  # an import has cached it outside the sandbox
    sys.argv = [str(place / "server.py")]
    server.main(place)


def become(message: dict, *given: int) -> None:
    """Become the server of a sandbox, in the way of its level."""
    WAYS[message["level"]](lambda: serve(Path(message["harness"])), message, *given)


def main(harness: Path) -> None:
    line = socket.socket(fileno=os.dup(0))
    server.install_package(harness)
    for name in SLOW:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    line.send(b"ready")
    while True:
        text, given, *_ = socket.recv_fds(line, 2**16, 4)
        if not text:
            return
        if os.fork() == 0:
            try:
                line.detach()
                become(json.loads(text), *given)
            finally:
                os._exit(1)
        for number in given:
            os.close(number)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
