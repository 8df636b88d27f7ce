"""Who grades: processes of this machine, or the workers of a Dask cluster."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from threading import Thread
from typing import TypeVar

from adaptlab.errors import AdaptLabError

T = TypeVar("T")
PATIENCE = 10  # seconds to wait for a cluster, and for its first worker


@dataclass(frozen=True)
class WorkerPool:
    """A pool of workers, as often as one is wanted; how many are in it; and what it says of a task
    whose worker ended.
    """

    pool: Callable[[], AbstractContextManager[Executor]]
    workers: int
    died: type[Exception]


def processes(workers: int) -> WorkerPool:
    """So many processes of this machine."""
    return WorkerPool(
        lambda: ProcessPoolExecutor(workers, get_context("spawn")), workers, BrokenProcessPool
    )


@contextmanager
def cluster(address: str) -> Iterator[WorkerPool]:
    """The workers of the Dask cluster whose scheduler listens there; an AdaptLabError if nobody
    does, or if it has none.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.comm import resolve_address
    except ImportError as error:
        raise AdaptLabError(
            "A cluster needs distributed; run: pip install 'adaptlab[cluster]'"
        ) from error
    try:
        # First: a client of an address that is none complains once more when it is thrown away.
        resolve_address(address)
        client = _within(
            2 * PATIENCE, lambda: Client(address, timeout=PATIENCE, set_as_default=False)
        )
    except (OSError, ValueError) as error:
        raise AdaptLabError(
            f"No cluster answers at {address!r}; start one by `dask scheduler`, and give the"
            " address that it prints."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise AdaptLabError(
                f"The cluster at {address} has no workers; start some by: dask worker {address}"
            ) from error
        executor = client.get_executor(pure=False)
        yield WorkerPool(lambda: nullcontext(executor), len(client.nthreads()), KilledWorker)


def _within(seconds: float, make: Callable[[], T]) -> T:
    """What `make` gives, or a TimeoutError: a client of Dask waits without end for an answer from
    what is no scheduler, a web server, say.
    """
    given: Future[T] = Future()

    def work() -> None:
        try:
            given.set_result(make())
        except BaseException as error:
            given.set_exception(error)

    Thread(target=work, daemon=True).start()
    return given.result(seconds)


def worker_pool_of(workers: int, address: str = "") -> AbstractContextManager[WorkerPool]:
    """The cluster at an address, or without one so many processes of this machine."""
    return cluster(address) if address else nullcontext(processes(workers))
