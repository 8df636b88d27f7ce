"""Lab 06, best_of_n: what is right, and what wrong answers believe."""

import math

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab06.common import average


def divergence(n: int) -> float:
    return math.log(n) - (n - 1) / n


class best_of_n(Exercise):
    """The mean highest reward over all sets of n of the N replies, and log n - (n - 1) / n."""

    @staticmethod
    def draw(rng):
        size = int(rng.integers(4, 9))
        rewards = rng.permutation(
            [
                float(x)
                for x in rng.choice(
                    [-1.5, -0.5, 0.0, 0.25, 0.25, 0.5, 1.0, 1.0, 2.0, 3.5], size=size
                )
            ]
        )
        return [float(x) for x in rewards], int(rng.integers(1, size + 1))

    @staticmethod
    def edges():
        rewards = [0.25, 1.0, 0.5, 0.0, 0.75, 0.5]
        return [
            (rewards, 2),
            (rewards, 3),
            (rewards, 1),
            (rewards, 6),
            ([2.0], 1),
            ([1.0, 1.0, 1.0], 2),
            ([-3.0, -1.0, -2.0], 2),
            ([k / 16 for k in range(20)], 10),
        ]

    @staticmethod
    def right(rewards, n):
        ordered = sorted(rewards)
        return sum(reward * math.comb(i, n - 1) for i, reward in enumerate(ordered)) / math.comb(
            len(rewards), n
        ), divergence(n)

    @staticmethod
    @wrong("That is the best of all N. With n draws one does not always meet it.")
    def best_of_all(rewards, n):
        return max(rewards), divergence(n)

    @staticmethod
    @wrong(
        "That is the best of the first n. It is one set out of many, and its luck is part of the"
        " result: take the mean over all sets."
    )
    def first_n(rewards, n):
        return max(rewards[:n]), divergence(n)

    @staticmethod
    @wrong(
        "You cut the list into blocks of n and take the mean of their best. That uses a few of the"
        " sets only, and hangs on the order of the list."
    )
    def blocks(rewards, n):
        return average(
            [max(rewards[i : i + n]) for i in range(0, len(rewards) - n + 1, n)]
        ), divergence(n)

    @staticmethod
    @wrong(
        "You draw with replacement, so that the same reply may be in a set twice, and the best is"
        " worse than it should be."
    )
    def with_replacement(rewards, n):
        ordered = sorted(rewards)
        size = len(rewards)
        return sum(
            reward * (((i + 1) / size) ** n - (i / size) ** n) for i, reward in enumerate(ordered)
        ), divergence(n)

    @staticmethod
    @wrong("That is the mean reward, or that of the best of one. Of each set only the best counts.")
    def mean(rewards, n):
        return average(rewards), divergence(n)

    @staticmethod
    @wrong("You take the mean of the n best replies. Nobody knows beforehand which they are.")
    def mean_of_the_best(rewards, n):
        return average(sorted(rewards)[-n:]), divergence(n)

    @staticmethod
    @wrong(
        "Your sets are weighted from the wrong end: sorted from the highest down, that is the mean"
        " of the *worst* in each set."
    )
    def worst(rewards, n):
        ordered = sorted(rewards, reverse=True)
        return sum(reward * math.comb(i, n - 1) for i, reward in enumerate(ordered)) / math.comb(
            len(rewards), n
        ), divergence(n)

    @staticmethod
    @wrong(
        "The rewards are not sorted: the number of replies below one hangs on its rank, not on its"
        " place in the list."
    )
    def unsorted(rewards, n):
        return sum(reward * math.comb(i, n - 1) for i, reward in enumerate(rewards)) / math.comb(
            len(rewards), n
        ), divergence(n)

    @staticmethod
    @wrong(
        "You count equal rewards once. They are different replies, and two of a kind are met more"
        " often."
    )
    def equals_once(rewards, n):
        ordered = sorted(set(rewards))
        m = min(n, len(ordered))
        return sum(reward * math.comb(i, m - 1) for i, reward in enumerate(ordered)) / math.comb(
            len(ordered), m
        ), divergence(n)

    @staticmethod
    @wrong(
        "Your divergence is log n. Keeping the best does not always choose the same reply, and that"
        " takes (n - 1) / n off."
    )
    def log_alone(rewards, n):
        return best_of_n.right(rewards, n)[0], math.log(n)

    @staticmethod
    @wrong("Your divergence is in bits. A nat is by the natural logarithm.")
    def in_bits(rewards, n):
        return best_of_n.right(rewards, n)[0], math.log2(n) - (n - 1) / n

    @staticmethod
    @wrong(
        "Your divergence depends on N, the replies that you happen to have. It is that of drawing n"
        " and keeping the best."
    )
    def of_all(rewards, n):
        return best_of_n.right(rewards, n)[0], divergence(len(rewards))
