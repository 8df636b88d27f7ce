"""The cores that this process may use, and the number of threads of each of several processes."""

import os


def available_cores() -> int:
    """Cores that this process may run on: fewer than the machine has under taskset, in a container,
    or in a batch job.
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of_each(n_processes: int) -> int:
    """Return the number of threads for one of several processes that compute at once:
    OMP_NUM_THREADS, but at most its share.

    Threads beyond the cores wait for each other at every step. Two lessons with every core each ran
    ten times slower than one lesson.
    """
    share = max(1, available_cores() // n_processes)
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(share, int(asked)) if asked.isdigit() and int(asked) > 0 else share
