"""Pools of workers that grade: processes on this machine, or the workers of a Dask cluster."""

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
    """A pool of workers: `pool` opens an executor, `workers` is their number, and `died` is the
    exception of a task whose worker died.
    """

    pool: Callable[[], AbstractContextManager[Executor]]
    workers: int
    died: type[Exception]


def processes(workers: int) -> WorkerPool:
    """Return a pool of processes on this machine."""
    return WorkerPool(
        lambda: ProcessPoolExecutor(workers, get_context("spawn")), workers, BrokenProcessPool
    )


@contextmanager
def cluster(address: str) -> Iterator[WorkerPool]:
    """Open the workers of the Dask cluster with this scheduler address.

    Raises:
        AdaptLabError: if no scheduler answers, if it has no workers, or if Dask is not installed.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.comm import resolve_address
    except ImportError as error:
        raise AdaptLabError(
            "The package distributed is not installed. Run: pip install 'adaptlab[cluster]'"
        ) from error
    try:
        # First check the address: a client with an invalid one logs an error when it is deleted.
        resolve_address(address)
        client = _within(
            2 * PATIENCE, lambda: Client(address, timeout=PATIENCE, set_as_default=False)
        )
    except (OSError, ValueError) as error:
        raise AdaptLabError(
            f"No cluster answers at {address!r}. Start one with `dask scheduler`, and give the"
            " address that it prints."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise AdaptLabError(
                f"The cluster at {address} has no workers. Start one with: dask worker {address}"
            ) from error
        executor = client.get_executor(pure=False)
        yield WorkerPool(lambda: nullcontext(executor), len(client.nthreads()), KilledWorker)


def _within(seconds: float, make: Callable[[], T]) -> T:
    """Return the result of `make`, or raise TimeoutError.

    A Dask client waits forever for an answer from a server that is not a scheduler, such as a web
    server.
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
    """Open the cluster at an address; without an address, a pool of processes on this machine."""
    return cluster(address) if address else nullcontext(processes(workers))
