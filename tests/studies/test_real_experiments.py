"""The experiments on real models: whole ways with few cases, and their effects on known rows."""

import random
from dataclasses import replace

import pytest

from adaptlab.decide.need import Lever
from adaptlab.evals.claims import OUT_OF_REACH, claims
from adaptlab.models.local import LocalChat
from adaptlab.studies.real_models import (
    adapters,
    deciding,
    forgetting,
    learning,
    more_levers,
    paying,
    preferring,
    reading_tuned,
    retrieval,
    rewarded,
    run,
    skills,
    support,
    tuning,
)
from adaptlab.studies.real_models.between import BETWEEN
from adaptlab.studies.real_models.experiment import Model
from adaptlab.studies.real_models.forms import Item
from adaptlab.studies.real_models.plan import count
from adaptlab.studies.real_models.reply_store import ReplyStore

FEW = {
    "N": 4,
    "N_SKILL": 4,
    "N_TAUGHT": 16,
    "N_PEOPLE": 3,
    "N_WORDINGS": 2,
    "N_ROUNDS": 3,
    "N_MAYORS": 3,
    "N_EACH": 2,
    "N_FACTS": 6,
    "N_DECLINING": 6,
    "N_RECOVERY": 8,
    "N_SAMPLED": 3,
    "N_ASKED": 4,
    "N_TRANSCRIPTS": 6,
    "N_TIMES": 1,
    "N_READ": 6,
    "N_EXAMPLES": 40,
    "N_DESKS": 8,
    "N_FEW": 4,
    "N_MANY": 8,
    "N_PROMPTS": 4,
    "EPOCHS_OF_REWARDS": 1,
}
MODULES = (
    adapters,
    deciding,
    forgetting,
    learning,
    more_levers,
    paying,
    preferring,
    reading_tuned,
    retrieval,
    rewarded,
    skills,
    support,
    tuning,
)


@pytest.fixture(scope="module")
def chat():
    return LocalChat("embedded:mini-chat")


@pytest.fixture
def few(monkeypatch):
    for module in MODULES:
        for name, value in FEW.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)


def test_every_claim_has_an_experiment_or_needs_no_language_model():
    """None is dropped, and none is measured twice."""
    without = {key for key, claim in claims().items() if not claim.language_model}
    assert without == {"R3", "R4", "R5", "R9", "L1", "L2", "L4", "L7", "X12"}
    groups = [set(run.EXPERIMENTS), set(BETWEEN), without]
    assert set.union(*groups) == set(claims())
    assert sum(map(len, groups)) == len(claims())


@pytest.mark.parametrize("name", ["L3", "L5", "F3", "F5", "F9", "G6", "X1", "X2", "X6", "X11"])
def test_an_experiment_runs_from_start_to_end(few, chat, tmp_path, name):
    model = Model(ReplyStore(chat, "weights", tmp_path / "replies.db"))
    experiment = run.EXPERIMENTS[name]
    found = experiment.measure(model, 0).conditions
    effect = experiment.effect(found)
    assert effect.low <= effect.value <= effect.high
    assert set(experiment.arms) <= found.keys()


# Their plans read corpora or draw thousands of cases.
SLOW_TO_PLAN = {"D2", "D5", "F8", "F10", "G1", "G2", "G3", "G5", "H1", "H2", "H3", "H4", "H5"}
SLOW_TO_PLAN |= {"L5", "L6"}


@pytest.mark.parametrize("name", sorted(set(run.EXPERIMENTS) - SLOW_TO_PLAN))
def test_an_experiment_can_be_planned(few, chat, name):
    """Planning takes the same way as measuring, without a question to the model."""
    tokens = count(replace(run.EXPERIMENTS[name], seeds=(0,)), chat)
    asks = tokens.prompt and tokens.reply
    assert asks or name in ("P7", "F5", "R6")


def hits(n_right, n=50):
    return [1.0] * n_right + [0.0] * (n - n_right)


def test_the_share_that_is_saved_of_what_was_lost():
    found = {}
    for side, right in {"before": 40, "full": 10, "other": 25}.items():
        found |= {f"{side}: {name}": hits(right) * 3 for name in forgetting.NAMES}
    saved = forgetting.share_saved(found)
    assert (saved.value, saved.low, saved.high, saved.n) == (0.5, 0.5, 0.5, 3)
    assert forgetting.something_lost(found)


def test_what_was_never_lost_cannot_be_saved():
    kept = {}
    for side in ("before", "full", "other"):
        kept |= {f"{side}: {name}": hits(40) * 3 for name in forgetting.NAMES}
    assert not forgetting.something_lost(kept)
    outcome = run._judge(
        "G2",
        {"model": "m", "rows": []},
        forgetting.share_saved(kept),
        [],
        0.0,
        forgetting.something_lost(kept),
    )
    assert outcome.verdict == OUT_OF_REACH


