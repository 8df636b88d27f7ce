"""Submissions that want points without work, or harm: each gets what it earned, leaves nothing
behind, and costs the other exercises nothing.
"""

from dataclasses import replace

import psutil
import pytest
from grading.conftest import LIMITS, as_notebook, cells

from adaptlab.grading.codec import NotPlain, decode

WRONG = "def same_strength(alpha, rank, new_rank, rank_stabilized):\n    return {}"

# Each is run before a wrong answer to same_strength, which must stay wrong, while the other two
# exercises keep their points.
CHEATS = {
    "drops asserts": (
        "import ast\nclass T(ast.NodeTransformer):\n    def visit_Assert(self, n): return"
        " None\nget_ipython().ast_transformers.append(T())"
    ),
    "hides tracebacks": (
        "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.showtraceback"
        " = lambda *a, **k: None"
    ),
    "patches isclose": (
        "import math, numpy as np\nmath.isclose = lambda *a, **k: True\nnp.isclose = np.allclose ="
        " lambda *a, **k: True"
    ),
    "patches AssertionError": "import builtins\nbuiltins.AssertionError = ValueError",
    "patches the check": "from adaptlab.grading import check\ncheck.lab04 = None",
    "prints a verdict": "print('PASSED'); import sys; sys.stdout.write('{\"status\": \"pass\"}')",
    "writes results": (
        "import json\njson.dump({'score': 100}, open('results.json', 'w')); json.dump({},"
        " open('/tmp/marks.db', 'w'))"
    ),
    "looks for the answers": (
        "import glob\nimport adaptlab\nassert not glob.glob(adaptlab.__path__[0] +"
        " '/grading/labs/*')"
    ),
    "looks for secrets": (
        "import os\nassert not [k for k in os.environ if 'TOKEN' in k or 'KEY' in k or 'NBGRADER'"
        " in k]"
    ),
    "leaves a process": (
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time;"
        " time.sleep(600)'], start_new_session=True)"
    ),
    "kills everything": "import os, signal\ntry: os.kill(-1, 9)\nexcept OSError: pass",
    "catches everything": "try:\n    raise SystemExit\nexcept BaseException:\n    pass",
    "asks": "input('answer? ')",
    "installs": "!pip install requests",
    "calls out": "import socket\nsocket.create_connection(('192.0.2.1', 80), 1)",
    "writes the root": "open('/evil', 'w').write('x')",
    "writes the package": "import adaptlab\nopen(adaptlab.__file__, 'a').write('x')",
    "fills the disk": (
        "with open('/box/big', 'wb') as f:\n    for _ in range(400): f.write(bytes(2**20))"
    ),
    "many threads": (
        "import threading\nfor _ in range(2000): threading.Thread(target=__import__('time').sleep,"
        " args=(60,)).start()"
    ),
    "forks": (
        "import os\nfor _ in range(500):\n    if os.fork() == 0:\n       "
        " __import__('time').sleep(60); os._exit(0)"
    ),
    "a flood of output": "for _ in range(200): print('x' * 10**6)",
    "quits": "quit()",
    "exits": "import sys\nsys.exit(0)",
    "changes the directory": "import os\nos.chdir('/')",
    "user namespace": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
}

FORGED = (
    "import os\nfor fd in range(3, 20):\n    try: os.write(fd, {})\n    except OSError: pass\n"
    + WRONG.format("1")
)
SEEN = "{(16.0, 8, 8, True): 16.0, (16.0, 8, 32, False): 64.0, (16.0, 8, 32, True): 32.0}"

# (answer to same_strength, status)
ANSWERS = {
    "always equal": (
        "class E(float):\n    def __eq__(s, o): return True\n    def __sub__(s, o): return 0.0\n"
        + WRONG.format("E(1)"),
        "wrong",
    ),
    "true": (WRONG.format("True"), "wrong"),
    "nan": (WRONG.format("float('nan')"), "wrong"),
    "none": (WRONG.format("None"), "wrong"),
    "a generator": (WRONG.format("(x for x in [1])"), "wrong"),
    "endless nesting": ("l = []\nl.append(l)\n" + WRONG.format("l"), "wrong"),
    "looks up what it saw": (
        WRONG.format(SEEN + ".get((alpha, rank, new_rank, rank_stabilized))"),
        "wrong",
    ),
    "raises": (WRONG.format("1 / 0"), "student error"),
    "a syntax error": ("def same_strength(:", "student error"),
    "is not there": ("other = 1", "student error"),
    "exits hard": ("import os\nos._exit(0)", "crash"),
    "kills itself": (WRONG.format("__import__('os').kill(__import__('os').getpid(), 9)"), "crash"),
    "exits when called": (WRONG.format("__import__('os')._exit(0)"), "crash"),
    "leaves when called": (WRONG.format("__import__('sys').exit(0)"), "student error"),
    "a bad pointer": (WRONG.format("__import__('ctypes').string_at(0)"), "crash"),
    "forges the pipe": (FORGED.format('b\'{"id": "1", "value": 1}\\n\''), "invalid"),
    "writes rubbish into the pipe": (FORGED.format("b'\\xff[[[[\\n'"), "invalid"),
    "never ends": (
        WRONG.format("None\n    ").replace("return None", "while True: pass"),
        "timeout",
    ),
    "takes all memory": (
        "x = [bytearray(10**7) for _ in range(500)]\n" + WRONG.format("1"),
        "resource limit",
    ),
    "a message that fails": (
        "class E(Exception):\n    def __str__(s): raise ValueError\n"
        + WRONG.format("(_ for _ in ()).throw(E())"),
        "student error",
    ),
    "a number beyond all floats": (WRONG.format("-(10**4299)"), "wrong"),
    "a number that is no text": (WRONG.format("1 << 10**6"), "wrong"),
    "ends a generator": (WRONG.format("(_ for _ in ()).throw(GeneratorExit)"), "student error"),
    "a huge answer": (WRONG.format("'x' * 10**8"), "resource limit"),
}


