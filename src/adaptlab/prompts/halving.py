"""Successive halving: find the best of many candidates within a budget of evaluations. It calls no
model.

Each round gets an equal share of the budget. All candidates that are left see the same next cases,
then the better half stays (Jamieson and Talwalkar 2016).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from adaptlab.checks import check_whole
from adaptlab.errors import AdaptLabError

LEAST_CASES = 4  # of each candidate in the first round
# Of (candidate, numbers of cases): whether each reply is correct.
Evaluate = Callable[[int, range], Sequence[bool]]


@dataclass(frozen=True)
class Round:
    """A round: its number of candidates, and the cases that each has seen at its end."""

    n_candidates: int
    n_cases: int


@dataclass(frozen=True)
class Trial:
    """A candidate's result: its number, the last round that it was in, from 1, and its hits, one
    for each development case that it has seen.
    """

    candidate: int
    round: int
    hits: tuple[bool, ...]

    @property
    def accuracy(self) -> Fraction:
        return Fraction(sum(self.hits), len(self.hits))


def least_budget(n_candidates: int) -> int:
    """Return the smallest budget with LEAST_CASES cases for each candidate in the first round."""
    check_whole(n_candidates, "The number of candidates", 1)
    return n_candidates * LEAST_CASES * n_rounds(n_candidates)


def n_rounds(n_candidates: int) -> int:
    """Return the number of rounds after which one candidate is left, at least 1."""
    return max(1, math.ceil(math.log2(n_candidates)))


def rounds(n_candidates: int, n_cases: int, budget: int) -> list[Round]:
    """Plan the rounds; what they need is at most `budget` evaluations.

    What a round cannot use, since the cases are at an end, the later rounds may use.

    Raises:
        AdaptLabError: if the budget or the cases are too few for the first round.
    """
    check_whole(n_candidates, "The number of candidates", 1)
    check_whole(n_cases, "The number of development cases", LEAST_CASES)
    check_whole(budget, "The budget", 1)
    if budget < least_budget(n_candidates):
        raise AdaptLabError(
            f"The budget of {budget} evaluations is too small for {n_candidates} prompts. Give at"
            f" least {least_budget(n_candidates)}, or fewer instructions or numbers of examples."
        )
    planned = []
    left = n_candidates
    seen = 0
    spent = 0
    total = n_rounds(n_candidates)
    for number in range(total):
        share = (budget - spent) // (total - number)
        more = min(share // left, n_cases - seen)
        seen += more
        spent += more * left
        planned.append(Round(left, seen))
        left = math.ceil(left / 2)
    return planned


def n_calls(planned: Sequence[Round]) -> int:
    """Return the number of evaluations of all rounds."""
    before = [0, *(each.n_cases for each in planned)]
    return sum(each.n_candidates * (each.n_cases - seen) for each, seen in zip(planned, before))


def search(n_candidates: int, n_cases: int, budget: int, evaluate: Evaluate) -> list[Trial]:
    """Run the rounds; return all trials, the best first.

    `evaluate(candidate, cases)` is called for numbers of cases below `n_cases`, and for each pair
    of candidate and case at most once. Of candidates with equal hits the one with the lower number
    stays. A candidate that was in a later round is better than those that were not.
    """
    hits: dict[int, list[bool]] = {candidate: [] for candidate in range(n_candidates)}
    last_round = dict.fromkeys(hits, 1)
    left = list(hits)
    for number, planned in enumerate(rounds(n_candidates, n_cases, budget), 1):
        left = left[: planned.n_candidates]
        for candidate in sorted(left):
            last_round[candidate] = number
            cases = range(len(hits[candidate]), planned.n_cases)
            if cases:
                hits[candidate] += evaluate(candidate, cases)
        left.sort(key=lambda candidate: (-sum(hits[candidate]), candidate))
    trials = [Trial(each, last_round[each], tuple(hits[each])) for each in hits]
    return sorted(trials, key=lambda trial: (-trial.round, -trial.accuracy, trial.candidate))
