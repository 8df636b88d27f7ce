"""Feedback goes back as each platform takes it: by the names that its export gave."""

import io
import json
import zipfile

import pytest
from grading.test_roster import owner, sheet

from adaptlab.errors import AdaptLabError
from adaptlab.grading.records.feedback import write_feedback
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.records.returns import feedback_zip

PERSIAN = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"  # with a joiner that is not seen
PAGE = "feedback_lab04_lora.html"
BRIGHTSPACE = "1-2 - Jane Doe - Nov 20, 2026 233 PM"
# By what was handed in, the name under which the feedback goes back.
PLACES = {
    "moodle": {
        "Jane Doe_123_assignsubmission_file_/a.ipynb": (
            f"Jane Doe_123_assignsubmission_file_/{PAGE}"
        ),
        "Joe Roe_4_assignsubmission_file/w/a.ipynb": f"Joe Roe_4_assignsubmission_file/{PAGE}",
        "Kim Lee_5_assignsubmission_file_a.ipynb": f"Kim Lee_5_assignsubmission_file_/{PAGE}",
        f"{PERSIAN}_6_assignsubmission_file_/a.ipynb": f"{PERSIAN}_6_assignsubmission_file_/{PAGE}",
    },
    "canvas": {
        name: name
        for name in ("doejane_4711_99_a.ipynb", "roejoe_LATE_5_98_hw.zip", "anon_Xw3Fd_97_a.ipynb")
    },
    "brightspace": {f"{BRIGHTSPACE}/a.ipynb": f"{BRIGHTSPACE}/{PAGE}"},
}


@pytest.mark.parametrize("platform", PLACES)
def test_feedback_is_named_as_the_export_was(tmp_path, platform):
    sheets = [sheet(owner(path)) for path in (*PLACES[platform], "jane/lab04.ipynb")]
    write_feedback(sheets, tmp_path)
    content, others = feedback_zip(sheets, tmp_path, platform)
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.namelist() == list(PLACES[platform].values()) and others == ["jane"]
    assert feedback_zip(sheets, tmp_path, platform)[0] == content, "the same bytes"
    for name in archive.namelist():
        told = archive.read(name)
        if name.endswith(".ipynb"):
            (cell,) = json.loads(told)["cells"]
            assert "lab04_lora: 2 of 2 points" in cell["source"]
        elif name.endswith(".zip"):
            assert zipfile.ZipFile(io.BytesIO(told)).namelist() == [PAGE]
        else:
            assert b"<title>lab04_lora" in told


def test_what_a_student_wrote_is_text_in_a_notebook_of_feedback(tmp_path):
    made = sheet(owner("doejane_4711_99_a.ipynb"))
    made.notes.append("The cell that begins with '<script>' stops")
    write_feedback([made], tmp_path)
    content, _ = feedback_zip([made], tmp_path, "canvas")
    archive = zipfile.ZipFile(io.BytesIO(content))
    source = json.loads(archive.read("doejane_4711_99_a.ipynb"))["cells"][0]["source"]
    assert "&lt;script&gt;" in source and "<script" not in source


@pytest.mark.parametrize(
    ("platform", "says"),
    [("gradescope", "does not import feedback"), ("moodle", "came from an export of moodle")],
)
def test_feedback_that_no_platform_takes_is_a_sentence(tmp_path, platform, says):
    with pytest.raises(AdaptLabError, match=says):
        feedback_zip([sheet(owner("jane/lab04.ipynb"))], tmp_path, platform)


def test_the_ledger_keeps_who_handed_in(tmp_path):
    ledger = Ledger(tmp_path / "marks.db")
    jane = owner("doejane_LATE_4711_99_a.ipynb")
    ledger.note_owners("lab04_lora", [jane])
    with ledger._opened() as db:
        assert ledger._owners(db, "lab04_lora") == [jane]
