"""Lab 03, fuse_rankings: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab03.common import permuted


def ordered(scores: dict[int, float], tie=lambda document: document) -> list[tuple[int, float]]:
    return sorted(
        ((document, round(score, 9)) for document, score in scores.items()),
        key=lambda pair: (-pair[1], tie(pair[0])),
    )


def reciprocal(
    rankings, weights, constant, cut, first: int = 1, value=None, combine=sum
) -> dict[int, float]:
    """Scores by reciprocal ranks; the misconceptions count ranks from elsewhere, give another value
    to a rank, or combine otherwise.
    """
    worth = value or (lambda weight, rank: weight / (constant + rank))
    parts: dict[int, list[float]] = {}
    for ranking, weight in zip(rankings, weights):
        for rank, document in enumerate(ranking[:cut], first):
            parts.setdefault(document, []).append(worth(weight, rank))
    return {document: combine(values) for document, values in parts.items()}


class fuse_rankings(Exercise):
    """Σ weight / (constant + rank) over the first places of each ranking."""

    # Scores are rounded to nine decimals, and two ways of adding may round to neighbours; the
    # smallest wrong step is some 1e-5.
    rtol = 1e-7
    atol = 2e-9

    @staticmethod
    def draw(rng):
        ids = rng.choice(np.arange(2, 40), size=9, replace=False)
        rankings = [
            permuted(rng, ids[: rng.integers(5, 10)], int(size))
            for size in rng.choice([3, 4, 5, 6, 7], size=rng.integers(2, 4), replace=False)
        ]
        weights = [float(w) for w in rng.choice([0.5, 1.0, 1.0, 2.0, 3.0], size=len(rankings))]
        return rankings, weights, int(rng.choice([2, 10, 60])), int(rng.integers(2, 7))

    @staticmethod
    def edges():
        return [
            ([[4, 7, 9], [5, 7]], [1, 1], 60, 10),
            ([[4, 7, 9], [7, 4]], [1, 1], 60, 10),
            ([[9, 3], [3, 9], [8]], [2, 2, 1], 1, 2),
            ([[5, 6, 7], []], [3, 1], 60, 1),
            ([], [], 60, 5),
            ([[]], [1], 60, 5),
            ([[30, 20, 10, 2], [6, 4, 2]], [0.5, 2], 10, 3),
        ]

    @staticmethod
    def right(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut))

    @staticmethod
    @wrong("Your ranks begin at 0. The first document has rank 1.")
    def from_zero(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut, first=0))

    @staticmethod
    @wrong("The weights are not used: every ranking counts alike.")
    def unweighted(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, [1] * len(rankings), constant, cut))

    @staticmethod
    @wrong(
        "You normalised the weights to a sum of one. They are used as they come; the order is the"
        " same then, the scores are not."
    )
    def normalised(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, [w / sum(weights) for w in weights], constant, cut))

    @staticmethod
    @wrong(
        "The rankings are not cut: what stands behind the first `cut` places of a ranking gets"
        " nothing from it."
    )
    def uncut(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, None))

    @staticmethod
    @wrong(
        "You cut the fused list. Each ranking is cut before its places are counted; the result"
        " holds every document that is left then."
    )
    def cut_at_the_end(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, None))[:cut]

    @staticmethod
    @wrong(
        "You take the mean over the rankings that hold a document. Then one that a single ranking"
        " likes beats one that all of them like; take the sum."
    )
    def mean(rankings, weights, constant, cut):
        return ordered(
            reciprocal(
                rankings, weights, constant, cut, combine=lambda values: sum(values) / len(values)
            )
        )

    @staticmethod
    @wrong(
        "You keep the best part of a document's score, or the last one that you came by. The parts"
        " are added."
    )
    def best_part(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut, combine=max))

    @staticmethod
    @wrong(
        "The constant is missing. It keeps the first places from counting so much more than the"
        " next."
    )
    def no_constant(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, 0, cut))

    @staticmethod
    @wrong(
        "Your weight multiplies the rank, or the whole denominator. It multiplies the fraction: a"
        " ranking that is trusted more has to count more."
    )
    def weight_below(rankings, weights, constant, cut):
        return ordered(
            reciprocal(
                rankings,
                weights,
                constant,
                cut,
                value=lambda weight, rank: 1 / (weight * (constant + rank)),
            )
        )

    @staticmethod
    @wrong(
        "A document that a ranking does not hold gets a part for the place behind its last. It gets"
        " nothing from that ranking."
    )
    def place_behind(rankings, weights, constant, cut):
        met = dict.fromkeys(document for ranking in rankings for document in ranking[:cut])
        scores = dict.fromkeys(met, 0.0)
        for ranking, weight in zip(rankings, weights):
            kept = ranking[:cut]
            for document in met:
                rank = kept.index(document) + 1 if document in kept else len(kept) + 1
                scores[document] += weight / (constant + rank)
        return ordered(scores)

    @staticmethod
    @wrong(
        "Equal scores stay as you met them. The smaller id comes first, so that the order of the"
        " rankings decides nothing."
    )
    def ties_as_met(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut), tie=lambda document: 0)

    @staticmethod
    @wrong("The lowest score comes first: sorted begins with the smallest.")
    def worst_first(rankings, weights, constant, cut):
        return sorted(
            fuse_rankings.right(rankings, weights, constant, cut),
            key=lambda pair: (pair[1], pair[0]),
        )
