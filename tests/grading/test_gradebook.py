"""nbgrader's gradebook, read back by nbgrader's own API: our marks stand in it, what was marked in
formgrader stays, and writing twice is writing once.
"""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from grading.conftest import as_notebook, cells
from typer.testing import CliRunner

from adaptlab.cli.grade import grade_app
from adaptlab.errors import AdaptLabError
from adaptlab.grading.grade import Graded, Mark
from adaptlab.grading.notebook import read_lab
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.records.nbgrader import Foreign, read_foreign, write_gradebook
from adaptlab.grading.records.sheet import Policy
from adaptlab.grading.submissions.submission import Submission, digest_of

NAME = "lab04_short"
GOT = {
    "count_adapters": ("pass", 2.0),
    "same_strength": ("wrong", 0.0),
    "shipping_order": ("grader error", None),
    "explanation": ("needs a person", None),
}


@pytest.fixture
def short(lab):
    return replace(lab, by_hand={"explanation": 3})


@pytest.fixture
def ledger(tmp_path, short):
    made = Ledger(tmp_path / "marks.db")
    for student in ("jane", "лена"):
        keep(made, student, GOT)
    return made


def keep(ledger: Ledger, student: str, got: dict, grader: str = "one") -> None:
    marks = [
        Mark(name, status, points, 3 if name == "explanation" else 2, "A sentence.")
        for name, (status, points) in got.items()
    ]
    graded = Graded(student, NAME, digest_of(b"x"), "bwrap", marks)
    ledger.keep(Submission(student, b"x", "file", "2026-11-20T13:00:00+01:00"), graded, grader)


def write(path, short, ledger) -> list[Foreign]:
    return write_gradebook(path, short, ledger.sheets(NAME), ledger)


def test_a_mark_for_an_exercise_that_the_lab_lost_is_named(tmp_path, short):
    ledger = Ledger(tmp_path / "marks.db")
    keep(ledger, "jane", GOT | {"shrink": ("pass", 2.0)})
    with pytest.raises(AdaptLabError, match="shrink"):
        write(tmp_path / "gradebook.db", short, ledger)
    assert not (tmp_path / "gradebook.db").exists()


def grades(path, student: str = "jane") -> dict:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{path}") as gradebook:
        submission = gradebook.find_submission_notebook(NAME, NAME, student)
        return {
            grade.name: (
                grade.auto_score,
                grade.manual_score,
                grade.needs_manual_grade,
                grade.max_score,
            )
            for grade in submission.grades
        }


def mark_in_formgrader(path, cell: str, points: float, student: str = "jane") -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{path}") as gradebook:
        grade = gradebook.find_grade(cell, NAME, NAME, student)
        grade.manual_score = points
        grade.needs_manual_grade = False
        gradebook.db.commit()


def comment_in_formgrader(path, exercise: str, text: str, student: str = "jane") -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{path}") as gradebook:
        gradebook.find_comment(exercise, NAME, NAME, student).manual_comment = text
        gradebook.db.commit()


