"""Requests for a second look: kept through every regrading, answered by a mark or a refusal with a
name under it, and shown as text.
"""

import sqlite3
from contextlib import closing

import pytest
from grading.conftest import as_notebook, cells
from grading.test_gradebook import GOT, NAME, keep
from typer.testing import CliRunner

from adaptlab.cli.grade import grade_app
from adaptlab.errors import AdaptLabError
from adaptlab.grading.records.export import COLUMNS, to_csv
from adaptlab.grading.records.feedback import write_feedback
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.records.sheet import Request

HOSTILE = [
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "@SUM(A1)\n\tjane: 6 of 6",
    "\x1b[2J\u202e",
    "'; DROP TABLE requests; --",
    "{{ 7 * 7 }}",
]
EXERCISE = "same_strength"


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    made = Ledger(tmp_path / "marks.db")
    for student in ("jane", "лена"):
        keep(made, student, GOT)
    return made


@pytest.fixture
def command(tmp_path, ledger):
    """The command line on this ledger; a refusal is raised."""
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / f"{NAME}.ipynb").write_bytes(as_notebook(cells()))
    where = ["--lab", "04", "--out", str(tmp_path), "--folder", str(tmp_path)]

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(grade_app, [*arguments, *where])
        if isinstance(done.exception, AdaptLabError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return run


def of_jane(ledger: Ledger) -> list[Request]:
    return ledger.sheets(NAME)[0].requests


def test_a_mark_answers_a_request_and_a_regrading_does_not(ledger):
    ledger.request("jane", NAME, EXERCISE, "I divided by the root.")
    keep(ledger, "jane", GOT | {EXERCISE: ("pass", 2.0)}, "mended")
    assert [request.reason for request in ledger.sheets(NAME)[0].open_requests] == [
        "I divided by the root."
    ]
    ledger.decide("jane", NAME, "count_adapters", 1, "another exercise", "A. Teacher")
    ledger.decide("лена", NAME, EXERCISE, 1, "another student", "A. Teacher")
    assert not of_jane(ledger)[0].answered
    ledger.decide("jane", NAME, EXERCISE, 1.5, "So you did.", "A. Teacher")
    ledger.decide("jane", NAME, EXERCISE, 1, "And yet.", "B. Teacher")
    answered = of_jane(ledger)[0]
    assert (answered.points, answered.answer, answered.author) == (
        1.5,
        "So you did.",
        "A. Teacher",
    ) and answered.answered >= answered.at
    keep(ledger, "jane", GOT, "mended again")
    assert of_jane(ledger) == [answered] and ledger.sheets(NAME)[0].open_requests == []


def test_a_refusal_leaves_the_mark_and_another_request_may_follow(ledger):
    ledger.request("jane", NAME, EXERCISE, "Please look again.")
    with pytest.raises(AdaptLabError, match="is already open"):
        ledger.request("jane", NAME, EXERCISE, "Please!")
    points = ledger.sheets(NAME)[0].points
    ledger.decline("jane", NAME, EXERCISE, "The scale depends on the rank.", "A. Teacher")
    assert of_jane(ledger)[0].points is None and ledger.sheets(NAME)[0].points == points
    ledger.request("jane", NAME, EXERCISE, "Here is a proof.")
    assert [bool(request.answered) for request in of_jane(ledger)] == [True, False]


def test_a_ledger_from_before_requests_opens(ledger):
    with closing(sqlite3.connect(ledger.path)) as db:
        db.execute("DROP TABLE requests")
    assert of_jane(ledger) == []
    ledger.request("jane", NAME, EXERCISE, "Please look again.")
    assert len(of_jane(ledger)) == 1


def test_pages_and_exports_show_hostile_reasons_as_text_or_not_at_all(ledger, tmp_path):
    for text in HOSTILE:
        ledger.request("jane", NAME, EXERCISE, text)
        ledger.decline("jane", NAME, EXERCISE, text, text)
    ledger.request("jane", NAME, EXERCISE, "Please look again.")
    assert [request.reason for request in of_jane(ledger)] == [*HOSTILE, "Please look again."]
    page = write_feedback(ledger.sheets(NAME), tmp_path)[0].read_text()
    assert not any(bad in page for bad in ("<script", "\x1b", "\u202e", "49"))
    assert (
        page.count("&lt;script&gt;alert(1)") == 3
        and page.count("the mark stays") == len(HOSTILE)
        and page.count("Not answered yet.") == 1
    )
    for platform in COLUMNS:
        assert not any(
            line.startswith(("=", "@", '"=', '"@')) or "HYPERLINK" in line
            for line in to_csv(ledger.sheets(NAME), platform).splitlines()
        )


def test_the_commands_keep_list_and_answer(ledger, command, tmp_path):
    command("request", "jane", EXERCISE, "--reason", "Look\n\x1bлена: 9 of 9")
    listed = command("show").splitlines()
    assert (
        len(listed) == 3
        and listed[1].startswith(f"  asks for a second look at {EXERCISE}")
        and listed[1].endswith("Look �лена: 9 of 9")
    )
    assert "Not answered yet." in (tmp_path / "feedback" / "student_jane.html").read_text()
    command("request", "jane", EXERCISE, "--decline", "It is wrong.", "--author", "A. Teacher")
    assert (
        "A. Teacher, the mark stays: It is wrong."
        in (tmp_path / "feedback" / "student_jane.html").read_text()
    )
    command("request", "jane", EXERCISE, "--reason", "Again.")
    command("mark", "jane", EXERCISE, "1", "--author", "B. Teacher", "--reason", "Half of it.")
    assert (
        "B. Teacher, 1 point: Half of it."
        in (tmp_path / "feedback" / "student_jane.html").read_text()
    )
    assert len(command("show").splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody", EXERCISE, "--reason", "x"], "no student"),
        (["jane", "other", "--reason", "x"], "no exercise"),
        (["jane", EXERCISE], "Give --reason"),
        (["jane", EXERCISE, "--reason", "x", "--decline", "y"], "Give --reason"),
        (["jane", EXERCISE, "--reason", " "], "reason of the request is missing"),
        (["jane", EXERCISE, "--decline", "x", "--author", "me"], "no open request"),
        (["jane", EXERCISE, "--decline", "x"], "author or the reason is missing"),
    ],
    ids=range(7),
)
def test_a_request_is_checked(command, arguments, says):
    with pytest.raises(AdaptLabError, match=says):
        command("request", *arguments)
