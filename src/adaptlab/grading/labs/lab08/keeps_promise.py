"""Lab 08, keeps_promise: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong


def ranked(seconds, percent, shift=0):
    """The value at the rank that the percentage reaches, moved by `shift`."""
    rank = -(-percent * len(seconds) // 100) + shift
    return sorted(seconds)[min(max(rank, 1), len(seconds)) - 1]


class keeps_promise(Exercise):
    """The nearest-rank percentile of seconds, and whether a promise on it is kept."""

    n_draws = 40

    @staticmethod
    def draw(rng):
        seconds = (rng.integers(1, 40, size=int(rng.integers(1, 45))) / 16).tolist()
        return (
            seconds,
            int(rng.choice([50, 75, 80, 90, 95, 99, 100])),
            int(rng.integers(1, 40)) / 16,
        )

    @staticmethod
    def edges():
        ten = [n / 8 for n in (3, 1, 4, 1, 5, 9, 2, 6, 5, 10)]
        return [
            ([0.5], 95, 0.5),
            ([0.5], 1, 0.25),
            (ten, 90, 9 / 8),
            (ten, 91, 9 / 8),
            (ten, 100, 1.0),
            (ten, 50, 0.5),
            (ten, 10, 0.125),
            ([1.0, 1.0, 1.0], 50, 1.0),
            ([0.25, 4.0], 50, 0.25),
            ([0.25, 4.0], 51, 0.25),
        ]

    @staticmethod
    def right(seconds, percent, limit):
        found = ranked(seconds, percent)
        return found, found <= limit

    @staticmethod
    @wrong(
        "You judge the mean. A promise on 95 of 100 says nothing on the mean, which a few slow"
        " queries can leave alone."
    )
    def mean(seconds, percent, limit):
        found = float(np.mean(seconds))
        return found, found <= limit

    @staticmethod
    @wrong(
        "Your percentile lies between two queries. Asked for is one of the seconds that were"
        " measured."
    )
    def between(seconds, percent, limit):
        found = float(np.percentile(seconds, percent))
        return found, found <= limit

    @staticmethod
    @wrong(
        "You take one query too few: at least that share has to be as fast, so where the share is"
        " no whole number of queries, one more counts."
    )
    def rounded_down(seconds, percent, limit):
        found = sorted(seconds)[max(percent * len(seconds) // 100, 1) - 1]
        return found, found <= limit

    @staticmethod
    @wrong(
        "You are one rank too far. Where the share is a whole number of queries, the last of them"
        " is it."
    )
    def one_too_far(seconds, percent, limit):
        found = sorted(seconds)[min(percent * len(seconds) // 100, len(seconds) - 1)]
        return found, found <= limit

    @staticmethod
    @wrong("A query that takes exactly the limit keeps the promise.")
    def below(seconds, percent, limit):
        found = ranked(seconds, percent)
        return found, found < limit

    @staticmethod
    @wrong("You look at the slowest query. That is the promise for all of them.")
    def slowest(seconds, percent, limit):
        return max(seconds), max(seconds) <= limit

    @staticmethod
    @wrong("You count from the slowest query. That share has to be fast, not slow.")
    def from_above(seconds, percent, limit):
        found = -ranked([-second for second in seconds], percent)
        return found, found <= limit

    @staticmethod
    @wrong("You take the seconds in the order in which they came. They have to be sorted first.")
    def unsorted(seconds, percent, limit):
        found = seconds[-(-percent * len(seconds) // 100) - 1]
        return found, found <= limit
