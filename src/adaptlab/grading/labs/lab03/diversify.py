"""Lab 03, diversify: what is right, and what wrong answers believe."""

import math

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab03.common import average


def choose(
    relevance,
    similarity,
    balance,
    k,
    duplicate,
    redundancy=max,
    copy=lambda s, bound: s >= bound,
    first=None,
    last_wins: bool = False,
) -> list[int]:
    """Maximal marginal relevance; `redundancy` makes one number of the similarities to what is
    chosen, `first` is that number for the first choice.
    """
    left = list(range(len(relevance)))
    chosen: list[int] = []
    while left and len(chosen) < k:

        def worth(i):
            if not chosen and first is None:
                return relevance[i]
            return balance * relevance[i] - (1 - balance) * (
                redundancy([similarity[i][j] for j in chosen]) if chosen else first
            )

        best = max(reversed(left) if last_wins else left, key=worth)
        chosen.append(best)
        left = [i for i in left if i != best and not copy(similarity[i][best], duplicate)]
    return chosen


class diversify(Exercise):
    """Maximal marginal relevance that drops what is as good as a copy."""

    n_draws = 60

    @staticmethod
    def draw(rng):
        n = int(rng.integers(5, 10))
        # Eighths, and a balance in quarters: every product is exact, and ties are real ones.
        relevance = rng.integers(-1, 9, size=n) / 8
        similarity = rng.integers(-4, 8, size=(n, n)) / 8
        similarity = np.triu(similarity, 1)
        similarity = similarity + similarity.T + np.eye(n)
        return (
            [float(x) for x in relevance],
            similarity,
            float(rng.choice([0, 0.25, 0.5, 0.75, 1])),
            int(rng.integers(2, 8)),
            float(rng.choice([0.75, 0.5, 2])),
        )

    @staticmethod
    def edges():
        same = np.ones((3, 3))
        apart = np.eye(4) * 1.5 - 0.5
        return [
            ([0.5, 0.75, 0.25, 0.75], apart, 0.5, 3, 0.9),
            ([0.5, 0.5, 0.25, 0.5], apart, 0.0, 9, 0.9),
            ([0.5, 0.75, 0.25], same, 0.5, 3, 1.0),
            ([0.5, 0.75, 0.25], same, 0.5, 2, 1.5),
            ([], np.zeros((0, 0)), 0.5, 3, 1.0),
            ([0.5], np.ones((1, 1)), 0.5, 3, 0.5),
        ]

    @staticmethod
    def right(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate)

    @staticmethod
    @wrong("Those are the most relevant candidates: what was chosen before has no influence.")
    def most_relevant(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, 1, k, duplicate)

    @staticmethod
    @wrong(
        "`balance` is the wrong way round: it multiplies the relevance, and 1 - balance the"
        " similarity."
    )
    def turned_round(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, 1 - balance, k, duplicate)

    @staticmethod
    @wrong(
        "You add up the similarities to all that was chosen. The highest counts: being unlike two"
        " hits does not make up for repeating a third."
    )
    def summed(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, redundancy=sum)

    @staticmethod
    @wrong(
        "You take the mean similarity to what was chosen. A copy of one hit that is unlike the"
        " others passes then; the highest counts."
    )
    def mean(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, redundancy=average)

    @staticmethod
    @wrong("You look at the last choice alone. What repeats an earlier one is as superfluous.")
    def last_alone(relevance, similarity, balance, k, duplicate):
        return choose(
            relevance, similarity, balance, k, duplicate, redundancy=lambda values: values[-1]
        )

    @staticmethod
    @wrong(
        "Negative similarities count as 0 for you. The highest similarity may be below 0, and then"
        " it speaks for a candidate."
    )
    def floor_at_zero(relevance, similarity, balance, k, duplicate):
        return choose(
            relevance, similarity, balance, k, duplicate, redundancy=lambda values: max(0, *values)
        )

    @staticmethod
    @wrong(
        "You compare with all candidates, not with what was chosen: what nobody shows cannot be"
        " repeated."
    )
    def all_candidates(relevance, similarity, balance, k, duplicate):
        n = len(relevance)
        alike = [max((similarity[i][j] for j in range(n) if j != i), default=0) for i in range(n)]
        worth = [balance * relevance[i] - (1 - balance) * alike[i] for i in range(n)]
        return choose(worth, similarity, 1, k, duplicate)

    @staticmethod
    @wrong(
        "You never drop anything: once a candidate is as near as `duplicate` to one that was"
        " chosen, it is out."
    )
    def nothing_dropped(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, math.inf)

    @staticmethod
    @wrong("Exactly `duplicate` is a duplicate, too: it is dropped from there on.")
    def above_alone(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, copy=lambda s, bound: s > bound)

    @staticmethod
    @wrong(
        "You drop copies among the candidates before you choose. Only a copy of what was chosen is"
        " dropped; else both may be lost, or the better one."
    )
    def dropped_before(relevance, similarity, balance, k, duplicate):
        kept = []
        for i in range(len(relevance)):
            if all(similarity[i][j] < duplicate for j in kept):
                kept.append(i)
        inner = [[similarity[i][j] for j in kept] for i in kept]
        return [kept[i] for i in choose([relevance[i] for i in kept], inner, balance, k, math.inf)]

    @staticmethod
    @wrong(
        "With balance 0 your first choice is simply the first candidate. The first is always the"
        " most relevant: nothing was chosen yet that it could repeat."
    )
    def first_by_formula(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, first=0)

    @staticmethod
    @wrong("Of equals you take the last. The lower position is taken.")
    def last_of_equals(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, last_wins=True)

    @staticmethod
    @wrong(
        "The positions are sorted. They come in the order in which they were chosen, the best"
        " first."
    )
    def sorted_positions(relevance, similarity, balance, k, duplicate):
        return sorted(choose(relevance, similarity, balance, k, duplicate))
