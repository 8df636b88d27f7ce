"""Predictions are on the disk as soon as they are chosen, and there again after a restart."""

import json
import math

import pytest
from typer.testing import CliRunner

from adaptlab.cli.app import app
from adaptlab.course import browser, predictions
from adaptlab.course.kept_predictions import DAMAGED, FILE, Kept, keep, read_kept
from adaptlab.course.predictions import close_lesson, predict, report_outcome
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claim, claims
from adaptlab.evals.ledger import RECORDED, record

OPTIONS = ["up", "down"]


@pytest.fixture(autouse=True)
def student(monkeypatch, tmp_path):
    """A student in a browser, whose kernel was just started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(browser, "is_attended", lambda: True)
    restart(monkeypatch)


def restart(monkeypatch):
    for name in ("PREDICTIONS", "ANSWERS", "OUTCOMES"):
        monkeypatch.setattr(predictions, name, {})
    RECORDED.clear()


def test_a_restart_keeps_the_choice(monkeypatch, tmp_path):
    predict("P1", "What happens?", OPTIONS).choose("down")
    predict("P2", "And here?", OPTIONS)
    restart(monkeypatch)
    assert predict("P1", "What happens?", OPTIONS).choice == "down"
    assert predict("P2", "And here?", OPTIONS).choice is None
    assert read_kept(tmp_path) == {"P1": Kept("What happens?", "down")}


def test_an_option_that_is_gone_is_not_a_choice(monkeypatch):
    predict("P1", "What happens?", OPTIONS).choose("down")
    restart(monkeypatch)
    assert predict("P1", "What happens?", ["left", "right"]).choice is None


def test_the_end_of_a_lesson_keeps_what_came_out(monkeypatch, tmp_path):
    predict("P1", "What happens?", {"down": 0.0, "up": math.inf}).choose("up")
    report_outcome("P1", "it went up")
    record("P1", 0.5, (0.4, 0.6), n=80, seeds=[0], rule=claim("P1").rule)
    close_lesson()
    assert read_kept(tmp_path)["P1"] == Kept("What happens?", "up", "up: it went up", "holds", "✓")
    shown = CliRunner().invoke(app, ["progress", str(tmp_path)])
    assert "predicted: up; came out: up: it went up (holds)" in shown.stdout
    assert f"1 of {len(claims())} claims predicted, 1 measured;" in shown.stdout
    assert "1 of 1 marked predictions are correct; 0 exercises solved." in shown.stdout


def test_what_runs_unattended_writes_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(browser, "is_attended", lambda: False)
    predict("P1", "What happens?", OPTIONS).choose(1)
    close_lesson()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["{", "[1]", '{"P1": {"choice": "up", "when": 3}}', "\x00"])
def test_a_damaged_file_is_moved_away_and_the_lesson_continues(monkeypatch, tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.warns(UserWarning, match="is not a readable file of predictions"):
        asked = predict("P1", "What happens?", OPTIONS)
    with pytest.warns(UserWarning, match=DAMAGED):
        asked.choose("up")
    assert (tmp_path / DAMAGED).read_text() == content
    assert read_kept(tmp_path)["P1"].choice == "up"


def test_a_folder_that_cannot_be_written_stops_no_lesson(tmp_path):
    folder = tmp_path / "file"
    folder.write_text("")
    with pytest.warns(UserWarning, match="Your predictions are not kept"):
        keep(folder, "P1", question="?", choice="up")


def test_progress_without_predictions_says_what_to_do(tmp_path):
    shown = CliRunner().invoke(app, ["progress", str(tmp_path)])
    assert isinstance(shown.exception, AdaptLabError)
    assert "adaptlab start 00" in str(shown.exception)
    (tmp_path / FILE).write_text(json.dumps({}))
    assert CliRunner().invoke(app, ["progress", str(tmp_path)]).exit_code != 0
