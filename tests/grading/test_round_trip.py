"""From a platform's export to marks and feedback that it takes back, by the commands alone."""

import zipfile

import pytest
from grading.conftest import archive, as_notebook, cells
from typer.testing import CliRunner

from adaptlab.cli.grade import grade_app
from adaptlab.errors import AdaptLabError

GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,Lab 04 (778)
"Doe, Jane",4711,s1,jdoe,Section 1,
"Lee, Kim",4713,s3,klee,Section 2,
"""
JANE = "doejane_LATE_4711_99_lab04_short.ipynb"
TEAM = "team_3_12345_678913_lab04_short.ipynb"


@pytest.fixture
def command(tmp_path):
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs/lab04_short.ipynb").write_bytes(as_notebook(cells()))
    (tmp_path / "gradebook.csv").write_text(GRADEBOOK)
    entries = {JANE: as_notebook(cells()), TEAM: as_notebook(cells()), "leekim_4713_link.html": b""}
    (tmp_path / "submissions.zip").write_bytes(archive(entries))
    where = ["--lab", "04", "--out", str(tmp_path / "marks"), "--folder", str(tmp_path)]

    def run(*arguments: str) -> list[str]:
        done = CliRunner().invoke(grade_app, [*arguments, *where])
        if isinstance(done.exception, AdaptLabError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output.splitlines()

    return run


def test_an_export_of_canvas_and_back(tmp_path, command, box_level):
    roster = ["--roster", str(tmp_path / "gradebook.csv")]
    late = ["--due", "2026-11-20T00:00+00:00"]
    said = command(
        "run", str(tmp_path / "submissions.zip"), *roster, *late, "--percent-a-day", "10"
    )
    assert {
        "not graded, because without a notebook: leekim_4713_link.html",
        "on the roster, but no submission: Lee, Kim",
        "submission, but not on the roster: team_3_12345",
        "late, according to the platform: doejane_4711",
    } <= set(said)
    assert not any(line.startswith("note: the submissions in a zip") for line in said)
    assert command("show") == [
        "doejane_4711: 5.4 of 6 (90%, 1 day late)",
        "team_3_12345: 6 of 6",
    ]
    assert "not on the roster, so not in the file: team_3_12345" in command("export", *roster)
    marks = (tmp_path / "marks/lab04_short-canvas.csv").read_text()
    assert marks.splitlines()[1:] == ['"Doe, Jane",4711,s1,jdoe,Section 1,5.4']
    command("feedback", "--platform", "canvas")
    with zipfile.ZipFile(tmp_path / "marks/lab04_short-canvas-feedback.zip") as feedback:
        assert feedback.namelist() == [JANE, TEAM]


def test_an_export_that_is_cut_off_is_nobodys(tmp_path, command):
    cut = tmp_path / "cut.zip"
    cut.write_bytes((tmp_path / "submissions.zip").read_bytes()[:-40])
    with pytest.raises(AdaptLabError, match="cut.zip is not a complete zip"):
        command("run", str(cut))
