"""adaptlab tune: from a file of conversations to a run's folder, and what it refuses."""

import json
import random
from dataclasses import fields

import pytest
from test_resume import ROWS
from typer.testing import CliRunner

from adaptlab.cli.app import app
from adaptlab.errors import AdaptLabError
from adaptlab.models.local import LocalChat
from adaptlab.tune.formats import write_conversations
from adaptlab.tune.options import Options, PreferenceOptions
from adaptlab.tune.pairs import Pair, write_pairs
from adaptlab.tune.run import load_run
from adaptlab.world.preferences import preference

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
    assert (
        ended.exit_code == 0
        and f"run: {tmp_path / 'first'}" in ended.output
        and "repeat an earlier one" in ended.output
    )
    assert (
        json.loads((tmp_path / "first" / "config.json").read_text())["options"]["batch_size"] == 8
    )
    assert {path.name for path in (tmp_path / "first").iterdir()} >= {
        "adapter",
        "metrics.jsonl",
        "README.md",
    }


def test_keys_that_are_left_out_are_named_in_one_line(tmp_path):
    rows = [
        json.dumps({"messages": row, "category": "secrets", "id": n})
        for n, row in enumerate(ROWS[:3])
    ]
    (tmp_path / "train.jsonl").write_text("\n".join(rows))
    ended = tune(tmp_path / "train.jsonl", tmp_path / "first")
    told = [line for line in ended.stderr.splitlines() if "not used for training" in line]
    start = f"adaptlab: {tmp_path / 'train.jsonl'} has keys that are not used for training"
    assert ended.exit_code == 0 and told == [
        f"{start}: category (in 3 rows), id (in 3 rows). Rename a key that belongs to the"
        " conversation."
    ]


def test_a_key_that_may_belong_to_the_conversation_leaves_nothing_behind(tmp_path):
    (tmp_path / "train.jsonl").write_text(json.dumps({"messages": ROWS[0], "persona": "a pirate"}))
    with pytest.raises(AdaptLabError, match='line 1: its key "persona" is unknown'):
        tune(tmp_path / "train.jsonl", tmp_path / "first")
    assert not (tmp_path / "first").exists()


def test_what_cannot_be_packed_is_refused_and_the_folder_is_free_for_the_run_without(
    data, tmp_path
):
    with pytest.raises(AdaptLabError, match="convolution"):
        tune(data, tmp_path / "first", "--packing")
    assert tune(data, tmp_path / "first").exit_code == 0


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda path: path.write_text(""), "rows"),
        (lambda path: path.write_bytes('{"messages": "Größe"}'.encode("latin-1")), "not UTF-8"),
        (
            lambda path: path.write_text('{"messages": [{"role": "user", "content": "Hello"}]}\n'),
            "line 1: it ends without a reply",
        ),
        (lambda path: path.unlink(), "could not be read"),
    ],
)
def test_data_that_cannot_be_learned_from_leaves_nothing_behind(data, tmp_path, spoil, words):
    spoil(data)
    with pytest.raises(AdaptLabError, match=words):
        tune(data, tmp_path / "first")
    assert not (tmp_path / "first").exists()


def test_a_test_question_among_the_examples_is_refused_with_its_rows(data, tmp_path):
    with pytest.raises(
        AdaptLabError,
        match=r"16 of 16 test rows are in the training data \(row \d+ asks what test row 1 asks",
    ):
        tune(data, tmp_path / "first", "--test", data)
    assert not (tmp_path / "first").exists()


def test_preferences_are_trained_into_a_folder_that_loads(tmp_path):
    rng = random.Random(0)
    items = [preference(rng) for _ in range(12)]
    pairs = [Pair(list(item.case.messages), item.chosen, item.rejected) for item in items]
    write_pairs(
        tmp_path / "pairs.jsonl",
        [*pairs, Pair(pairs[0].prompt, pairs[0].rejected, pairs[0].chosen)],
    )
    asked = [
        "prefer",
        str(tmp_path / "pairs.jsonl"),
        str(tmp_path / "run"),
        "--model",
        "embedded:mini-chat",
        "--batch-size",
        "4",
    ]
    ended = CliRunner().invoke(app, asked)
    assert (
        ended.exit_code == 0
        and "1 of 13 pairs prefer what an earlier one rejects, as number 13 does with 1."
        in ended.output
    )
    steps = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert {"rewards/margins", "logps/chosen"} <= steps[0].keys()
    chat = LocalChat("embedded:mini-chat")
    assert load_run(tmp_path / "run", chat).log_probabilities(
        pairs[0].prompt, "Oslo"
    ) != chat.log_probabilities(pairs[0].prompt, "Oslo")
    with pytest.raises(AdaptLabError, match="is finished"):
        CliRunner().invoke(app, asked, catch_exceptions=False)


@pytest.mark.parametrize(("command", "kind"), [("tune", Options), ("prefer", PreferenceOptions)])
def test_every_hyperparameter_is_an_option(command, kind):
    said = CliRunner().invoke(app, [command, "--help"], terminal_width=200).output
    for field in fields(kind):
        assert f"--{field.name.replace('_', '-')}" in said
