"""Process untrusted data in a fork with limits on CPU time and memory."""

import json
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptlab.grading.sandbox.limits import MIB

SECONDS = 20.0
MEMORY_BYTES = 128 * MIB  # in addition to the memory that the process already uses
PIECE = 2**16
MOST_SAID = 32 * MIB
PATIENCE = 5  # factor from the CPU time limit to the wall-clock limit, for a busy machine
STATM = Path("/proc/self/statm")


class TooMuch(Exception):
    """The work exceeded its time or memory limit; the message says which."""


def apart(
    work: Callable[[], Any],
    seconds: float = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Any:
    """Return the result of `work`, which must be JSON-serialisable. `seconds` are CPU time.

    Raises:
        TooMuch: if it exceeds a limit, or if its process ends.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _serve(work, write, seconds, memory_bytes)
    os.close(write)
    try:
        said = _read(read, time.monotonic() + PATIENCE * seconds)
    finally:
        os.close(read)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if not said:
        out_of_time = os.waitstatus_to_exitcode(status) == -signal.SIGXCPU
        raise TooMuch("it takes too long" if out_of_time else "the process that read it ended")
    answer = json.loads(said)
    if "result" not in answer:
        raise TooMuch(answer["failed"])
    return answer["result"]


def _serve(work: Callable[[], Any], write: int, seconds: float, memory_bytes: int) -> None:
    """In the fork: do the work, send the result, and exit."""
    import resource  # not on Windows, where students import other functions of this module

    try:
        _limit_memory(memory_bytes)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (_used() + int(seconds) + 1, most))
        try:
            said = {"result": work()}
        except MemoryError:
            said = {"failed": f"it takes more than {memory_bytes // MIB} MiB"}
        with os.fdopen(write, "wb") as pipe:
            pipe.write(json.dumps(said).encode())
    finally:
        os._exit(0)  # without the exit handlers of the parent process


def _used() -> int:
    """Return the CPU seconds that this process has used; a fork starts at 0."""
    return int(time.process_time())


def _limit_memory(more_bytes: int) -> None:
    """Limit the additional memory of this process. macOS has no such limit, but it only runs a
    student's own notebook.
    """
    import resource

    if STATM.exists():
        mapped = int(STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (mapped + more_bytes, most))


def _read(pipe: int, until: float) -> bytes:
    """Read a pipe to its end.

    Raises:
        TooMuch: if it does not end in time, or if it is too long.
    """
    pieces: list[bytes] = []
    n_bytes = 0
    while (left := until - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            piece = os.read(pipe, PIECE)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            n_bytes += len(piece)
            if n_bytes > MOST_SAID:
                raise TooMuch("its content is too large")
    raise TooMuch("it takes too long")
