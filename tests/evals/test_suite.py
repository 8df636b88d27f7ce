"""The base suite: fixed cases, judged as generation would be, resumed after a break, and closed to
models that make NaN.
"""

import copy
import json
import math

import pytest
import torch
from typer.testing import CliRunner

from adaptlab.cli.app import app
from adaptlab.errors import AdaptLabError
from adaptlab.evals import suite
from adaptlab.evals.store import read_runs
from adaptlab.evals.suite import (
    NAMES,
    PROSE,
    SKILLS,
    bits_per_byte,
    estimates,
    replies_judged,
    run_suite,
    skill_cases,
    stories,
    weights_hash,
)
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat


@pytest.fixture(scope="module")
def small():
    return LocalChat("embedded:mini-chat")


@pytest.fixture
def spoiled(small):
    model = copy.deepcopy(small.model)
    model.model.layers[2].feed_forward.w1.weight.data[3, 4] = math.nan
    return LocalChat("spoiled", model, small.tokenizer)


def test_cases_are_a_function_of_the_seed():
    for skill in SKILLS:
        once, again, other = (skill_cases(skill, 30, seed) for seed in (1, 1, 2))
        assert once == again != other and skill_cases(skill, 10, 1) == once[:10]
    assert stories(5, 1) == stories(9, 1)[:5] != stories(5, 2)


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_a_pass_over_the_gold_answers_judges_as_generating_does(small, skill):
    cases = skill_cases(skill, 16, 3)
    made = texts(small, [case.messages for case in cases], max_new_tokens=skill.max_new_tokens)
    assert small.would_say(
        [list(case.messages) for case in cases], [case.answer for case in cases]
    ) == [text == case.answer for text, case in zip(made, cases)]
    assert replies_judged(small, skill, cases) == [
        float(skill.judge(case, text)) for case, text in zip(cases, made)
    ]


def test_bits_per_byte_is_the_loss_in_other_units(small):
    found = bits_per_byte(small, [*stories(3, 1), "Zurück."])
    ids = torch.tensor([[1, *small.tokenizer("Zurück.", add_special_tokens=False)["input_ids"], 2]])
    assert small.tokenizer.convert_ids_to_tokens([1, 2]) == ["<|doc|>", "<|end|>"]
    nats = small.model(ids, labels=ids).loss.item() * (ids.shape[1] - 1)
    assert found[3] == pytest.approx(nats / math.log(2) / len("Zurück.".encode()), rel=1e-4)
    assert found[0] == pytest.approx(bits_per_byte(small, stories(1, 1))[0], rel=1e-4), (
        "padding changes nothing"
    )


def test_an_interrupted_suite_goes_on_and_measures_nothing_twice(small, tmp_path, monkeypatch):
    calls = []

    def measured(chat, name, n, seed):
        calls.append(name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return [1.0] * n

    monkeypatch.setattr(suite, "measure_skill", measured)
    with pytest.raises(KeyboardInterrupt):
        run_suite(small, 4, 1, tmp_path)
    (kept,) = tmp_path.iterdir()
    assert list(json.loads(kept.read_text())) == calls[:2] == [PROSE, "arithmetic"]
    assert run_suite(small, 4, 1, tmp_path) == dict.fromkeys(NAMES, [1.0] * 4)
    assert len(calls) == len(NAMES) + 1
    run_suite(small, 4, 2, tmp_path)
    assert len(calls) == 2 * len(NAMES) + 1, "other cases are measured anew"
    kept.write_text("{")
    with pytest.raises(AdaptLabError, match="damaged"):
        run_suite(small, 4, 1, tmp_path)


def test_every_bit_of_the_weights_tells_models_apart(small):
    other = copy.deepcopy(small.model)
    assert weights_hash(other) == weights_hash(small.model)
    weight = other.model.layers[0].feed_forward.w1.weight.data
    weight[[0, 1]] = weight[[1, 0]]
    assert weights_hash(other) != weights_hash(small.model), "the same sum, and another model"


def test_a_model_that_makes_nan_is_refused_and_nothing_is_kept(spoiled, tmp_path):
    with pytest.raises(AdaptLabError, match="spoiled .* not finite"):
        run_suite(spoiled, 4, 1, tmp_path)
    with pytest.raises(AdaptLabError, match="not finite"):
        replies_judged(spoiled, SKILLS[0], skill_cases(SKILLS[0], 2, 1))
    assert not list(tmp_path.iterdir())


def test_estimates_are_shares_and_for_prose_a_mean():
    found = estimates({"reading": [1.0, 0.0, 1.0, 1.0], PROSE: [0.5, 1.5]})
    assert found["reading"].value == 0.75 and found[PROSE].value == 1.0


@pytest.fixture
def evals(monkeypatch, tmp_path):
    """The command in a folder of its own, on a suite whose values are given by the model."""
    values = {"embedded:mini-chat": 1.0, "embedded:mini-base": 0.0}
    monkeypatch.setattr(
        suite,
        "measure_skill",
        lambda chat, name, n, seed: [1.0 if name == PROSE else values.get(chat.name, 1.0)] * n,
    )

    def run(*arguments):
        return CliRunner().invoke(app, ["evals", *arguments, "--folder", str(tmp_path)])

    return run


def test_the_gates_exit_status_says_what_it_found(evals, tmp_path):
    base = "embedded:mini-chat"
    assert evals("gate", base, base, "--n", "30").exit_code == 0
    ended = evals("gate", base, "embedded:mini-base", "--n", "30")
    assert (
        ended.exit_code == 1
        and "rejected: arithmetic, reasoning" in ended.output
        and ended.output.count("LOST") == len(SKILLS)
    )
    assert evals("gate", base, "embedded:mini-base", "--n", "30", "--margin", "1").exit_code == 0
    assert [bool(run.failed) for run in read_runs(tmp_path / "build" / "evals.db")] == [
        False,
        True,
        False,
    ]
    assert evals("suite", base, "--n", "30").exit_code == 0
    assert (
        evals("dashboard").exit_code == 0
        and "✗ lost" in (tmp_path / "build" / "evals.html").read_text()
    )
    for arguments, words in (
        (("gate", base, str(tmp_path)), "model"),
        (("gate", "embedded:none", base), "no embedded model"),
    ):
        assert words in str(evals(*arguments).exception)


def test_an_adapter_of_either_making_is_found_in_its_folder(small, tmp_path, evals):
    from adaptlab.evals.regression import load_tuned
    from adaptlab.tune.options import Options
    from adaptlab.tune.run import run

    told = [[{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]] * 8
    tuned = run(small, told, tmp_path / "run", Options(batch_size=4, learning_rate=1e-2))
    for folder in ("run", "run/adapter"):
        chat, config = load_tuned(str(tmp_path / folder), small)
        assert config and weights_hash(chat.model) == weights_hash(tuned.model)
    with pytest.raises(AdaptLabError, match="embedded:mini-chat"):
        load_tuned(str(tmp_path / "run"), LocalChat("embedded:mini-base"))
    with pytest.raises(AdaptLabError, match="not on embedded:chat"):
        load_tuned(str(tmp_path / "run" / "adapter"), LocalChat("embedded:chat"))
    ended = evals("gate", "embedded:mini-chat", str(tmp_path / "run"), "--n", "30")
    assert ended.exit_code == 0, ended.output
