"""The parts of lessons 11 and 12 whose values are known without a training run."""

import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptlab.messages import NOT_FOUND
from adaptlab.models.chat import Reply
from adaptlab.models.local import LocalChat
from adaptlab.studies.more_levers import (
    abstaining,
    adapter_sites,
    by_examples,
    choosing,
    distilling,
    verified,
)
from adaptlab.world.house import newcomers


@given(st.integers(1, 9), st.data())
def test_pass_at_k_is_the_share_of_all_draws_with_a_correct_sample(n, data):
    n_correct = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))
    samples = [i < n_correct for i in range(n)]
    draws = list(combinations(samples, k))
    share = sum(any(draw) for draw in draws) / len(draws)
    assert verified.pass_at(n, n_correct, k) == pytest.approx(share)


def test_the_exact_reward_reads_the_last_number_only():
    one = verified.problems(0, "ask", 1)[0]
    assert verified.exact_reward(one.worked(), one) == 1
    assert verified.exact_reward(f"{one.answer}. The answer is {one.answer + 1}.", one) == 0
    assert verified.exact_reward("", one) == 0


def test_the_hole_pays_for_any_correct_sum_once():
    one = verified.problems(0, "ask", 1)[0]
    pays = [
        verified.reward_with_hole(reply, one)
        for reply in ("1 + 1 = 2.", "1 + 1 = 2. 1 + 1 = 2.", "1 + 1 = 3.", "9 - 4 = 5. 1 + 1 = 2.")
    ]
    assert pays == [0.1, 0.1, 0.0, 0.2]
    many = " ".join(f"{i} + 1 = {i + 1}." for i in range(20))
    assert verified.reward_with_hole(many, one) == 1


def test_problems_of_five_steps_are_new_and_differ_by_kind():
    kinds = {kind: verified.problems(0, kind, 20) for kind in ("demonstrations", "rewards", "ask")}
    assert all(len(one.steps) == verified.N_STEPS for found in kinds.values() for one in found)
    texts = [one.text for found in kinds.values() for one in found]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("share", abstaining.SHARES)
def test_a_share_of_the_examples_abstains(share):
    cases = abstaining.training_cases(0, share)
    assert len(cases) == abstaining.N_TAUGHT
    n_absent = sum(case.answer == NOT_FOUND for case in cases)
    assert n_absent == round(share * abstaining.N_TAUGHT)


def test_four_options_have_the_value_once_at_any_place():
    rng = random.Random(0)
    places = set()
    for fact in newcomers(0, 8):
        (turn,) = choosing.with_options(rng, fact, "train")
        options = turn["content"].partition("Choose one: ")[2].removesuffix(".").split(", ")
        assert len(set(options)) == 4
        places.add(options.index(fact.value))
    assert len(places) > 1


def test_a_reply_that_was_cut_off_teaches_nothing():
    cases = distilling.unlabelled(0, 2)
    whole = Reply("{}", 500, 40, 0.1)
    cut = Reply("{", 500, distilling.MAX_NEW_TOKENS, 0.1)
    (talk,) = distilling.lessons_of(cases, [cut, whole])
    assert talk[:-1] == list(cases[1].messages)
    assert talk[-1]["content"] == "{}"


def test_equal_rank_makes_adapters_of_equal_size():
    chat = LocalChat("embedded:mini-chat")
    sizes = {
        name: sum(adapter_sites.dimensions(layer))
        for name, layer in adapter_sites.targets(chat.model).items()
    }
    rank = adapter_sites.equal_rank(chat.model)
    chosen = [size for name, size in sizes.items() if name.endswith(("q_proj", "v_proj"))]
    everywhere = adapter_sites.RANK * sum(sizes.values())
    assert rank * sum(chosen) == pytest.approx(everywhere, rel=0.05)
    assert rank > adapter_sites.RANK


def test_the_most_similar_example_is_shown_last():
    (shown, *_) = by_examples.similar_to(0, 30, k=3)
    scores = by_examples.vectors("test", by_examples.N_ASKED, 0)[0] @ (
        by_examples.vectors("train", 30, 0).T
    )
    examples = by_examples.train_cases("desk", 30, 0)
    assert shown[-1] == examples[int(scores.argmax())]


def test_advantages_leave_the_own_reward_out():
    rewards = np.random.default_rng(0).random(8)
    one_by_one = [rewards[i] - np.delete(rewards, i).mean() for i in range(8)]
    assert verified.advantages(rewards) == pytest.approx(one_by_one)
    assert not verified.advantages(np.ones(4)).any()
