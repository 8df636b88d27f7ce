"""Successive halving: within the budget, only on development cases, and it finds the best."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptlab.errors import AdaptLabError
from adaptlab.prompts.halving import LEAST_CASES, least_budget, n_calls, n_rounds, rounds, search


@st.composite
def searches(draw):
    """(candidates, cases, budget) that a search can have."""
    n_candidates = draw(st.integers(1, 40))
    n_cases = draw(st.integers(LEAST_CASES, 80))
    least = least_budget(n_candidates)
    return n_candidates, n_cases, draw(st.integers(least, 4 * least + 400))


@given(searches(), st.randoms(use_true_random=False))
def test_the_budget_is_kept_and_no_case_is_seen_twice_or_outside(given_search, rng):
    n_candidates, n_cases, budget = given_search
    asked = []

    def evaluate(candidate, cases):
        asked.extend((candidate, case) for case in cases)
        return [rng.random() < 0.5 for _ in cases]

    trials = search(n_candidates, n_cases, budget, evaluate)
    assert len(asked) == n_calls(rounds(*given_search)) <= budget
    assert len(asked) == len(set(asked))
    assert all(0 <= case < n_cases for _, case in asked)
    assert {candidate for candidate, _ in asked} == set(range(n_candidates))
    assert sorted(trial.candidate for trial in trials) == list(range(n_candidates))
    assert sum(len(trial.hits) for trial in trials) == len(asked)
    assert min(len(trial.hits) for trial in trials) >= LEAST_CASES
    assert trials[0].round == max(trial.round for trial in trials)
    assert len(trials[0].hits) == max(len(trial.hits) for trial in trials)


@given(searches())
def test_rounds_halve_and_see_more_cases(given_search):
    planned = rounds(*given_search)
    assert len(planned) == n_rounds(given_search[0])
    for before, after in zip(planned, planned[1:]):
        assert after.n_candidates == math.ceil(before.n_candidates / 2)
        assert after.n_cases >= before.n_cases


@given(st.integers(2, 30), st.integers(0, 29))
def test_a_prompt_that_is_always_correct_wins(n_candidates, best):
    best %= n_candidates
    budget = 2 * least_budget(n_candidates)
    trials = search(n_candidates, 50, budget, lambda which, cases: [which == best for _ in cases])
    assert trials[0].candidate == best and trials[0].accuracy == 1


def test_of_equal_prompts_the_first_wins():
    trials = search(6, 20, 200, lambda which, cases: [True for _ in cases])
    assert trials[0].candidate == 0


def test_a_lead_of_an_earlier_round_counts():
    """Candidate 1 leads by 3 after the first round, and loses one case in the next."""
    hits = {0: [True, False, False, False] + [True] * 4, 1: [True] * 4 + [False] + [True] * 3}
    trials = search(2, 8, 16, lambda which, cases: [hits[which][case] for case in cases])
    assert trials[0].candidate == 1


@pytest.mark.parametrize("given_search", [(10, 40, 159), (3, 40, 23), (2, 3, 100), (0, 40, 100)])
def test_a_budget_that_is_too_small_is_refused(given_search):
    with pytest.raises(AdaptLabError, match="at least|Give a whole number"):
        rounds(*given_search)


def test_the_least_budget_is_enough():
    assert rounds(10, 40, least_budget(10))[0].n_cases == LEAST_CASES