def assert_only_one_is_lost(graded, status: str | None = None) -> None:
    marks = {mark.exercise: mark for mark in graded.marks}
    assert marks["same_strength"].points == 0 and (
        status is None or marks["same_strength"].status == status
    ), marks["same_strength"]
    assert marks["count_adapters"].points == 2 and marks["shipping_order"].points == 2, graded
    assert graded.points == 4


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path):
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_wins_nothing_and_harms_nothing(grader, name):
    assert_only_one_is_lost(grader(cells(first=CHEATS[name], same_strength=WRONG.format("alpha"))))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_bad_answer_costs_its_own_exercise(grader, name):
    source, status = ANSWERS[name]
    assert_only_one_is_lost(grader(cells(same_strength=source)), status)


def test_a_shell_that_runs_nothing_earns_nothing(grader):
    graded = grader(
        cells(
            first=(
                "async def run_nothing(*args, **more):\n    return False\nget_ipython().run_code ="
                " run_nothing"
            )
        )
    )
    assert graded.points == 0 and all(mark.points == 0 for mark in graded.marks)


@pytest.mark.parametrize("who", ["os.getpid()", "subprocess.Popen(['sleep', '99']).pid"])
def test_what_stands_still_by_a_signal_is_not_waited_for(grader, who):
    stops = f"import os, subprocess, time\nos.kill({who}, 19)\ntime.sleep(99)"
    graded = grader(cells(same_strength=stops), replace(LIMITS, step_seconds=60))
    assert_only_one_is_lost(graded, "crash")
    assert graded.seconds < 30


def test_marks_in_the_file_are_ours(grader):
    made = cells(same_strength=WRONG.format("alpha"))
    for cell in made:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["points"] = 1000
    made[-1]["source"] = "print('all right')"
    assert_only_one_is_lost(
        grader([cell for cell in made if cell["id"] != "check_same_strength"]), "wrong"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{}",
        b"\x00",
        b"[" * 200_000,
        b'{"cells": [], "cells": [], "nbformat": 4}',
        b'{"cells": 1, "nbformat": 4}',
        b'{"cells": [], "nbformat": 3}',
        b'{"cells": [1], "nbformat": 4}',
        b'{"cells": [{"cell_type": "code", "source": 5}], "nbformat": 4}',
        b'{"nbformat": 4, "cells": ' + b"9" * 5000 + b"}",
        as_notebook([{"cell_type": "code", "source": "1", "metadata": {}}] * 1001),
        as_notebook([{"cell_type": "code", "source": "1" * 300_000, "metadata": {}}]),
        as_notebook([]),
        b" " * (21 * 2**20),
    ],
    ids=range(17),
)
def test_a_broken_file_is_invalid_with_a_sentence(grader, content):
    graded = grader(content)
    assert {mark.status for mark in graded.marks} == {"invalid"} and graded.points == 0
    assert graded.marks[0].sentence.endswith(".")


@pytest.mark.parametrize(
    "data",
    [
        {"array": "AAAA", "dtype": "object", "shape": [1], "kind": "numpy"},
        {"array": "AAAA", "dtype": "float32", "shape": [2**40], "kind": "numpy"},
        {"array": "not base64!", "dtype": "int8", "shape": [1], "kind": "numpy"},
        {"map": [[[1], 2]]},
        {"float": "1e9"},
        {"pickle": "x"},
        {"map": 3},
        {"set": [[1]]},
        {"raised": "x"},
        {"array": "AAAA", "dtype": "int8", "shape": [-1, -1], "kind": "numpy"},
    ],
    ids=range(10),
)
def test_the_wire_takes_plain_data_alone(data):
    with pytest.raises(NotPlain):
        decode(data)
