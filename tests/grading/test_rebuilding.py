"""Copied, split and merged cells, and lost marks: no answer costs more than itself."""

import codecs
import json
import time

import pytest
from grading.conftest import NAMES, SOLUTIONS, answer_cell, as_notebook, cells, code_cell

from adaptlab.grading.grade import GradingRun, grade
from adaptlab.grading.notebook import MAX_SOURCE, Invalid, answers_of, read_cells, read_lab, rebuild
from adaptlab.grading.submissions.find import find_submissions
from adaptlab.grading.submissions.submission import Submission

RIGHT = SOLUTIONS["same_strength"]
WRONG = "def same_strength(alpha, rank, new_rank, rank_stabilized):\n    return alpha"
BLANK = (
    "def same_strength(alpha, rank, new_rank, rank_stabilized):\n    raise NotImplementedError()"
)


def points(graded) -> dict[str, float]:
    return {mark.exercise: mark.points for mark in graded.marks}


def copied(name: str, *sources: str) -> list[dict]:
    """A notebook in which an answer's cell was copied: each copy has its marks, and its own id."""
    made = cells()
    place = next(i for i, cell in enumerate(made) if cell["id"] == name)
    made[place : place + 1] = [
        answer_cell(name, source) | {"id": f"{name}-{i}"} for i, source in enumerate(sources)
    ]
    return made


def bare(notebook: list[dict]) -> list[dict]:
    """A notebook as programs save it that know neither marks nor ids."""
    return [
        {key: value for key, value in cell.items() if key != "id"} | {"metadata": {"_uuid": "7"}}
        for cell in notebook
    ]


@pytest.fixture
def lab_with_blank():
    """The lab as it is handed out: one answer blank, and a question that a person reads."""
    text = {
        "grade_id": "explanation",
        "grade": True,
        "solution": True,
        "points": 3,
        "schema_version": 3,
    }
    asked = {
        "cell_type": "markdown",
        "id": "question",
        "metadata": {},
        "source": "## In your own words",
    }
    answer = {
        "cell_type": "markdown",
        "id": "explanation",
        "metadata": {"nbgrader": text},
        "source": "YOUR ANSWER HERE",
    }
    return [*cells(same_strength=BLANK), asked, answer]


@pytest.fixture
def given_out(grader, lab_with_blank):
    """A grader of that lab."""
    lab = read_lab(as_notebook(lab_with_blank), "lab04_short")

    def graded(made: list[dict]):
        return grade(
            GradingRun(lab, grader.harness, grader.level, secret=11),
            Submission("student", as_notebook(made), "", ""),
        )

    return graded


@pytest.mark.parametrize(
    "sources",
    [
        (RIGHT, RIGHT),
        (RIGHT, "# scratch, my first try"),
        ("# scratch", RIGHT),
        (WRONG, RIGHT),
        ("HALF = 0.5", RIGHT.replace("0.5", "HALF")),
        (RIGHT, "Some words, where a code cell was split: and no code"),
    ],
    ids=[
        "copied",
        "split below",
        "split above",
        "tried twice",
        "a global in a cell of its own",
        "words",
    ],
)
def test_an_answer_in_several_cells_is_what_runs_from_top_to_bottom(given_out, sources):
    assert given_out(copied("same_strength", *sources)).points == 6


def test_two_answers_cost_no_other_exercise(given_out):
    graded = given_out(copied("same_strength", RIGHT, WRONG))
    assert points(graded) == dict.fromkeys(NAMES, 2) | {"same_strength": 0, "explanation": 0}


@pytest.mark.parametrize("order", [(BLANK, RIGHT), (RIGHT, BLANK)], ids=["above", "below"])
@pytest.mark.parametrize("marks", ["copied", "added"])
def test_the_untouched_cell_beside_an_answer_is_no_answer(given_out, order, marks):
    made = copied("same_strength", *order)
    if marks == "added":  # in a cell that the student made
        made = [code_cell(RIGHT) if cell["source"] == RIGHT else cell for cell in made]
    graded = given_out(made)
    assert points(graded) == dict.fromkeys(NAMES, 2) | {"explanation": 0}


def test_without_marks_and_ids_answers_are_found_by_their_names(given_out, lab_with_blank):
    made = bare([*cells(), *lab_with_blank[-2:]])
    made[-1]["source"] = "Because the ranks differ."
    graded = given_out(made)
    assert points(graded) == dict.fromkeys(NAMES, 2) | {"explanation": None}
    assert graded.answers == SOLUTIONS | {"explanation": "Because the ranks differ."}


