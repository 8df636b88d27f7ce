"""The judge is asked in both orders; what is a preference for a place or for length is told from
one for the reply.
"""

import math
import random

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.evals.judge import (
    JudgedPair,
    agreement_with,
    judge_messages,
    length_controlled,
    position_bias,
    verdicts,
    wins,
)
from adaptlab.models.chat import ScriptedChat

PROMPT = [{"role": "user", "content": "Where does Ada live?"}]


def replies(messages):
    text = messages[-1]["content"]
    return (
        text.partition("Reply A: ")[2].partition("\n")[0],
        text.partition("Reply B: ")[2].partition("\n")[0],
    )


def by_citation(messages):
    return "A" if "[" in replies(messages)[0] else "B"


def test_a_judge_of_the_reply_says_the_same_in_both_orders():
    chat = ScriptedChat(by_citation)
    said = verdicts(chat, [(PROMPT, "Oslo [1]", "Oslo"), (PROMPT, "Oslo", "Oslo [1]")])
    assert [verdict.preference for verdict in said] == [1.0, 0.0]
    assert position_bias(said).value == 0 and agreement_with(said, [True, False]).value == 1
    assert len(chat.calls) == 4 and all(verdict.n_tokens > 0 for verdict in said)


def test_a_judge_of_the_place_is_found_out():
    said = verdicts(ScriptedChat(lambda messages: "A"), [(PROMPT, "Oslo [1]", "Oslo")] * 20)
    assert position_bias(said).value == 1
    assert agreement_with(said, [True] * 20).value == 0.5


def test_a_judge_that_gives_no_letter_has_no_opinion():
    (verdict,) = verdicts(
        ScriptedChat(lambda messages: "Both are fine."), [(PROMPT, "Oslo [1]", "Oslo")]
    )
    assert verdict == JudgedPair(0.5, 0.5, verdict.n_tokens) and verdict.preference == 0.5


def test_the_rubric_comes_last_and_the_whole_prompt_is_shown():
    text = judge_messages(
        [{"role": "system", "content": "Be brief."}, *PROMPT], "one", "two", "Which?"
    )[0]["content"]
    assert text.startswith("Be brief.\nWhere does Ada live?") and text.endswith("\n\nWhich?")


def test_wins_count_ties_half_and_need_the_same_prompts():
    assert wins([1, 0.5, 0], [0.5, 0.5, 1]) == [1.0, 0.5, 0.0]
    with pytest.raises(AdaptLabError, match="1 and 2 values"):
        wins([1], [1, 0])


def test_length_control_takes_away_a_win_that_is_length_alone_and_leaves_one_that_is_not():
    rng = random.Random(0)
    lengths = [(rng.randint(5, 40), 15) for _ in range(800)]
    by_length = [float(rng.random() < 1 / (1 + math.exp((old - new) / 8))) for new, old in lengths]
    assert np.mean(by_length) > 0.63 and abs(length_controlled(by_length, lengths) - 0.5) < 0.06
    by_reply = [float(rng.random() < 0.8) for _ in lengths]
    assert abs(length_controlled(by_reply, lengths) - 0.8) < 0.06
    assert length_controlled([1.0] * 5, [(3, 2)] * 5) == 1.0