def dump(path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def test_marks_stand_in_the_gradebook(tmp_path, short, ledger):
    from nbgrader.api import Gradebook

    ledger.set_policy(NAME, Policy("2026-11-19T12:00:00+00:00", percent_a_day=10))
    ledger.decide("jane", NAME, "explanation", 2.5, "clear", "A. Teacher")
    path = tmp_path / "gradebook.db"
    assert write(path, short, ledger) == []
    assert grades(path) == {
        "check_count_adapters": (2, None, False, 2),
        "check_same_strength": (0, None, False, 2),
        "check_shipping_order": (None, None, True, 2),
        "explanation": (None, 2.5, False, 3),
    }
    with Gradebook(f"sqlite:///{path}") as gradebook:
        submission = gradebook.find_submission(NAME, "jane")
        assert (submission.score, submission.max_score, submission.written_score) == (4.5, 9, 2.5)
        assert (
            submission.timestamp.isoformat() == "2026-11-20T12:00:00"
            and submission.late_submission_penalty == pytest.approx(0.45)
        )
        assert (
            submission.score - submission.late_submission_penalty == ledger.sheets(NAME)[0].points
        )
        assert {student.id for student in gradebook.students} == {"jane", "лена"}


def test_a_second_export_changes_nothing(tmp_path, short, ledger):
    ledger.decide("jane", NAME, "explanation", 2.5, "clear", "A. Teacher")
    path = tmp_path / "gradebook.db"
    write(path, short, ledger)
    before = dump(path)
    write(path, short, ledger)
    assert dump(path) == before
    keep(ledger, "jane", GOT | {"same_strength": ("pass", 2.0)}, "mended")
    write(path, short, ledger)
    assert dump(path) != before and grades(path)["check_same_strength"] == (2, None, False, 2)


def test_what_was_marked_in_formgrader_stays_and_can_be_taken_over(tmp_path, short, ledger):
    path = tmp_path / "gradebook.db"
    write(path, short, ledger)
    mark_in_formgrader(path, "explanation", 1)
    ledger.decide("jane", NAME, "explanation", 2.5, "clear", "A. Teacher")
    assert (
        write(path, short, ledger)
        == [Foreign("jane", "explanation", 1)]
        == read_foreign(path, short, ledger.sheets(NAME))
    )
    assert grades(path)["explanation"] == (None, 1, False, 3)
    ledger.decide("jane", NAME, "explanation", 1, "as in formgrader", "A. Teacher")
    assert write(path, short, ledger) == []


def test_our_own_later_mark_takes_the_place_of_our_earlier_one_but_not_of_one_like_it(
    tmp_path, short, ledger
):
    path = tmp_path / "gradebook.db"
    for points in (1, 2):
        ledger.decide("jane", NAME, "explanation", points, "because", "A. Teacher")
        assert write(path, short, ledger) == [] and grades(path)["explanation"][1] == points
    mark_in_formgrader(path, "explanation", 1)
    assert (
        write(path, short, ledger) == [Foreign("jane", "explanation", 1)]
        and grades(path)["explanation"][1] == 1
    )


def test_somebody_looks_again_where_the_grader_sees_otherwise_what_they_marked(
    tmp_path, short, ledger
):
    path = tmp_path / "gradebook.db"
    write(path, short, ledger)
    mark_in_formgrader(path, "check_same_strength", 1.5)
    write(path, short, ledger)
    assert grades(path)["check_same_strength"] == (0, 1.5, False, 2)
    keep(ledger, "jane", GOT | {"same_strength": ("pass", 2.0)}, "mended")
    write(path, short, ledger)
    assert grades(path)["check_same_strength"] == (2, 1.5, True, 2)


def test_an_exercise_that_came_later_gets_its_grade(tmp_path, short, ledger):
    path = tmp_path / "gradebook.db"
    write(path, short, ledger)
    keep(ledger, "jane", GOT | {"merge": ("pass", 2.0)}, "mended")
    write(path, replace(short, points=short.points | {"merge": 2}), ledger)
    assert grades(path)["check_merge"] == (2, None, False, 2)


def test_a_file_that_is_no_gradebook_is_a_sentence(tmp_path, short, ledger):
    (tmp_path / "gradebook.db").write_text("nothing of the kind" * 100)
    with pytest.raises(AdaptLabError, match="is not usable as nbgrader's gradebook"):
        write(tmp_path / "gradebook.db", short, ledger)
    with pytest.raises(AdaptLabError, match="There is no gradebook"):
        read_foreign(tmp_path / "none.db", short, ledger.sheets(NAME))


def test_the_commands_write_and_take_over(tmp_path, ledger):
    place = tmp_path / "labs" / f"{NAME}.ipynb"
    place.parent.mkdir()
    place.write_bytes(as_notebook(cells()))
    lab = read_lab(place.read_bytes(), NAME)
    for student in ("jane", "лена"):
        keep(ledger, student, {name: GOT[name] for name in lab.points}, "later")
    where = ["--lab", "04", "--out", str(tmp_path), "--folder", str(tmp_path)]
    written = CliRunner().invoke(grade_app, ["export", *where, "--platform", "nbgrader"])
    assert written.exit_code == 0 and "gradebook.db" in written.output
    mark_in_formgrader(tmp_path / "gradebook.db", "check_shipping_order", 1.5)
    assert (
        "not changed, graded in formgrader: jane, shipping_order: 1.5"
        in CliRunner().invoke(grade_app, ["export", *where, "--platform", "nbgrader"]).output
    )
    assert (
        CliRunner().invoke(grade_app, ["import", *where, "--author", "A. Teacher"]).output
        == "jane, shipping_order: 1.5\n"
    )
    assert ledger.sheets(NAME)[0].manual["shipping_order"] == (
        1.5,
        "graded in nbgrader's formgrader",
        "A. Teacher",
    )
    assert CliRunner().invoke(grade_app, ["import", *where, "--author", "A. Teacher"]).output == ""


def test_a_comment_of_formgrader_is_the_reason_of_its_mark(tmp_path, short, ledger):
    path = tmp_path / "gradebook.db"
    write(path, short, ledger)
    mark_in_formgrader(path, "explanation", 1)
    comment_in_formgrader(path, "explanation", " No numbers. ")
    (found,) = read_foreign(path, short, ledger.sheets(NAME))
    assert found == Foreign("jane", "explanation", 1, "No numbers.")
    ledger.decide("jane", NAME, "explanation", 1, found.comment, "A. Teacher")
    assert read_foreign(path, short, ledger.sheets(NAME)) == []
    comment_in_formgrader(path, "explanation", "One number.")
    assert read_foreign(path, short, ledger.sheets(NAME))[0].comment == "One number."
    for reason in ("One number.", "Said otherwise by `mark`."):
        ledger.decide("jane", NAME, "explanation", 1, reason, "A. Teacher")
    assert read_foreign(path, short, ledger.sheets(NAME)) == [], (
        "what the ledger has had is not new"
    )


def test_a_gradebook_of_before_gets_its_places_for_comments(tmp_path, short, ledger):
    path = tmp_path / "gradebook.db"
    write(path, short, ledger)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM comment")
    mark_in_formgrader(path, "explanation", 1)
    assert read_foreign(path, short, ledger.sheets(NAME)) == [Foreign("jane", "explanation", 1)]
    write(path, short, ledger)
    comment_in_formgrader(path, "explanation", "There.")


def test_a_comment_without_points_is_told_and_no_mark(tmp_path, ledger):
    place = tmp_path / "labs" / f"{NAME}.ipynb"
    place.parent.mkdir()
    place.write_bytes(as_notebook(cells()))
    lab = read_lab(place.read_bytes(), NAME)
    for student in ("jane", "лена"):
        keep(ledger, student, {name: GOT[name] for name in lab.points}, "later")
    where = ["--lab", "04", "--out", str(tmp_path), "--folder", str(tmp_path)]
    assert (
        CliRunner().invoke(grade_app, ["export", *where, "--platform", "nbgrader"]).exit_code == 0
    )
    comment_in_formgrader(tmp_path / "gradebook.db", "same_strength", "Nearly.")
    said = CliRunner().invoke(grade_app, ["import", *where, "--author", "A. Teacher"]).output
    assert said.startswith("jane, same_strength: the comment has no points.")
    assert not ledger.sheets(NAME)[0].manual
