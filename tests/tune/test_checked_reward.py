"""Rewards that can be checked: rows, a user's function, and runs that learn from it."""

import json
from functools import partial

import pytest

from adaptlab.cli import main
from adaptlab.errors import AdaptLabError
from adaptlab.messages import user
from adaptlab.models.local import LocalChat
from adaptlab.tune.checked_reward import CheckedReward, RewardRow, load_reward, read_reward_rows
from adaptlab.tune.rloo import OnlineOptions, checked_trainer
from adaptlab.tune.run import run

SUMS = [{"prompt": f"What is {i} + 1?", "answer": i + 1} for i in range(10, 18)]
CHECKS = """
import neighbour

def correct(reply, row):
    return float(str(row["answer"]) in reply)

def length(reply, row):
    return -len(reply) / 100

def zero(reply, row):
    return 0

def nan(reply, row):
    return float("nan")

def nothing(reply, row):
    return None

def raises(reply, row):
    return row["colour"]
"""


@pytest.fixture
def checks(tmp_path):
    (tmp_path / "neighbour.py").write_text("")
    path = tmp_path / "checks.py"
    path.write_text(CHECKS)
    return path


@pytest.fixture
def sums(tmp_path):
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in SUMS))
    return path


@pytest.fixture(scope="module")
def chat():
    return LocalChat("embedded:mini-chat")


def scored(checks, name):
    rows = [RewardRow([user("What is 2 + 3?")], {"answer": 5})]
    said: list[str] = []
    return CheckedReward(load_reward(f"{checks}:{name}"), rows, said.append), said


def test_prompts_are_texts_or_messages_and_the_other_keys_are_fields(tmp_path):
    path = tmp_path / "rows.json"
    talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a lamp."}]
    path.write_text(json.dumps([SUMS[0], {"messages": talk, "least": 3, "tags": ["a"]}]))
    first, second = read_reward_rows(path)
    assert first.prompt == [user("What is 10 + 1?")] and first.fields == {"answer": 11}
    assert second.prompt == talk and second.fields == {"least": 3, "tags": ["a"]}


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "does not contain rows"),
        ('{"answer": 5}', 'line 1: a row needs either "messages" or "prompt"'),
        ('{"prompt": "a", "messages": []}', "needs either"),
        ('{"prompt": "  "}', '"prompt" is empty'),
        ('{"prompt": 5}', "line 1"),
        ('{"messages": [{"role": "assistant", "content": "a"}]}', "line 1"),
        ('{"prompt": "a"}\n{"prompt": ', "line 2: not JSON"),
        ("[5]", "entry 1: not an object"),
    ],
)
def test_a_row_without_a_prompt_is_named_with_its_place(tmp_path, text, says):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(AdaptLabError, match=says):
        read_reward_rows(path)


@pytest.mark.parametrize(
    "given, says",
    [
        ("checks.py", "Give FILE.py:function"),
        ("checks.txt:correct", "Give FILE.py:function"),
        ("checks.py:not a name", "Give FILE.py:function"),
        ("nowhere.py:correct", "nowhere.py"),
        ("checks.py:wrong", "has no function 'wrong'. Choose from correct, length"),
        ("broken.py:f", r"could not be executed \(SyntaxError"),
        ("fails.py:f", r"could not be executed \(ZeroDivisionError"),
    ],
)
def test_a_function_that_cannot_be_loaded_is_a_sentence(checks, monkeypatch, given, says):
    monkeypatch.chdir(checks.parent)
    (checks.parent / "broken.py").write_text("def f(:")
    (checks.parent / "fails.py").write_text("1 / 0")
    with pytest.raises(AdaptLabError, match=says):
        load_reward(given)


@pytest.mark.parametrize(
    "name, says",
    [
        ("nan", r"nan is nan for the reply '5' to row 1\. Return a finite number"),
        ("nothing", r"nothing is None for the reply '5' to row 1"),
        ("raises", r"raises KeyError: 'colour', for the reply '5' to row 1"),
    ],
)
def test_a_reward_that_fails_is_named_with_the_reply(checks, name, says):
    reward, _ = scored(checks, name)
    with pytest.raises(AdaptLabError, match=says):
        reward([0], ["5"])


def test_a_constant_reward_is_reported_after_two_steps(checks):
    reward, said = scored(checks, "zero")
    for _ in range(4):
        assert reward([0, 0], ["5", "6"]) == [0.0, 0.0]
    (sentence,) = said
    assert "zero is 0 for all 4 replies of the first 2 steps" in sentence
    reward, said = scored(checks, "correct")
    for _ in range(4):
        assert reward([0, 0], ["5", "6"]) == [1.0, 0.0]
    assert not said


OPTIONS = {"batch_size": 4, "n_replies": 4, "n_new_tokens": 6, "dtype": "float32"}


def test_a_run_on_a_reward_is_kept_and_goes_on_after_an_interruption(checks, sums, tmp_path, chat):
    rows = read_reward_rows(sums)
    function = load_reward(f"{checks}:length")
    calls = []

    def interrupted(numbers, replies):
        calls.append(len(replies))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return [-float(len(reply)) for reply in replies]

    def make(chat, rows, options, folder):
        made = checked_trainer(chat, rows, options, folder, function)
        made.reward_funcs = [
            lambda prompts, completions, number, **_: interrupted(
                number, [c[0]["content"] for c in completions]
            )
        ]
        return made

    options = OnlineOptions(checkpoint_steps=1, reward="length", **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        run(chat, rows, tmp_path / "rl", options, make_trainer=make)
    made = partial(checked_trainer, function=function)
    run(chat, rows, tmp_path / "rl", options, make_trainer=made)
    log = [
        json.loads(line)
        for line in (tmp_path / "rl" / "metrics.jsonl").read_text().split("\n")
        if line
    ]
    assert log[-1]["step"] == len(SUMS) and any("reward" in row for row in log)
    config = json.loads((tmp_path / "rl" / "config.json").read_text())
    assert config["options"]["reward"] == "length" and config["data"]["n"] == len(SUMS)
    assert "mean reward" in (tmp_path / "rl" / "README.md").read_text()
    LocalChat(str(tmp_path / "rl"))


def command(monkeypatch, *given):
    monkeypatch.setattr("sys.argv", ["adaptlab", "tune", *map(str, given)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_the_command_trains_on_a_reward(checks, sums, tmp_path, capsys, monkeypatch):
    given = [sums, tmp_path / "rl", "--model", "embedded:mini-chat", "--dtype", "float32"]
    given += ["--reward", f"{checks}:zero", "--batch-size", "4", "--n-replies", "4"]
    assert not command(monkeypatch, *given, "--n-new-tokens", "4")
    assert "zero is 0 for all 8 replies" in capsys.readouterr().err
    options = json.loads((tmp_path / "rl" / "config.json").read_text())["options"]
    assert options["n_new_tokens"] == 4 and "checks.py:zero" in options["reward"]


def test_options_of_a_reward_need_one(sums, tmp_path, capsys, monkeypatch):
    assert command(monkeypatch, sums, tmp_path / "x", "--n-replies", 4)
    assert "--n-replies is an option of --reward" in capsys.readouterr().err
