"""Right answers in the ways in which real notebooks are untidy: each gets full marks."""

import pytest
from grading.conftest import NAMES, SOLUTIONS, answer_cell, as_notebook, cells, code_cell

RIGHT = SOLUTIONS["same_strength"]
FIRST = {
    "a warning": "import warnings\nwarnings.warn('deprecated', FutureWarning)",
    "stderr": "import sys\nprint('careful', file=sys.stderr)",
    "a progress bar": "from tqdm import tqdm\nfor _ in tqdm(range(100)): pass",
    "much output": "print('x' * 10**6)",
    "a log": "import logging\nlogging.basicConfig(level=10)\nlogging.error('a line')",
    "a cell that fails": "1 / 0",
    "a cell that leaves": "import sys\nsys.exit()",
    "magics": "%matplotlib inline\n%time sum(range(10))",
    "a shell command": "!ls",
    "help": "len?",
    "a figure": "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
    "a slow cell": "import time\ntime.sleep(1.5)",
    "a temporary file": "import tempfile\ntempfile.NamedTemporaryFile().write(b'x')",
    "a file": "open('notes.txt', 'w').write('x')",
    "a thread": "import threading\nt = threading.Thread(target=print); t.start(); t.join()",
    "a process": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)"
    ),
    "no GPU": "import os\nassert 'CUDA_VISIBLE_DEVICES' not in os.environ",
    "a seed": "import random\nrandom.seed(0)",
    "an asynchronous cell": "import asyncio\nawait asyncio.sleep(0)",
    "the course's library": "from adaptlab.world import sums",
    "a notebook of notes": "'''" + "words " * 2000 + "'''",
}
ANSWERS = {
    "prints": RIGHT.replace("    return", "    print('called', alpha)\n    return"),
    "warns": RIGHT.replace("    return", "    import warnings; warnings.warn('x')\n    return"),
    "another style": (
        "same_strength = lambda alpha, rank, new_rank, rank_stabilized: alpha * (new_rank / rank)"
        " ** (1 - 0.5 * rank_stabilized)"
    ),
    "numpy": RIGHT.replace("    return", "    import numpy as np\n    return np.float64(1) *"),
    "an array": RIGHT.replace("    return", "    import numpy as np\n    return np.array(1.0) *"),
    "single precision": RIGHT.replace(
        "    return", "    import numpy as np\n    return np.float32(1) *"
    ),
    "letters of other tongues": (
        RIGHT.replace("alpha", "größe").replace("rank_stabilized", "стабильно")
    ),
    "default arguments": RIGHT.replace("rank_stabilized):", "rank_stabilized=False, *rest):"),
    "a decorator": "import functools\n@functools.lru_cache\n" + RIGHT,
    "a class": (
        "class Same:\n    def __call__(self, a, r, n, s):\n        return a * (n / r) ** (0.5 if s"
        " else 1)\nsame_strength = Same()"
    ),
    "fractions on the way": (
        "from fractions import Fraction\n"
        + RIGHT.replace("(new_rank / rank)", "float(Fraction(new_rank, rank))")
    ),
    "a fraction": (
        "from fractions import Fraction\n"
        + RIGHT.replace("return alpha", "return Fraction(alpha").replace("else 1)", "else 1))")
    ),
    "a decimal number": (
        "from decimal import Decimal\n"
        + RIGHT.replace("return alpha", "return Decimal(alpha").replace("else 1)", "else 1))")
    ),
    "a helper above it": (
        "def ratio(a, b):\n    return a / b\n"
        + RIGHT.replace("(new_rank / rank)", "ratio(new_rank, rank)")
    ),
    "a global": "HALF = 0.5\n" + RIGHT.replace("0.5", "HALF"),
    "recursion": RIGHT.replace("    return", "    if new_rank == rank: return alpha\n    return"),
    "types": RIGHT.replace("alpha,", "alpha: float,").replace("):", ") -> float:"),
    "a docstring with marks": RIGHT.replace(
        "    return", '    """BEGIN SOLUTION # END"""\n    return'
    ),
    "slow": RIGHT.replace("    return", "    __import__('time').sleep(0.02)\n    return"),
}


