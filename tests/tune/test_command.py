"""adaptlab tune: from a file of conversations to a run's folder, and what it refuses."""

import json

import pytest
from test_resume import ROWS
from typer.testing import CliRunner

from adaptlab.cli import app
from adaptlab.errors import AdaptLabError
from adaptlab.tune.formats import write_conversations

ASKED = ["--model", "embedded:mini-chat", "--batch-size", "8", "--learning-rate", "0.003"]


def tune(*arguments):
    ended = CliRunner().invoke(app, ["tune", *map(str, arguments), *ASKED])
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended


@pytest.fixture
def data(tmp_path):
    write_conversations(tmp_path / "train.jsonl", ROWS[:16])
    return tmp_path / "train.jsonl"


def test_it_trains_into_a_folder_and_says_where(data, tmp_path):
    write_conversations(tmp_path / "twice.jsonl", [*ROWS[:8], *ROWS[:8]])
    ended = tune(tmp_path / "twice.jsonl", tmp_path / "first")
    assert ended.exit_code == 0 and f"run: {tmp_path / 'first'}" in ended.output and "repeat an earlier one" in ended.output
    assert json.loads((tmp_path / "first" / "config.json").read_text())["options"]["batch_size"] == 8
    assert {path.name for path in (tmp_path / "first").iterdir()} >= {"adapter", "metrics.jsonl", "README.md"}


def test_what_cannot_be_packed_is_refused_and_the_folder_is_free_for_the_run_without(data, tmp_path):
    with pytest.raises(AdaptLabError, match="convolution"):
        tune(data, tmp_path / "first", "--packing")
    assert tune(data, tmp_path / "first").exit_code == 0


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda path: path.write_text(""), "holds no rows"),
        (lambda path: path.write_bytes('{"messages": "Größe"}'.encode("latin-1")), "not UTF-8"),
        (lambda path: path.write_text('{"messages": [{"role": "user", "content": "Hello"}]}\n'), "line 1: it ends without a reply"),
        (lambda path: path.unlink(), "could not be read"),
    ],
)
def test_data_that_cannot_be_learned_from_leaves_nothing_behind(data, tmp_path, spoil, words):
    spoil(data)
    with pytest.raises(AdaptLabError, match=words):
        tune(data, tmp_path / "first")
    assert not (tmp_path / "first").exists()


def test_a_test_question_among_the_examples_is_refused_with_its_rows(data, tmp_path):
    with pytest.raises(AdaptLabError, match=r"16 of 16 test rows are in the training data \(row \d+ asks what test row 1 asks"):
        tune(data, tmp_path / "first", "--test", data)
    assert not (tmp_path / "first").exists()
