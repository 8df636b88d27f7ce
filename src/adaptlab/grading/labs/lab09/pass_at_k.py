"""Lab 09, pass_at_k: the reference answer and the known misconceptions."""

import math

from adaptlab.grading.codec import Raised
from adaptlab.grading.exercise import Exercise, symptom, wrong


def refuse(n: int, c: int, k: int) -> None:
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError("The numbers do not satisfy 0 <= c <= n and 1 <= k <= n.")


def all_fail(n: int, c: int, k: int) -> float:
    """Return the probability that k of n replies without replacement are all wrong."""
    return math.comb(n - c, k) / math.comb(n, k)


class pass_at_k(Exercise):
    """The probability that at least one of k replies is correct, without bias."""

    n_draws = 40
    rtol = 1e-6
    # Some probabilities are 1e-5, and correct answers agree to about 1e-14.
    atol = 1e-9

    @staticmethod
    def draw(rng):
        n = int(rng.integers(2, 60)) if rng.random() < 0.7 else int(rng.integers(200, 2001))
        c = int(rng.integers(0, n + 1)) if rng.random() < 0.3 else int(rng.integers(0, n // 2 + 1))
        k = int(rng.integers(1, n + 1)) if rng.random() < 0.2 else int(rng.integers(1, n // 2 + 1))
        return n, c, k

    @staticmethod
    def edges():
        return [
            (1, 0, 1),
            (1, 1, 1),
            (8, 0, 8),
            (8, 1, 8),
            (8, 2, 1),
            (8, 2, 2),
            (8, 4, 5),
            (8, 4, 4),
            (200, 1, 100),
            (2000, 3, 1000),
            (2000, 1990, 11),
            (100_000, 1, 1),
            (100_000, 40_000, 3),
            (8, 9, 1),
            (8, -1, 1),
            (8, 2, 0),
            (8, 2, 9),
            (8, 8, 9),
            (0, 0, 1),
            (0, 0, 0),
        ]

    @staticmethod
    def right(n, c, k):
        refuse(n, c, k)
        return 1 - all_fail(n, c, k)

    @staticmethod
    @wrong(
        "1 - (1 - c/n)**k is biased: c/n is itself an estimate, and the power of it is not the mean"
        " of the power. Sample without replacement from the n replies."
    )
    def biased(n, c, k):
        refuse(n, c, k)
        return 1 - (1 - c / n) ** k

    @staticmethod
    @wrong("That is pass@1, the share of correct replies. It does not depend on k.")
    def pass_at_1(n, c, k):
        refuse(n, c, k)
        return c / n

    @staticmethod
    @wrong(
        "The result is 1 if any of the n replies is correct. With fewer than n replies you do not"
        " always meet a correct reply."
    )
    def any_correct(n, c, k):
        refuse(n, c, k)
        return float(c > 0)

    @staticmethod
    @wrong(
        "The result is 1 if there are at least k correct replies. One correct reply among k is"
        " enough, and how often that happens is a probability."
    )
    def enough_correct(n, c, k):
        refuse(n, c, k)
        return float(c >= k)

    @staticmethod
    @wrong("That is the probability that all k replies are wrong. Subtract it from 1.")
    def complement(n, c, k):
        refuse(n, c, k)
        return all_fail(n, c, k)

    @staticmethod
    @wrong(
        "That is the probability that all k replies are correct, which measures reliability. For"
        " pass@k one correct reply is enough."
    )
    def all_correct(n, c, k):
        refuse(n, c, k)
        return math.comb(c, k) / math.comb(n, k)

    @staticmethod
    @wrong(
        "You add up the probabilities of k replies. They overlap: two of the k replies can be"
        " correct at once."
    )
    def added_up(n, c, k):
        refuse(n, c, k)
        return min(1.0, k * c / n)

    @staticmethod
    @wrong(
        "That is the probability of exactly one correct reply among k. Two or more are also a pass."
    )
    def exactly_one(n, c, k):
        refuse(n, c, k)
        return c * math.comb(n - c, k - 1) / math.comb(n, k)

    @staticmethod
    @wrong(
        "You return 1 wherever n - c < k, before the arguments are checked. For k > n there is no"
        " such sample. Raise ValueError first."
    )
    def checks_too_late(n, c, k):
        if n - c < k:
            return 1.0
        return pass_at_k.right(n, c, k)

    @staticmethod
    @wrong("k > n gives a number. From n replies you cannot sample more than n. Raise ValueError.")
    def k_above_n(n, c, k):
        refuse(n, c, min(k, n))
        return 1.0 if n - c < k else 1 - all_fail(n, c, k)

    @staticmethod
    @wrong("k = 0 gives 0. At least one reply is sampled. Raise ValueError.")
    def no_samples(n, c, k):
        return 0.0 if k == 0 and 0 <= c <= n else pass_at_k.right(n, c, k)

    @staticmethod
    @symptom(
        "For large n the binomial coefficients are too large for floats. Divide whole numbers, or"
        " multiply k ratios."
    )
    def overflows(expected, got):
        if isinstance(got, Raised):
            return got.kinds[0] == "OverflowError"
        return math.isnan(got)
