"""Cells that stop, sleep or fill the memory: they end at a limit, and correct answers keep their
points, at every level of this machine.
"""

from dataclasses import replace

import pytest
from grading.conftest import LIMITS, Grader, cells, code_cell

from adaptlab.errors import AdaptLabError
from adaptlab.grading.sandbox.box import prepared
from adaptlab.grading.sandbox.levels import level

FILL = (
    "import {0}\ntry:\n    {1}\n    for _ in range(8000): {2}\n"
    "except (OSError, MemoryError, ValueError) as error: print(error)"
)
STALLS = {
    "sleep": "import time\ntime.sleep(10**5)",
    "sleep in C": "import ctypes\nctypes.CDLL(None).sleep(10**5)",
    "pause": "import signal\nsignal.pause()",
    "signals blocked": (
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
        "time.sleep(10**5)"
    ),
    "stopped": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "stopped at a terminal": "import os, signal\nos.kill(os.getpid(), signal.SIGTSTP)",
    "asleep at its end": "import atexit, time\natexit.register(time.sleep, 10**5)",
    "shared memory": FILL.format("os", "f = open('/dev/shm/x', 'wb')", "f.write(bytes(2**20))"),
    "a file in memory": FILL.format("os", "f = os.memfd_create('x')", "os.write(f, bytes(2**20))"),
    "an anonymous map": FILL.format("mmap", "m = mmap.mmap(-1, 2**33)", "m.write(bytes(2**20))"),
    "100 MB of output": "for _ in range(100): print('x' * 2**20)",
}
BELOW = ("sleep in C", "stopped", "asleep at its end", "shared memory", "100 MB of output")
FEW = replace(LIMITS, step_seconds=2, total_seconds=6, whole_seconds=24)


@pytest.fixture(scope="module", params=["bwrap", "landlock"])
def grader(request, lab):
    try:
        chosen = level(request.param)
    except AdaptLabError as error:
        pytest.skip(str(error))
    with prepared() as harness:
        yield Grader(lab, harness, chosen)


@pytest.mark.parametrize("cell", STALLS.values(), ids=STALLS)
def test_a_cell_that_stalls_costs_its_student_no_point(grader, cell):
    assert grader(cells(first=cell), FEW).points == 6


@pytest.mark.parametrize("name", BELOW)
def test_nor_does_one_below_the_answers(grader, name):
    assert grader([*cells(), code_cell(STALLS[name])], FEW).points == 6