def full(graded) -> bool:
    return graded.points == 6 and {mark.status for mark in graded.marks} == {"pass"}


@pytest.mark.parametrize("name", FIRST)
def test_untidy_notebooks_lose_nothing(grader, name):
    graded = grader(cells(first=FIRST[name]))
    assert full(graded), graded


@pytest.mark.parametrize("name", ANSWERS)
def test_right_answers_lose_nothing(grader, name):
    graded = grader(cells(same_strength=ANSWERS[name]))
    assert full(graded), graded


def test_the_order_of_cells_is_the_students(grader):
    assert full(
        grader(
            [
                code_cell("def ratio(a, b):\n    return a / b"),
                *reversed(cells(same_strength=ANSWERS["types"])),
            ]
        )
    )


def test_a_helper_in_a_cell_of_its_own(grader):
    assert full(
        grader(
            [
                code_cell("def ratio(a, b):\n    return a / b"),
                *cells(same_strength=RIGHT.replace("(new_rank / rank)", "ratio(new_rank, rank)")),
            ]
        )
    )


def test_cells_known_by_their_id_alone(grader):
    assert full(grader([cell | {"metadata": {}} for cell in cells()]))


def test_what_was_locked_and_lost_is_put_back(grader):
    assert full(grader([answer_cell(name, SOLUTIONS[name]) for name in NAMES]))


def test_saved_outputs_are_no_matter(grader):
    made = cells()
    made[0] = made[0] | {
        "outputs": [
            {
                "output_type": "display_data",
                "data": {"text/html": "<script>alert(1)</script>"},
                "metadata": {},
            }
        ]
    }
    assert full(grader(as_notebook(made)))


def test_lines_as_a_list(grader):
    made = [cell | {"source": cell["source"].splitlines(keepends=True)} for cell in cells()]
    assert full(grader(made))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_files_as_other_editors_write_them(grader, encoding):
    text = as_notebook(cells(same_strength=f"# für später\n{RIGHT}")).decode()
    written = text.replace("\\u00fc", "ü").replace("\\u00e4", "ä")
    assert "ü" in written and full(grader(written.encode(encoding)))


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_as_other_systems_end_them(grader, end):
    assert full(grader([cell | {"source": cell["source"].replace("\n", end)} for cell in cells()]))


@pytest.mark.parametrize(
    "broken",
    [
        {"cell_type": "markdown", "metadata": {}, "source": None},
        {"cell_type": "code", "metadata": None, "source": [1, None]},
        None,
        [],
        {"source": "1"},
    ],
    ids=range(5),
)
def test_a_broken_cell_costs_itself_alone(grader, broken):
    assert full(grader([*cells(), broken]))


def test_a_number_that_python_does_not_read_is_no_matter(grader):
    shown = code_cell("1") | {"outputs": [{"data": {"application/json": 12345678}}]}
    assert full(grader(as_notebook([*cells(), shown]).replace(b"12345678", b"7" * 6000)))


def test_a_broken_answer_says_which_cell_it_is(grader):
    made = cells()
    made[3] = made[3] | {"source": ["def same_strength():\n", None]}
    graded = grader(made)
    assert graded.points == 4 and graded.marks[1].sentence.startswith(
        "The cell raises ValueError: Cell 4 of the notebook is broken"
    )


def test_a_cell_once_slow_is_tried_again(grader):
    slow = "import time, os\ntime.sleep(4)"
    assert full(grader(cells(first=slow)))


