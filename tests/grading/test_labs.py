"""The labs that are handed out: in step with their sources, without their answers, right when they
are solved, and blank when they are not.
"""

from pathlib import Path

import pytest
from rapidfuzz import fuzz

from adaptlab.course.labs import build_labs, faults, find_sources, out_of_step, solved
from adaptlab.errors import AdaptLabError
from adaptlab.grading.exercises import exercises, files_of
from adaptlab.grading.grade import GradingRun, grade
from adaptlab.grading.notebook import Cell, read_cells, read_lab
from adaptlab.grading.sandbox.box import prepared
from adaptlab.grading.sandbox.limits import Limits
from adaptlab.grading.submissions.submission import Beside, Submission

ROOT = Path(__file__).parents[2]
SOURCES = find_sources(ROOT / "solutions")
LABS = [source.stem for source in SOURCES]
LIMITS = Limits(step_seconds=60, total_seconds=300)


def lab_of(name: str):
    return read_lab((ROOT / "labs" / f"{name}.ipynb").read_bytes(), name)


def source_cells(name: str) -> list[Cell]:
    """The cells of a source, with its answers."""
    import jupytext
    import nbformat

    return read_cells(nbformat.writes(jupytext.read(ROOT / "solutions" / f"{name}.py")).encode())


@pytest.fixture(scope="module")
def harness(box_level):
    with prepared() as folder:
        yield folder


@pytest.mark.parametrize("name", LABS)
def test_labs_are_what_their_sources_make(name):
    stale = out_of_step([source for source in SOURCES if source.stem == name], ROOT / "labs")
    assert not stale, f"{name} is out of date with its source; run: adaptlab labs build"


@pytest.mark.parametrize("name", LABS)
def test_every_exercise_has_its_check_and_every_check_its_exercise(name):
    assert set(lab_of(name).points) == set(exercises(name[:5]))
    assert set(lab_of(name).by_hand) == {"explanation"}
    points = sum((lab_of(name).points | lab_of(name).by_hand).values())
    assert 18 <= points <= 25, f"{name} has {points} points; a lab has 18 to 25"


@pytest.mark.parametrize("name", LABS)
def test_no_answer_is_handed_out(name):
    """By the words of the solution, not only by its text: a stub may share its contract, but not
    its lines.
    """
    handed = {cell.name: cell.source for cell in lab_of(name).cells}
    for cell in source_cells(name):
        if cell.name and not cell.name.startswith("check_") and cell.kind == "code":
            given = {line.strip() for line in handed[cell.name].splitlines()}
            secret = "\n".join(
                line
                for line in cell.source.splitlines()
                if line.strip() not in given and "SOLUTION" not in line
            )
            assert secret, f"{cell.name} has no solution that was taken out"
            for other in lab_of(name).cells:
                assert len(secret) < 60 or fuzz.partial_ratio(secret, other.source) < 80, (
                    cell.name,
                    other.id,
                )


@pytest.mark.parametrize("name", LABS)
def test_the_solution_gets_every_point(name, harness, box_level, request):
    content = solved(ROOT / "solutions" / f"{name}.py", ROOT / "labs" / f"{name}.ipynb")
    beside = tuple(
        Beside(file, request.getfixturevalue("trained_adapter")) for file in files_of(name)
    )
    graded = grade(
        GradingRun(lab_of(name), harness, box_level, 5, LIMITS),
        Submission("teacher", content, "", "", beside=beside),
    )
    assert {mark.status for mark in graded.marks if mark.exercise != "explanation"} == {"pass"}, (
        graded.marks
    )


@pytest.mark.parametrize("name", LABS)
def test_a_blank_lab_gets_none_and_is_called_blank(name, harness, box_level):
    content = (ROOT / "labs" / f"{name}.ipynb").read_bytes()
    graded = grade(
        GradingRun(lab_of(name), harness, box_level, 5, LIMITS),
        Submission("nobody", content, "", ""),
    )
    assert {mark.misconception for mark in graded.marks if mark.exercise != "explanation"} == {
        "blank"
    }, graded.marks


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("    # END SOLUTION\n", "", "without an END SOLUTION"),
        ("    # BEGIN SOLUTION\n", "", "without a BEGIN SOLUTION"),
        ('"solution": true', '"solution": false', "students would get it"),
        ('"points": 2, ', "", "needs points"),
        ('"grade_id": "shrink"', '"grade_id": "srink"', "a cell shrink"),
        ('"grade_id": "shrink"', '"grade_id": "adapter_output"', "also in line"),
        ('"grade_id": "shrink", ', '"grade_id": "shrink" ', "not valid JSON"),
        ('"points": 2, ', '"points": "two", ', "give a number"),
        ('"schema_version": 3, ', "", "needs schema_version"),
        ("check.lab04.shrink(shrink)", "check.lab04.srink(shrink)", "should end in .shrink"),
        ("def shrink(", "def srink(", "does not define shrink"),
        ("# | 7 `shrink`", "# | 7 `srink`", "table names srink"),
        (
            "# | 7 `shrink`, and the experiment | 3 |",
            "# | 7 `shrink`, and the experiment | 4 |",
            "gives shrink 4 points",
        ),
    ],
    ids=range(13),
)
def test_marks_out_of_order_are_named_with_file_and_line(tmp_path, before, after, says):
    script = (ROOT / "solutions" / "lab04_lora.py").read_text()
    assert not list(faults(script))
    broken = tmp_path / "lab04_lora.py"
    broken.write_text(script.replace(before, after, 1))
    with pytest.raises(AdaptLabError, match=rf"lab04_lora.py:\d+: .*{says}"):
        build_labs([broken], tmp_path / "labs")
    assert not (tmp_path / "labs").exists()
