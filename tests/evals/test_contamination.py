"""Contamination: copies are told from kin by their words, and from fresh cases by what the model
finds likely.
"""

import random

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from adaptlab.errors import AdaptLabError
from adaptlab.evals.contamination import answer_likelihoods, ngrams, overlaps, said, separation
from adaptlab.world.sums import problem_case


def test_runs_of_words_ignore_case_and_punctuation():
    assert ngrams("One, two. THREE two", 2) == {("one", "two"), ("two", "three"), ("three", "two")}
    assert ngrams("one two", 5) == {("one", "two")} and ngrams("?!", 3) == set()
    with pytest.raises(AdaptLabError, match="at least one word"):
        ngrams("one", 0)


def test_a_copy_overlaps_wholly_and_a_stranger_not_at_all():
    training = ["The quick brown fox jumps over the lazy dog.", "Some other text."]
    copy, half, stranger, empty = overlaps(
        [
            "the QUICK brown fox jumps",
            "the quick brown cat sleeps",
            "nothing of this kind here",
            "",
        ],
        training,
        3,
    )
    assert (copy, half, stranger, empty) == (1.0, pytest.approx(1 / 3), 0.0, 0.0)
    assert overlaps(["the quick brown cat"], training, 1) > overlaps(
        ["the quick brown cat"], training, 4
    )


def test_a_run_does_not_reach_from_one_training_text_into_the_next():
    assert overlaps(["lazy dog some"], ["the lazy dog", "some text"], 3) == [0.0]


def test_all_turns_of_a_conversation_are_read():
    assert said([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]) == "a\nb"


def test_separation_is_the_area_under_the_roc_curve():
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 6, 23) + 1.0
    fresh = rng.integers(0, 6, 31).astype(float)
    found = separation(seen, fresh)
    assert (
        found.value == pytest.approx(roc_auc_score([1] * 23 + [0] * 31, [*seen, *fresh]))
        and found.n == 23
    )
    assert found.low < found.value < found.high
    assert separation(fresh, seen).value == pytest.approx(1 - found.value)
    assert separation([1.0, 1.0], [1.0, 1.0]).value == 0.5 and separation(
        [3.0], [1.0, 2.0]
    ).interval == (1.0, 1.0)


def test_the_interval_of_a_separation_holds_the_truth_about_as_often_as_it_promises():
    rng = np.random.default_rng(1)
    # Of normal values one standard deviation apart: the normal distribution at 1 / sqrt(2).
    truth = 0.7602
    intervals = [separation(rng.normal(1, 1, 40), rng.normal(0, 1, 40)).interval for _ in range(60)]
    assert sum(low <= truth <= high for low, high in intervals) >= 50


def test_likelihoods_are_those_of_the_gold_answer(chat):
    cases = [problem_case(random.Random(i), "train", 1, "direct") for i in range(2)]
    found = answer_likelihoods(chat, cases)
    assert (
        found == [sum(chat.log_probabilities(list(case.messages), case.answer)) for case in cases]
        and max(found) < 0
    )