def test_answers_merged_into_one_cell(grader):
    merged = answer_cell("count_adapters", "\n\n".join(SOLUTIONS.values()))
    graded = grader([cells()[0], merged])
    assert graded.points == 6 and all(SOLUTIONS[name] in graded.answers[name] for name in NAMES)


def test_an_answer_in_the_cell_of_its_check(given_out):
    made = cells(same_strength=BLANK)
    place = next(i for i, cell in enumerate(made) if cell["id"] == "check_same_strength")
    made[place] = made[place] | {"source": f"{RIGHT}\n\n{made[place]['source']}"}
    graded = given_out(made)
    assert points(graded) == dict.fromkeys(NAMES, 2) | {"explanation": 0}


def test_of_two_notebooks_that_differ_a_person_decides(tmp_path, lab, grader):
    for name in ("lab04_a.ipynb", "lab04_b.ipynb"):
        (tmp_path / "jane").mkdir(exist_ok=True)
        (tmp_path / "jane" / name).write_bytes(as_notebook(cells(f"x = {name!r}")))
    (one,) = find_submissions(tmp_path, lab.name)
    graded = grade(GradingRun(lab, grader.harness, grader.level, secret=11), one)
    assert {(mark.status, mark.points) for mark in graded.marks} == {("needs a person", None)}
    assert (
        "2 notebooks for lab04 (jane/lab04_a.ipynb, jane/lab04_b.ipynb)" in graded.marks[0].sentence
    )


def test_a_cell_that_is_too_long_costs_itself_alone(given_out):
    picture = {
        "cell_type": "markdown",
        "id": "p",
        "metadata": {},
        "source": f"![](data:image/png;base64,{'A' * 300_000})",
    }
    long = f"{RIGHT}\nDATA = '{'x' * 300_000}'"
    graded = given_out(
        [picture, code_cell(f"DATA = '{'x' * 300_000}'"), *cells(same_strength=long)]
    )
    assert points(graded) == dict.fromkeys(NAMES, 2) | {"same_strength": 0, "explanation": 0}
    assert "has 300" in next(
        mark.sentence for mark in graded.marks if mark.exercise == "same_strength"
    )


def test_lines_of_windows(given_out):
    made = bare(cells())
    for cell in made:
        cell["source"] = cell["source"].replace("\n", "\r\n")
    assert points(given_out(made)) == dict.fromkeys(NAMES, 2) | {"explanation": 0}


def test_experiments_without_ids_are_not_run_for_marks(grader):
    predicted = answer_cell("prediction", "prediction = '4'")
    experiment = code_cell("raise SystemExit", "lab04-30")
    lab = read_lab(as_notebook([*cells(), predicted, experiment]), "lab04_short")
    made = bare([*cells(), predicted, experiment])
    graded = grade(
        GradingRun(lab, grader.harness, grader.level, secret=11),
        Submission("student", as_notebook(made), "", ""),
    )
    assert graded.points == 6 and graded.errors == {} and graded.prediction == "4"


@pytest.mark.parametrize(
    "encoded",
    [codecs.BOM_UTF8 + as_notebook(cells()), as_notebook(cells()).decode().encode("utf-16")],
    ids=["UTF-8", "UTF-16"],
)
def test_a_mark_before_the_text_is_read_over(encoded):
    assert [cell.name for cell in read_cells(encoded)] == [
        cell.name for cell in read_cells(as_notebook(cells()))
    ]


def test_what_holds_no_answer_is_no_lab(lab):
    with pytest.raises(Invalid, match="The notebook has no answer of lab04_short"):
        rebuild(
            lab, read_cells(json.dumps({"nbformat": 4, "cells": [code_cell("1 + 1")]}).encode())
        )


@pytest.mark.parametrize("name", ["same_strength", "nobody's"])
def test_a_thousand_long_cells_are_put_together_in_little_time(lab, name):
    """Each is looked at once, and not against every other: this is done outside of any box."""
    many = [answer_cell(name, f"{' ' * 9000}x = {i}{' ' * 9000}") for i in range(900)]
    handed_in = read_cells(as_notebook([*cells(), *many]))
    began = time.process_time()
    rebuilt = rebuild(lab, handed_in)
    assert time.process_time() - began < 3
    assert len(rebuilt) == len(handed_in)
    assert all(len(answer) <= MAX_SOURCE for answer in answers_of(lab, rebuilt).values())
