"""nbgrader's own formgrader opens what the export wrote, and a mark given there comes back."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from adaptlab.files import program_path
from adaptlab.grading.batch import read_lab_named
from adaptlab.grading.grade import Graded, Mark
from adaptlab.grading.records.formgrader import write_course
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.records.nbgrader import read_foreign, write_gradebook
from adaptlab.grading.submissions.submission import Submission

COURSE = Path(__file__).parents[2]
LAB = "lab04_lora"
TOKEN = "only-for-this-test"
EXTENSION = "{'nbgrader.server_extensions.formgrader': True}"


@pytest.fixture
def exported(tmp_path) -> Path:
    """The folder of a course with one graded student, whose name needs care in addresses."""
    lab, _ = read_lab_named(COURSE, "04")
    marks = [Mark(name, "pass", points, points, "Right.") for name, points in lab.points.items()]
    marks += [Mark(name, "needs a person", None, of, "Read.") for name, of in lab.by_hand.items()]
    ledger = Ledger(tmp_path / "marks.db")
    submission = Submission("Jané O'Doe", b"x", "jane.ipynb", "")
    answers = {"same_strength": "def same_strength():\n    return '<b>hers</b>'"}
    graded = Graded(submission.student, LAB, submission.digest, "bwrap", marks, answers=answers)
    ledger.secret(LAB, "grader")
    ledger.keep(submission, graded, "grader")
    sheets = ledger.sheets(LAB)
    gradebook = tmp_path / "gradebook.db"
    write_gradebook(gradebook, lab, sheets, ledger)
    write_course(gradebook, LAB, (COURSE / "labs" / f"{LAB}.ipynb").read_bytes(), sheets)
    return tmp_path


@contextmanager
def formgrader(folder: Path):
    """The address of a Jupyter server with nbgrader's extension, on a port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}"]
    command += [f"--ServerApp.jpserver_extensions={EXTENSION}"]
    environment = os.environ | {"PATH": program_path(), "JUPYTER_CONFIG_DIR": str(folder / "none")}
    log = (folder / "server.log").open("wb")
    with (
        log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def asked(address: str, data: dict | None = None, method: str = "GET") -> tuple[int, str]:
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    content = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(address, content, headers, method=method)
    for _ in range(150):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:  # it does not listen yet
            time.sleep(0.2)
    raise AssertionError("the server did not come up")


def test_a_submission_opens_and_a_mark_given_there_comes_back(exported):
    lab, _ = read_lab_named(COURSE, "04")
    with Gradebook(f"sqlite:///{exported / 'gradebook.db'}") as gradebook:
        identity = gradebook.find_submission_notebook(LAB, LAB, "Jané O'Doe").id
    with formgrader(exported) as address:
        status, page = asked(f"{address}/formgrader/submissions/{identity}/")
        assert status == 200 and "same_strength" in page and "pass: Right." in page
        assert "&lt;b&gt;hers" in page and "<b>hers" not in page
        status, listed = asked(f"{address}/formgrader/gradebook/{LAB}/{LAB}")
        assert status == 200
        _, grades = asked(f"{address}/formgrader/api/grades?submission_id={identity}")
        open_question = next(one for one in json.loads(grades) if one["name"] == "explanation")
        assert open_question["needs_manual_grade"]
        mark = {"manual_score": 2, "extra_credit": 0}
        status, _ = asked(f"{address}/formgrader/api/grade/{open_question['id']}", mark, "PUT")
        assert status == 200
        _, comments = asked(f"{address}/formgrader/api/comments?submission_id={identity}")
        below = next(one for one in json.loads(comments) if one["name"] == "explanation")
        wrote = {"manual_comment": "No numbers for memory."}
        status, _ = asked(f"{address}/formgrader/api/comment/{below['id']}", wrote, "PUT")
        assert status == 200
    sheets = Ledger(exported / "marks.db").sheets(LAB)
    (found,) = read_foreign(exported / "gradebook.db", lab, sheets)
    assert (found.student, found.exercise, found.points) == ("Jané O'Doe", "explanation", 2)
    assert found.comment == "No numbers for memory."
