"""Lab 03, graded_ndcg: what is right, and what wrong answers believe."""

import math

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab03.common import permuted


def gain(grade: int) -> int:
    return 2**grade - 1


def dcg(found, k, gain=gain, discount=lambda rank: math.log2(rank + 1)) -> float:
    """The discounted sum of the gains of a list of grades."""
    return sum(gain(grade) / discount(rank) for rank, grade in enumerate(found[:k], 1))


def grades_of(ranking, grades, condensed) -> list[int]:
    return [grades.get(document, 0) for document in ranking if document in grades or not condensed]


def normalised_dcg(ranking, grades, k, condensed, best=None, found=None, **options) -> float:
    """nDCG; the misconceptions have another ideal list of grades, other grades found, or another
    gain or discount.
    """
    mine = grades_of(ranking, grades, condensed) if found is None else found
    most = dcg(sorted(grades.values() if best is None else best, reverse=True), k, **options)
    return dcg(mine, k, **options) / most if most else 0.0


class graded_ndcg(Exercise):
    """nDCG@k by the gain 2^grade - 1, with documents that nobody judged left out or left in."""

    n_draws = 30

    @staticmethod
    def draw(rng):
        ids = permuted(rng, np.arange(1, 60), 16)
        judged = ids[: int(rng.integers(5, 10))]
        grades = {i: int(rng.choice([0, 1, 1, 2, 3])) for i in judged}
        ranking = permuted(rng, [*judged[1:], *ids[10:14]], int(rng.integers(4, 10)))
        return ranking, grades, int(rng.integers(2, 7)), bool(rng.random() < 0.5)

    @staticmethod
    def edges():
        grades = {4: 3, 5: 1, 6: 0, 7: 2, 8: 1}
        return [
            ([9, 4, 6, 5], grades, 3, False),
            ([9, 4, 6, 5], grades, 3, True),
            ([7], grades, 1, True),
            ([4, 7, 5, 8, 6], grades, 10, False),
            ([], grades, 4, True),
            ([1, 2], {}, 2, False),
            ([1, 2], {1: 0, 3: 0}, 2, True),
            ([1, 2, 3, 4], {4: 1, 9: 3}, 3, True),
        ]

    @staticmethod
    def right(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed)

    @staticmethod
    @wrong(
        "You take the grade itself for the gain. It is 2 to the power of the grade, minus 1, so"
        " that one excellent document outweighs two fair ones."
    )
    def linear_gain(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, gain=lambda grade: grade)

    @staticmethod
    @wrong(
        "Your gain is 2 to the power of the grade. Then a worthless document is worth 1:"
        " subtract it."
    )
    def one_too_much(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, gain=lambda grade: 2**grade)

    @staticmethod
    @wrong(
        "Every document with a grade above 0 counts alike for you. Grades are there to tell fair"
        " from excellent."
    )
    def right_or_wrong(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, gain=lambda grade: int(grade > 0))

    @staticmethod
    @wrong(
        "You compare with the best order of what was found. Then a search that misses the best"
        " document is not blamed: take all that were judged."
    )
    def best_of_found(ranking, grades, k, condensed):
        found = grades_of(ranking, grades, condensed)
        return normalised_dcg(ranking, grades, k, condensed, best=found)

    @staticmethod
    @wrong(
        "The greatest DCG is not cut at k: no ranking can have more than k documents in k ranks."
    )
    def ideal_uncut(ranking, grades, k, condensed):
        most = dcg(sorted(grades.values(), reverse=True), None)
        return dcg(grades_of(ranking, grades, condensed), k) / most if most else 0.0

    @staticmethod
    @wrong("The ranking is not cut at k.")
    def ranking_uncut(ranking, grades, k, condensed):
        most = dcg(sorted(grades.values(), reverse=True), k)
        return dcg(grades_of(ranking, grades, condensed), None) / most if most else 0.0

    @staticmethod
    @wrong(
        "Your discount is off by one rank. The first is divided by log2(2) = 1, the second by"
        " log2(3)."
    )
    def off_by_one(ranking, grades, k, condensed):
        return normalised_dcg(
            ranking, grades, k, condensed, discount=lambda rank: math.log2(rank + 2)
        )

    @staticmethod
    @wrong(
        "Your discount is log2(rank), and 1 at the first rank: an older form, in which the second"
        " rank costs nothing. Here it is log2(rank + 1)."
    )
    def older_discount(ranking, grades, k, condensed):
        return normalised_dcg(
            ranking, grades, k, condensed, discount=lambda rank: max(1, math.log2(rank))
        )

    @staticmethod
    @wrong("You divide by the rank. That falls much faster than log2(rank + 1).")
    def by_rank(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, discount=lambda rank: rank)

    @staticmethod
    @wrong("There is no discount: a document at rank k counts as much as at rank 1.")
    def no_discount(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, discount=lambda rank: 1)

    @staticmethod
    @wrong("That is the DCG. Divide it by the greatest that is possible.")
    def not_normalised(ranking, grades, k, condensed):
        return dcg(grades_of(ranking, grades, condensed), k)

    @staticmethod
    @wrong(
        "You cut the ranking at k and then take out what nobody judged. It is taken out first, and"
        " others move up into the first k."
    )
    def cut_first(ranking, grades, k, condensed):
        return normalised_dcg(ranking[:k], grades, k, condensed)

    @staticmethod
    @wrong(
        "Documents without a grade always count as worthless for you. With condensed=True they are"
        " taken out, and those behind them move up."
    )
    def never_condensed(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, False)

    @staticmethod
    @wrong(
        "Documents without a grade are always taken out by you. With condensed=False they stay, and"
        " take up a rank."
    )
    def always_condensed(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, True)

    @staticmethod
    @wrong(
        "Where no document has a grade above 0 your result is 1. Nothing could be found, and the"
        " contract says 0.0."
    )
    def nothing_to_find(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed) if any(grades.values()) else 1.0
