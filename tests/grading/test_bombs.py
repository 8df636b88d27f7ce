"""What is small when it is handed in and large when it is opened costs its own student, and is
never in the grader's memory."""

import bz2
import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from grading.conftest import archive, as_notebook, cells

from adaptlab.grading.notebook import read_cells, read_cells_apart
from adaptlab.grading.submissions import spool, taken
from adaptlab.grading.submissions.find import find_submissions
from adaptlab.grading.submissions.spool import Held, NoRoom, folder, hold

GOOD = as_notebook(cells())
LAB = "lab04_lora"


def squeezed(content: bytes, method: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        file.writestr("lab04_lora.ipynb", content)
    return made.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_of_other_kinds_are_read(tmp_path, method):
    (tmp_path / "jane.zip").write_bytes(squeezed(GOOD, method))
    (one,) = find_submissions(tmp_path / "jane.zip", LAB)
    assert (one.content, one.fault) == (GOOD, "")


def test_one_piece_that_unpacks_to_a_gigabyte_costs_its_student_alone(tmp_path):
    """Of bzip2 a few bytes are a gigabyte, and Python unpacks them at once."""
    bomb = squeezed(b"", zipfile.ZIP_BZIP2)
    packed = bz2.compress(bytes(2**20)) * 1000
    start = bomb.index(b"lab04_lora.ipynb") + len("lab04_lora.ipynb")
    end = bomb.index(b"PK\1\2")
    table = bytearray(bomb[end:])
    for place, number in ((20, len(packed)), (24, 2**30)):
        table[place : place + 4] = number.to_bytes(4, "little")
    at = table.index(b"PK\5\6") + 16
    table[at : at + 4] = (start + len(packed)).to_bytes(4, "little")
    (tmp_path / "joe_lab04.zip").write_bytes(bomb[:start] + packed + table)
    (tmp_path / "zoe_lab04.ipynb").write_bytes(GOOD)
    joe, zoe = find_submissions(tmp_path, LAB)
    assert joe.fault and not joe.content
    assert zoe.content == GOOD and not zoe.fault


def test_a_student_hands_in_no_more_than_the_limit(tmp_path, monkeypatch):
    many = archive({f"n{i}_lab04.ipynb": GOOD + b" " * i for i in range(50)})
    monkeypatch.setattr(taken, "MAX_STUDENT", len(many) + 10 * len(GOOD))
    entries = {"joe_1_2_lab04.zip": many, "ann_5_6_lab04.zip": archive({"lab04_lora.ipynb": GOOD})}
    entries |= {f"zoe{i}_3_4_lab04_lora.ipynb": GOOD for i in range(50)}
    (tmp_path / "export.zip").write_bytes(archive(entries))
    found = {one.student: one for one in find_submissions(tmp_path / "export.zip", LAB)}
    assert len(found) == 52
    assert "notebooks for lab04" in found["joe_1"].fault and found["joe_1"].unclear
    assert all(one.content == GOOD for name, one in found.items() if name != "joe_1")
    (tmp_path / "joe_lab04.zip").write_bytes(
        archive({"lab04_lora.ipynb": GOOD + b" " * 2 * taken.MAX_STUDENT})
    )
    (one,) = find_submissions(tmp_path / "joe_lab04.zip", LAB)
    assert "unpacked" in one.fault


def test_archives_of_one_student_in_a_folder_count_together(tmp_path, monkeypatch):
    monkeypatch.setattr(taken, "MAX_STUDENT", 3 * len(GOOD))
    for student in ("joe", "zoe"):
        (tmp_path / student).mkdir()
    for i in range(9):
        (tmp_path / f"joe/{i}_lab04.ipynb").write_bytes(GOOD + b" " * i)
    (tmp_path / "zoe/lab04_lora.ipynb").write_bytes(GOOD)
    joe, zoe = find_submissions(tmp_path, LAB)
    assert "2 notebooks" in joe.fault and joe.unclear
    assert zoe.content == GOOD


def test_contents_lie_on_the_disk_and_travel_as_bytes(tmp_path):
    (tmp_path / "zoe_lab04.ipynb").write_bytes(GOOD)
    (one,) = find_submissions(tmp_path, LAB)
    assert isinstance(one.handed_in, Held) and one.handed_in.path.parent == folder()
    again = pickle.loads(pickle.dumps(one))
    assert again.handed_in == GOOD and again.digest == one.digest


def test_what_is_too_long_is_not_kept():
    before = sorted(folder().iterdir())
    assert hold(io.BytesIO(b"x" * 101), 100) is None
    assert sorted(folder().iterdir()) == before
    held = hold(io.BytesIO(b"x" * 100), 100)
    assert held.read() == b"x" * 100 and held.n_bytes == 100


def test_nothing_stays_when_the_process_ends():
    code = (
        "import io; from adaptlab.grading.submissions.spool import hold;"
        " print(hold(io.BytesIO(b'x'), 9).path)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    path = Path(ended.stdout.strip())
    assert path.is_absolute() and not path.parent.exists()


def test_a_full_disk_is_no_students_fault(tmp_path, monkeypatch):
    def full(*_) -> None:
        raise NoRoom("There is no room.")

    (tmp_path / "zoe_lab04.zip").write_bytes(archive({"lab04_lora.ipynb": GOOD}))
    monkeypatch.setattr(spool, "_write", full)
    with pytest.raises(NoRoom, match="no room"):
        find_submissions(tmp_path / "zoe_lab04.zip", LAB)


READS = """
import sys
from pathlib import Path
from adaptlab.grading.notebook import Invalid, read_cells_apart
try:
    read_cells_apart(Path(sys.argv[1]).read_bytes())
except Invalid as error:
    print(error)
"""


def test_a_notebook_that_takes_much_memory_to_read_is_invalid(tmp_path):
    """In a process of its own: one that ran other tests has memory to spare, which is
    not counted.
    """
    heavy = tmp_path / "heavy.ipynb"
    heavy.write_bytes(as_notebook(cells())[:-1] + b', "x": [' + b"[]," * 6_000_000 + b"[]]}")
    command = [sys.executable, "-c", READS, heavy]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "cannot be read: it takes" in done.stdout, done.stdout + done.stderr
    assert read_cells_apart(GOOD) == read_cells(GOOD)
