"""Marks by hand from one file: what waits is written, and what is filled in is taken whole."""

import csv
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adaptlab.cli.grade import grade_app
from adaptlab.errors import AdaptLabError
from adaptlab.grading.batch import read_lab_named
from adaptlab.grading.exercises import lab_names
from adaptlab.grading.grade import Graded, Mark
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.records.worksheet import read_worksheet, rubric
from adaptlab.grading.submissions.submission import Submission

COURSE = Path(__file__).parents[2]
LAB = "lab04_lora"


@pytest.fixture
def out(tmp_path) -> Path:
    lab, _ = read_lab_named(COURSE, "04")
    ledger = Ledger(tmp_path / "marks.db")
    for student, answer in {
        "jane": "=HYPERLINK(1)",
        "Jó, 'X'": "Two\nlines.",
        "=cmd": "x" * 40_000,
    }.items():
        marks = [Mark(name, "pass", of, of, "Right.") for name, of in lab.points.items()]
        marks.append(Mark("explanation", "needs a person", None, 3, "Read."))
        one = Submission(student, student.encode(), f"{student}.ipynb", "")
        made = Graded(student, LAB, one.digest, "bwrap", marks, answers={"explanation": answer})
        ledger.keep(one, made, "grader")
    return tmp_path


def run(*words: str):
    return CliRunner().invoke(grade_app, [*map(str, words), "--lab", "04", "--folder", str(COURSE)])


def filled(out: Path, **points: str) -> Path:
    """The worksheet with points for each row, in their order."""
    path = Path(run("worksheet", "--out", out).output.strip())
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, given in zip(rows, points.values()):
        row |= {"points": given, "reason": f"for {given}" if given else ""}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_what_waits_is_written_with_answer_and_rubric_and_comes_back(out):
    path = filled(out, a="2", b="1,5", c="")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and all(row["exercise"] == "explanation" for row in rows)
    assert {row["answer"] for row in rows} == {"'=HYPERLINK(1)", "Two\nlines.", "x" * 30_000}
    assert all(re.match(r"A person marks this[:.] 1 point(:| for)", row["rubric"]) for row in rows)
    done = run("marks", path, "--out", out, "--author", "A. T.")
    assert done.exit_code == 0 and "2 marks by A. T." in done.output, done.output
    sheets = {sheet.student: sheet for sheet in Ledger(out / "marks.db").sheets(LAB)}
    given = {name: sheet.manual.get("explanation", (None,))[0] for name, sheet in sheets.items()}
    assert sorted(given.values(), key=str) == [1.5, 2.0, None]
    assert sum(bool(sheet.waiting) for sheet in sheets.values()) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("explanation", "explanations"), "no graded exercise"),
        (("for 2", ""), "has points and no reason"),
        ((",2,", ",4,"), "not a number from 0 to 3"),
        ((",2,", ",nan,"), "not a number from 0 to 3"),
        (("student,", "name,"), "no column 'student'"),
    ],
)
def test_one_wrong_row_and_none_is_taken(out, change, said):
    path = filled(out, a="2", b="1", c="0")
    text = path.read_text().replace(*change, 1)
    path.write_text(text)
    ledger = Ledger(out / "marks.db")
    with pytest.raises(AdaptLabError, match=said):
        read_worksheet(path, ledger.sheets(LAB))
    assert run("marks", path, "--out", out, "--author", "A.").exit_code
    assert not any(sheet.manual for sheet in ledger.sheets(LAB))


def test_every_lab_says_what_its_open_question_gives_points_for():
    for short in lab_names():
        lab, _ = read_lab_named(COURSE, short)
        for name in lab.by_hand:
            assert re.search(r"1 point(:| for)", rubric(lab, name)), lab.name
        assert rubric(lab, next(iter(lab.points))) == ""
