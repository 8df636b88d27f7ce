"""The ledger of marks: whole or not at all, the same after every interruption, and what persons
decided stays.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from grading.conftest import as_notebook, cells
from grading.kills import killed_and_whole

from adaptlab.errors import AdaptLabError
from adaptlab.grading.batch import code_of, grade_all
from adaptlab.grading.records.export import safe, to_csv
from adaptlab.grading.records.feedback import file_name, write_feedback
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.records.sheet import Policy
from adaptlab.grading.submissions.submission import Submission

WRONG = "def same_strength(alpha, rank, new_rank, rank_stabilized):\n    return alpha"
RECEIVED = "2026-11-20T12:00:00+00:00"


def submissions(n: int = 3) -> list[Submission]:
    made = [
        Submission(
            f"student{i}",
            as_notebook(cells(same_strength=WRONG) if i % 2 else cells(f"x = {i}")),
            "file",
            RECEIVED,
        )
        for i in range(n)
    ]
    return [*made, Submission("<script>alert(1)</script>\x1b[2J", b"{", "file", RECEIVED)]


@pytest.fixture(scope="module")
def graded(tmp_path_factory, lab, box_level):
    path = tmp_path_factory.mktemp("marks") / "marks.db"
    assert grade_all(submissions(), lab, "grader", Ledger(path)) == 4
    return path


@pytest.fixture
def ledger(graded, tmp_path):
    return Ledger(Path(shutil.copy(graded, tmp_path / "marks.db")))


def test_a_batch_is_graded_once_and_a_new_grader_says_what_moved(ledger, lab):
    assert grade_all(submissions(), lab, "grader", ledger) == 0
    points = {sheet.student: sheet.points for sheet in ledger.sheets(lab.name)}
    assert points == {
        "student0": 6,
        "student1": 4,
        "student2": 6,
        "<script>alert(1)</script>\x1b[2J": 0,
    }
    dearer = replace(lab, points=lab.points | {"count_adapters": 5})
    assert grade_all(submissions(), dearer, "mended", ledger) == 4
    assert ("student1", "count_adapters", 2, 5) in ledger.moved(lab.name, "mended")


def test_what_a_person_decided_stays(ledger, lab):
    ledger.decide("student1", lab.name, "same_strength", 1.5, "nearly", "Dr. No")
    grade_all(submissions(), lab, "mended", ledger)
    sheet = next(sheet for sheet in ledger.sheets(lab.name) if sheet.student == "student1")
    assert sheet.points == 5.5 and sheet.manual["same_strength"] == (1.5, "nearly", "Dr. No")


@pytest.mark.parametrize(
    ("student", "exercise", "points", "author", "says"),
    [
        ("nobody", "same_strength", 1, "me", "no student"),
        ("student1", "other", 1, "me", "no exercise"),
        ("student1", "same_strength", 3, "me", "0 to 2"),
        ("student1", "same_strength", -1, "me", "0 to 2"),
        ("student1", "same_strength", float("nan"), "me", "0 to 2"),
        ("student1", "same_strength", 1, " ", "author"),
    ],
)
def test_a_mark_by_hand_is_checked(ledger, lab, student, exercise, points, author, says):
    with pytest.raises(AdaptLabError, match=says):
        ledger.decide(student, lab.name, exercise, points, "because", author)


def test_days_late_are_begun_days_in_any_zone(ledger, lab):
    policy = Policy("2026-11-18T23:59:00+01:00", free_days=1, percent_a_day=10)
    assert [
        policy.days_late(f"2026-11-{day}")
        for day in (
            "18T22:59:00+00:00",
            "18T23:00:00+00:00",
            "19T22:59:00+00:00",
            "20T12:00:00+00:00",
        )
    ] == [0, 1, 1, 2]
    ledger.set_policy(lab.name, policy)
    assert {sheet.student: sheet.points for sheet in ledger.sheets(lab.name)}[
        "student0"
    ] == pytest.approx(5.4)


def test_pages_show_what_was_written_and_run_nothing(ledger, lab, tmp_path):
    written = write_feedback(ledger.sheets(lab.name), tmp_path / "pages", measured="4")
    assert len(written) == 4
    for page in (tmp_path / "pages").iterdir():
        text = page.read_text()
        assert (
            "<script" not in text
            and "\x1b" not in text
            and "http" not in text.replace("http-equiv", "")
            and "default-src 'none'" in text
        )
    assert (
        "alpha / r changes with the rank"
        in (tmp_path / "pages" / "student_student1.html").read_text()
    )


def test_a_mark_by_hand_on_an_earlier_submission_stays_and_is_said(
    ledger, lab, monkeypatch, tmp_path
):
    def sheet():
        return next(sheet for sheet in ledger.sheets(lab.name) if sheet.student == "student2")

    ledger.decide("student2", lab.name, "same_strength", 1, "half of it", "A. Teacher")
    assert sheet().outdated == []
    monkeypatch.setattr("adaptlab.grading.records.marks._now", lambda: "2999-01-01T00:00:00+00:00")
    grade_all(
        [Submission("student2", as_notebook(cells(same_strength=WRONG)), "file", RECEIVED)],
        lab,
        "mended",
        ledger,
    )
    assert sheet().outdated == ["same_strength"] and sheet().manual["same_strength"][0] == 1
    write_feedback(ledger.sheets(lab.name), tmp_path)
    assert (
        "graded manually before this submission: same_strength"
        in (tmp_path / "class.html").read_text()
    )


@pytest.mark.parametrize("platform", ["canvas", "moodle", "gradescope", "table"])
def test_exports_are_the_same_bytes_and_no_formulas(ledger, lab, platform):
    sheets = ledger.sheets(lab.name)
    assert to_csv(sheets, platform) == to_csv(sheets, platform)
    assert (
        safe("=HYPERLINK(1)") == "'=HYPERLINK(1)"
        and to_csv([replace(sheets[0], student="=1+1")], platform).count("'=1+1") >= 1
    )
    for formula in (" =1+1", "\u00a0@SUM(1)", "＝1+1", "\n-1+1"):
        assert safe(formula) == f"'{formula}"
    assert safe("a=b") == "a=b" and safe("-") == "-"
    with pytest.raises(AdaptLabError, match="'excel' is unknown"):
        to_csv(sheets, "excel")


def test_moodle_finds_the_columns_without_which_it_takes_no_file(ledger, lab):
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(
        to_csv(ledger.sheets(lab.name), "moodle").splitlines()[0].split(",")
    )


def test_a_mark_by_hand_is_shown_as_one_with_the_answer(ledger, lab, tmp_path):
    ledger.decide("student1", lab.name, "same_strength", 1, "half of it", "A. Teacher")
    write_feedback(ledger.sheets(lab.name), tmp_path)
    page = (tmp_path / "student_student1.html").read_text()
    assert "✎ marked by hand" in page and "\nA. Teacher: half of it</td>" in page
    assert "marked by hand 1" in (tmp_path / "class.html").read_text()


def test_killed_at_any_moment_and_run_again_the_marks_are_the_same(tmp_path, lab, box_level):
    resumed, whole, counts = killed_and_whole(tmp_path, submissions(6), lab, n_kills=6)
    assert resumed == whole and len(whole) == 7 and set(counts) == {"grader", "box"}


def test_no_two_students_share_a_page():
    names = ["jane", "Jane", "ja/ne", "ja_ne", "ja ne", "jane.", "..", "", "лена"]
    assert len({file_name(name).casefold() for name in names}) == len(names)


def test_a_graders_name_does_not_hang_on_who_imported_what():
    """Workers compare it with that of the batch; setuptools, once imported, puts copies of packages
    on the path.
    """
    before = code_of.__wrapped__("lab04")
    import setuptools  # noqa: F401

    assert code_of.__wrapped__("lab04") == before