ELSEWHERE = {
    "inline figures": "%matplotlib inline",
    "widgets that are not here": "%matplotlib widget",
    "autoreload": "%load_ext autoreload\n%autoreload 2",
    "an extension that is not here": "%load_ext memory_profiler\n%memit",
    "an installation": "!pip install -q seaborn\n%pip install -q seaborn",
    "Colab's drive": "from google.colab import drive\ndrive.mount('/content/drive')",
    "a package that is not here": "import seaborn_of_another_machine as sns",
    "a file that is not here": "notes = open('notes_of_another_machine.txt').read()",
}
BELOW = {
    "the untouched line": "raise NotImplementedError()",
    "a trial": "print(same_strength(1, 2))",
    "an assertion": "assert same_strength(8, 4, 8, False) == 17",
    "an exit": "import sys\nsys.exit()",
}
HELPER = "def ratio(a, b):\n    return a / b"
WITH_HELPER = RIGHT.replace("(new_rank / rank)", "ratio(new_rank, rank)")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_works_elsewhere_costs_nothing_above_an_answer(grader, name):
    assert full(grader(cells(same_strength=f"{ELSEWHERE[name]}\n{RIGHT}")))
    helped = cells(first=f"{ELSEWHERE[name]}\n{HELPER}", same_strength=WITH_HELPER)
    assert full(grader(helped))


@pytest.mark.parametrize("name", BELOW)
def test_what_fails_below_a_right_answer_costs_nothing(grader, name):
    assert full(grader(cells(same_strength=f"{RIGHT}\n{BELOW[name]}")))


@pytest.mark.parametrize(
    "magic", ["%%time", "%%timeit -n1 -r1", "%%capture shown", "%%memit_of_another_machine -r 3"]
)
def test_an_answer_below_a_cell_magic(grader, magic):
    assert full(grader(cells(same_strength=f"{magic}\n{RIGHT}")))


BELOW_ALL = {
    "another helper of that name": "def ratio(words):\n    return len(words)",
    "a result of that name": "ratio = 0.5",
    "Python's own name": "sum = 0\nlen = 3",
    "all of a library": "from numpy import *",
    "the answer itself": "same_strength = 7",
    "what is deleted": "del ratio",
}


@pytest.mark.parametrize("name", BELOW_ALL)
def test_what_takes_a_name_below_the_checks_costs_no_answer_above(grader, name):
    """In Jupyter each check stands right below its answer, and has passed when that cell runs."""
    helped = [code_cell(HELPER), *cells(same_strength=WITH_HELPER)]
    graded = grader([*helped, code_cell(BELOW_ALL[name], "below")])
    assert full(graded), graded


def test_a_wrong_answer_stays_wrong_in_its_place(grader):
    wrong = "def same_strength(alpha, rank, new_rank, rank_stabilized):\n    return alpha + 1"
    graded = grader([*cells(same_strength=wrong), code_cell("1 / 0", "below")])
    assert graded.points == 4 and graded.marks[1].status == "wrong"
    assert len(graded.notes) == 1


def test_a_notebook_that_ends_its_box_when_asked_in_place_keeps_its_marks(grader):
    """The function counts its calls: at the end it is wrong, and in its place it ends the box."""
    once = (
        "import os\n"
        + WITH_HELPER.replace("ratio(new_rank, rank)", "ratio(new_rank, rank) * wrong()")
        + "\ndef wrong():\n    os._exit(0)"
    )
    below = code_cell("def wrong():\n    return 2", "below")
    graded = grader([code_cell(HELPER), *cells(same_strength=once), below])
    assert graded.points == 4 and graded.marks[1].status == "wrong", graded


def test_a_module_that_the_notebook_writes(grader):
    written = [
        code_cell(f"%%writefile ratios.py\n{HELPER}", "writes"),
        code_cell("from ratios import ratio", "reads"),
    ]
    assert full(grader([*written, *cells(same_strength=WITH_HELPER)]))


def test_many_files_left_open(grader):
    leak = "kept = [open('notes.txt', 'a') for _ in range(1100)]"
    assert full(grader(cells(first=leak)))


def test_an_import_added_to_a_cell_of_ours(grader):
    made = cells(
        same_strength=RIGHT.replace("(new_rank / rank)", "operator.truediv(new_rank, rank)")
    )
    made[0] = code_cell("from adaptlab.grading import check\nimport operator", "imports")
    assert full(grader(made))


def test_a_helper_that_failed_is_told_where_it_costs_an_answer(grader):
    graded = grader(cells(first="1 / 0", same_strength=RIGHT.replace("alpha *", "factor *")))
    assert graded.points == 4
    assert graded.notes == [
        "The cell that begins with '1 / 0' raises ZeroDivisionError: division by zero"
    ]
