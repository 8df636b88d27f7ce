"""The support assistant's questions, and what is made of the recorded studies."""

import json
import random

import pytest

from adaptlab.course import decisions
from adaptlab.course.decision_page import decision_page
from adaptlab.course.decisions import (
    ASPECTS,
    DESCRIBED,
    WORLD,
    baselines,
    matrix,
    matrix_of,
    over_seeds,
    scoreboard,
    usages_by_seed,
)
from adaptlab.decide.advice import advise
from adaptlab.decide.costs import PRICES
from adaptlab.decide.need import Lever
from adaptlab.decide.task_bank import Condition, bank
from adaptlab.errors import AdaptLabError
from adaptlab.studies.arms import IN_FULL, SHORT, K, asked_of, few_shot, test_questions
from adaptlab.studies.assistants import ARMS, N_ASKED, N_WITHOUT
from adaptlab.studies.real_models import measured_bank
from adaptlab.studies.recorded import recorded
from adaptlab.world.handbook import handbook
from adaptlab.world.support import aspects

test_questions.__test__ = False


@pytest.fixture(scope="module")
def asked():
    return test_questions(0)


def test_questions_are_frozen_and_their_gold_chunks_state_the_value(asked):
    assert asked == tuple(
        asked_of(handbook(0), N_ASKED, N_WITHOUT, "held_out", random.Random("support:0"))
    )
    assert sum(one.value is None for one in asked) == N_WITHOUT and {
        len(one.hits) for one in asked
    } == {K}
    for one in asked:
        assert all(one.value in one.hits[number - 1].chunk.text for number in one.gold)
        assert aspects(one.reply, one.value if one.gold else None, one.gold).all_four


def test_an_oracle_leaves_the_right_chunk_and_a_closed_book_none(asked):
    for one in asked:
        right = one.with_oracle()
        none = one.closed()
        assert right.value == one.value and right.gold == (
            frozenset({1}) if one.gold else frozenset()
        )
        assert not one.gold or (len(right.hits) == 1 and one.value in right.hits[0].chunk.text)
        assert [message["role"] for message in none.messages(SHORT)] == [
            "system",
            "user",
        ] and not none.gold


def test_examples_stand_between_instruction_and_question(asked):
    messages = few_shot(asked[0], asked[1:3], lambda one: one)
    assert [message["role"] for message in messages] == [
        "system",
        *["data", "user", "assistant"] * 2,
        "data",
        "user",
    ]
    assert messages[0]["content"] == IN_FULL and messages[-1]["content"] == asked[0].question


def test_every_arm_has_a_row_with_shares_and_costs():
    board = [row for row in scoreboard() if row["model"] == WORLD]
    assert [row["arm"] for row in board] == list(ARMS)
    for row in board:
        assert row["all four"].value <= min(row[count].value for count in ASPECTS) + 1e-9
        money = [value for name, value in row.items() if name.startswith("money")]
        assert money == sorted(money) and (row["trained parameters"] > 0) == bool(
            ARMS[row["arm"]].tuning
        ) == (row["minutes to build"] > 0 and ARMS[row["arm"]].has_model)


def test_the_matrix_has_what_the_studies_recorded():
    found = matrix()
    assert list(found) == list(DESCRIBED)
    for task, levers in found.items():
        assert {Lever.PROMPT, Lever.RETRIEVE, Lever.TUNE} <= set(levers) and (
            Lever.BOTH in levers
        ) == DESCRIBED[task].lacks_facts
    rows = [
        row
        for row in recorded("levers")["rows"]
        if row["task"] == "handbook" and row["lever"] == "retrieve"
    ]
    assert found["handbook"][Lever.RETRIEVE].scores[0] == over_seeds(rows) and len(
        usages_by_seed("handbook", Lever.RETRIEVE)
    ) == len(rows)
    assert (
        found["handbook"][Lever.TUNE].usage.update_tokens
        > 0
        == found["changed handbook"][Lever.TUNE].usage.update_tokens
    )
    assert sorted(found["record"][Lever.TUNE].scores) == [30, 300, 1000]


def test_the_bank_is_large_enough_and_not_all_alike():
    cases = bank(matrix(), DESCRIBED)
    assert len(cases) >= 40 and len({case.best for case in cases}) >= 3


@pytest.mark.parametrize("like", DESCRIBED)
def test_every_task_gets_advice_and_a_page_that_needs_nothing_else(like):
    advice = advise(like, Condition("mine"), matrix(), DESCRIBED)
    page = decision_page(advice, PRICES)
    assert (
        str(advice.case.best) in page
        and "<img alt=" in page
        and "http" not in page.replace("http://www.w3.org", "")
    )


def test_the_first_advice_is_no_language_model_where_it_reaches_the_goal():
    for least, first in ((0.9, True), (1.0, False)):
        condition = Condition("mine", n_examples=100, least=least)
        advice = advise("desk", condition, matrix(), DESCRIBED, baselines=baselines())
        reached = baselines()["desk"][100].value >= least
        assert advice.needs_no_model == reached == first
        page = decision_page(advice, PRICES)
        assert page.count("(the answer)") == 1
        assert ("(the best with a language model)" in page) == first


GENUINE = "gguf:smollm2"


def write_rows(folder, claim, conditions):
    path = folder / "smollm2" / f"{claim}.json"
    path.parent.mkdir(exist_ok=True)
    rows = [{"seed": seed, "conditions": conditions} for seed in (0, 1, 2)]
    path.write_text(json.dumps({"model": GENUINE, "rows": rows}))


def test_a_genuine_model_has_rows_for_what_was_measured_on_it(tmp_path, monkeypatch):
    found = {}
    for aspect, right in (("all four", 1), ("value", 4), ("source", 3), ("form", 2), ("tone", 1)):
        found[f"retrieval: {aspect}"] = [1.0] * right + [0.0] * (10 - right)
    for part, n_tokens in (("prompt", 300.0), ("reply", 30.0), ("training", 0.0)):
        found[f"retrieval: {part} tokens"] = [n_tokens] * 10
    write_rows(tmp_path, "H2", found)
    monkeypatch.setattr(decisions, "RECORDED", tmp_path)
    (row,) = [row for row in scoreboard() if row["model"] == GENUINE]
    assert (row["arm"], row["right"].value, row["right"].n) == ("retrieval", 0.4, 30)
    assert row["prompt tokens"] == 300 and row["p50 s"] is None
    assert row["money a month at 1,000 a day"] == pytest.approx(
        30_000 * (300 * PRICES.prompt + 30 * PRICES.completion) / 1e6
    )


def test_advice_from_a_genuine_models_measurements(tmp_path, monkeypatch, capsys):
    conditions = {}
    for lever, right in (("prompt", 1), ("retrieve", 9), ("fine-tune", 3)):
        key = f"handbook, {lever}"
        conditions[key] = [1.0] * right + [0.0] * (10 - right)
        for part in measured_bank.PARTS:
            conditions[f"{key}: {part}"] = [100.0]
    write_rows(tmp_path, "H1", conditions)
    monkeypatch.setattr(measured_bank.recorded_matrix, "__defaults__", (tmp_path,))
    measured, described = matrix_of(GENUINE)
    advice = advise("handbook", Condition("mine"), measured, described)
    assert advice.case.best is Lever.RETRIEVE and advice.case.scores[Lever.RETRIEVE] == 0.9
    with pytest.raises(AdaptLabError, match="not measured on 'gguf:other'.*adaptlab claims H1"):
        matrix_of("gguf:other")
