"""Lab 08, break_even: what is right, and what wrong answers believe."""

import math

from adaptlab.grading.exercise import Exercise, wrong


def meeting(a, b, days=30):
    """Where two lines meet, in queries a day; None for parallel ones."""
    rise = days * (a["per_query"] - b["per_query"])
    return (b["fixed"] - a["fixed"]) / rise if rise else None


class break_even(Exercise):
    """Queries a day at which two bills are equal."""

    n_draws = 40

    @staticmethod
    def draw(rng):
        bills = [
            {"fixed": float(rng.integers(0, 40)), "per_query": int(rng.integers(1, 40)) / 1024}
            for _ in range(2)
        ]
        return tuple(bills)

    @staticmethod
    def edges():
        cheap = {"fixed": 0.0, "per_query": 3 / 1024}
        costly = {"fixed": 30.0, "per_query": 1 / 1024}
        worse = {"fixed": 30.0, "per_query": 5 / 1024}
        same = {"fixed": 0.0, "per_query": 1 / 1024}
        return [
            (cheap, costly),
            (costly, cheap),
            (cheap, worse),
            (worse, cheap),
            (cheap, cheap),
            (cheap, same),
            (costly, same),
            (same, cheap),
        ]

    @staticmethod
    def right(a, b):
        n = meeting(a, b)
        return n if n is not None and n > 0 else None

    @staticmethod
    @wrong(
        "The number is below zero for some bills. Nobody has fewer than no queries: there one is"
        " always costlier, and the answer is None."
    )
    def negative(a, b):
        n = meeting(a, b)
        return None if n is None or n == 0 else n

    @staticmethod
    @wrong(
        "You count zero queries as a meeting. Two bills that are equal before the first query and"
        " never again do not change places."
    )
    def zero(a, b):
        n = meeting(a, b)
        return None if n is None or n < 0 else abs(n)

    @staticmethod
    @wrong("You take a bill's price of a query for a day's. A month has thirty days of queries.")
    def by_the_month(a, b):
        n = meeting(a, b, days=1)
        return n if n is not None and n > 0 else None

    @staticmethod
    @wrong(
        "You drop the sign. Where one bill is costlier from the first query on, the lines meet on"
        " the side where nobody is."
    )
    def absolute(a, b):
        n = meeting(a, b)
        return abs(n) if n else None

    @staticmethod
    @wrong("You round to whole queries. Asked for is where the two are equal.")
    def rounded(a, b):
        n = break_even.right(a, b)
        return None if n is None else float(math.ceil(n))

    @staticmethod
    @wrong("Two bills that rise alike never meet: that is None, and not infinity.")
    def infinity(a, b):
        return math.inf if meeting(a, b) is None else break_even.right(a, b)
