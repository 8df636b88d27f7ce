"""Work on what strangers sent, in a fork of this process that has a clock and a limit on memory."""

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
MEMORY_BYTES = 128 * MIB  # beyond what the process has already
PIECE = 2**16
MOST_SAID = 32 * MIB
PATIENCE = 5  # times as long by the clock on the wall: a machine has others to serve
STATM = Path("/proc/self/statm")


class TooMuch(Exception):
    """The work was not done within its time and memory; the message says which."""


def apart(
    work: Callable[[], Any],
    seconds: float = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Any:
    """What `work` gives, which has to be such that JSON holds it. `seconds` are the processor's.

    Raises:
        TooMuch: if it takes longer, or more memory, or ends its process.
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
        raise TooMuch("it takes too long" if out_of_time else "its process ended")
    answer = json.loads(said)
    if "result" not in answer:
        raise TooMuch(answer["failed"])
    return answer["result"]


def _serve(work: Callable[[], Any], write: int, seconds: float, memory_bytes: int) -> None:
    """In the fork: do the work, say what it gave, and end."""
    import resource  # which Windows lacks, where students read what is beside this

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
        os._exit(0)  # none of what this process had planned for its own end


def _used() -> int:
    """Seconds of the processor that this process has had: a fork begins at none."""
    return int(time.process_time())


def _limit_memory(more_bytes: int) -> None:
    """Let this process take so much more; macOS, where nobody grades strangers, has no
    such limit.
    """
    import resource

    if STATM.exists():
        mapped = int(STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (mapped + more_bytes, most))


def _read(pipe: int, until: float) -> bytes:
    """All that comes through a pipe. Raises TooMuch if it does not end in time."""
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
                raise TooMuch("it has too much to say")
    raise TooMuch("it takes too long")
