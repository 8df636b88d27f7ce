"""The cores that this process may use, and how many threads one of several processes should have on
them.
"""

import os


def available_cores() -> int:
    """Cores that this process may run on: fewer than the machine has under taskset, in a container,
    or in a batch job.
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of_each(n_processes: int) -> int:
    """Threads for one of several processes that compute at once: what OMP_NUM_THREADS asks for, and
    no more than its share.

    Threads beyond the cores wait for each other at every step: two lessons with every core each ran
    ten times slower than one.
    """
    share = max(1, available_cores() // n_processes)
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(share, int(asked)) if asked.isdigit() and int(asked) > 0 else share