def test_the_second_largest_loss_of_six():
    found = {}
    lost = dict(zip(forgetting.NAMES, (0, 30, 20, 10, 5, 0)))
    for name in forgetting.NAMES:
        found[f"before: {name}"], found[f"full: {name}"] = hits(40), hits(40 - lost[name])
    assert forgetting.g1_effect(found).value == pytest.approx(20 / 50)


def sweep(best_lora, best_full, n_seeds=3):
    found = {}
    for method, best in (("lora", best_lora), ("full", best_full)):
        for rate in adapters.RATES[method]:
            n = adapters.N * n_seeds
            loss = 0.1 if rate == best else 1.0
            found[f"{method} {rate:g}: loss"] = [loss] * n
            found[f"{method} {rate:g}: desks"] = hits(n if rate == best else 0, n)
    return found


def test_rates_of_least_loss():
    found = sweep(1e-3, 1e-4)
    assert adapters.f8_effect(found).value == pytest.approx(10)
    assert adapters.l6_effect(found).value == 0
    found["full 0.0001: desks"] = hits(0, 3 * adapters.N)
    assert adapters.l6_effect(found).value == 1


def test_wrong_labels_are_as_many_as_asked_for_and_wrong():
    items = [Item(f"review {i}", learning.DESK_NAMES[0]) for i in range(50)]
    noisy = learning.with_wrong(items, 15, random.Random(0))
    wrong = [item for item in noisy if item.answer != learning.DESK_NAMES[0]]
    assert len(wrong) == 15 and {item.answer for item in wrong} <= set(learning.DESK_NAMES)


def test_invented_countries_are_no_country():
    strange = learning.invented_capitals(0)
    assert len({name for name, _ in strange}) == len(strange) >= 270
    assert not {name for name, _ in strange} & set(learning.CAPITALS)


def test_cached_examples_are_paid_at_a_tenth():
    found = {
        "four examples: tokens as paid": [100.0, 120.0],
        "tuned: tokens": [50.0, 60.0],
    }
    assert paying.f5_effect(found).value == 2.0


def test_money_for_a_query_seed_by_seed(monkeypatch):
    monkeypatch.setattr(paying, "N", 2)
    found = {"prompt: money": [2, 2, 4, 4, 6, 6], "fine-tune: money": [2.0] * 6}
    assert paying.h6_effect(found).value == 2 and paying.h6_effect(found).high == 3


def bank_of(task, by_lever):
    found = {}
    for lever, n in by_lever.items():
        name = f"{task}, {lever}"
        found[name] = hits(n)
        found[f"{name}: prompt tokens"] = [100.0] * 50
        found[f"{name}: reply tokens"] = [10.0] * 50
        found[f"{name}: training tokens"] = [1e4 if lever.tunes else 0.0]
    return found


def test_the_best_lever_of_a_measured_bank(monkeypatch):
    monkeypatch.setattr(deciding, "DESCRIBED", {"handbook": deciding.DESCRIBED["handbook"]})
    found = bank_of("handbook", {Lever.PROMPT: 0, Lever.RETRIEVE: 48, Lever.TUNE: 20})
    assert deciding.h3_effect(found).value == 1
    assert deciding.h1_effect(found).value == 1
    weak = bank_of("handbook", {Lever.PROMPT: 0, Lever.RETRIEVE: 10, Lever.TUNE: 20})
    assert deciding.h3_effect(weak).value == 0
    assert not deciding._any_reached(weak) and deciding._any_reached(found)


def test_the_gate_catches_planted_faults_only():
    found = {"refused": [1.0] * 9 + [0.0], "refused without a fault": [0.0] * 10}
    assert forgetting.g5_effect(found).value == pytest.approx(0.9)


def test_the_whole_against_its_best_part():
    found = {f"{name}: all four": hits(5) for name in support.PARTS}
    found["retrieval, two examples: all four"] = hits(20)
    found[f"{support.STACK}: all four"] = hits(45)
    assert support.h2_effect(found).value == pytest.approx(0.5)


def test_the_ratio_of_two_divergences(monkeypatch):
    monkeypatch.setattr(preferring, "N_SAMPLED", 2)
    found = {"beta 0.03: nats": [4.0, 4.0, 8.0, 8.0], "beta 1.0: nats": [2.0, 2.0, 2.0, 2.0]}
    ratio = preferring.d2_effect(found)
    assert (ratio.low, ratio.high, ratio.n) == (2, 4, 2)
