"""Studies keep each row as it is measured, go on where they were broken off, and are recorded
whole.
"""

import json

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.evals import ledger
from adaptlab.evals.claims import claim, claims
from adaptlab.files import as_name
from adaptlab.models.chat import ScriptedChat
from adaptlab.studies.grid import SEEDS, Study
from adaptlab.studies.recorded import recorded
from adaptlab.studies.run import RECORDED_FOR, STUDIES, run_study, study
from adaptlab.studies.tuning import batch_size, epochs


@pytest.fixture
def counted(monkeypatch):
    calls = []

    def measure(chat, seed, size):
        calls.append((seed, size))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return {"right": size, "of": 10}

    monkeypatch.setitem(STUDIES, "toy", Study(measure, [{"size": 1}, {"size": 2}]))
    return calls


def test_a_broken_study_goes_on_and_measures_nothing_twice(tmp_path, counted):
    chat = ScriptedChat([])
    kept = tmp_path / as_name(chat.name) / "toy.json"
    with pytest.raises(KeyboardInterrupt):
        run_study("toy", chat, kept)
    assert len(json.loads(kept.read_text())["rows"]) == 3
    run_study("toy", chat, kept)
    rows = study("toy", chat, tmp_path)
    assert [(row["size"], row["seed"], row["right"]) for row in rows] == [
        (size, seed, size) for size in (1, 2) for seed in SEEDS
    ]
    assert len(counted) == 2 * len(SEEDS) + 1


def test_a_lesson_shows_recorded_rows_where_a_model_was_not_measured(tmp_path, capsys, monkeypatch):
    """Its claims are shown with whose rows they have, and stay out of the run's ledger."""
    monkeypatch.setattr(ledger, "BORROWED", {})
    rows = study("learning_curve", ScriptedChat([]), tmp_path)
    assert rows == recorded("learning_curve")["rows"]
    said = capsys.readouterr().out
    assert "those of embedded:chat" in said and "adaptlab study learning_curve --model" in said
    shown = ledger.record("F4", 0.5, (0.4, 0.6), 100, [0], claim("F4").rule)._repr_mimebundle_()
    assert ledger.RECORD_MIME not in shown and "embedded:chat" in shown["text/plain"]
    kept = ledger.record("F1", 0.5, (0.4, 0.6), 100, [0], claim("F1").rule)._repr_mimebundle_()
    assert ledger.RECORD_MIME in kept


def test_every_claim_of_a_study_is_in_the_ledger():
    named = [key for found in STUDIES.values() for key in found.claims]
    assert len(named) == len(set(named)) and set(named) <= set(claims())


def test_rows_of_another_model_and_unknown_studies_are_refused(tmp_path, counted):
    (tmp_path / "toy.json").write_text(json.dumps({"model": "hub:other", "rows": []}))
    with pytest.raises(AdaptLabError, match="rows of hub:other"):
        run_study("toy", ScriptedChat([]), tmp_path / "toy.json")
    with pytest.raises(AdaptLabError, match="There is no study 'tou'"):
        run_study("tou", ScriptedChat([]), tmp_path / "tou.json")


@pytest.mark.parametrize("name", [n for n, one in STUDIES.items() if not one.for_real_models])
def test_what_is_recorded_is_the_whole_grid_and_the_command_that_measures_it(name):
    found = recorded(name)
    assert found["command"] == f"adaptlab study {name}" and found["model"] == RECORDED_FOR
    settings = STUDIES[name].settings
    assert [
        {key: row[key] for key in setting}
        for row, setting in zip(found["rows"], settings, strict=True)
    ] == settings
    assert all(0 <= row.get("right", 0) <= row["of"] for row in found["rows"])


def test_few_examples_are_seen_often_enough():
    assert (epochs(10), epochs(480), epochs(3000), epochs(300, 2400)) == (48, 1, 1, 8)
    assert (batch_size(480), batch_size(1000), batch_size(3000), batch_size(100)) == (4, 8, 16, 4)
