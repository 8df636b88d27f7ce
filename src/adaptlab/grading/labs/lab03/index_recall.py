"""Lab 03, index_recall: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab03.common import average, permuted


def recalls(exact, found, k, accepted=None, whole=None, places: int | None = -1) -> list[float]:
    """The recall of each query; `accepted(known, m)` are the ids that count, `whole(known, given)`
    is what their number is divided by.

    `places`: how many of the list are looked at, k unless told.
    """
    out = []
    places = k if places == -1 else places
    for known, given in zip(exact, found):
        m = min(k, len(known))
        ids = (
            accepted(known, m)
            if accepted
            else {document for document, score in known if score >= known[m - 1][1]}
        )
        out.append(len(ids.intersection(given[:places])) / (whole(known, given) if whole else m))
    return out


class index_recall(Exercise):
    """The mean share of the k exact neighbours, or others as near, that an approximate
    index gave.
    """

    n_draws = 30

    @staticmethod
    def draw(rng):
        n = int(rng.integers(4, 9))
        n_queries = int(rng.integers(1, 4))
        k = int(rng.choice([2, 3, 4, 5, 10]))
        exact = []
        found = []
        for _ in range(n_queries):
            scores = -np.sort(-rng.integers(0, 8, size=n) / 8)
            known = [
                [document, float(score)]
                for document, score in zip(permuted(rng, np.arange(5, 40), n), scores)
            ]
            exact.append(known)
            ids = permuted(rng, [i for i, _ in known[: max(k, 3)]], min(k, n) + 1) + [-1] * int(
                rng.integers(0, 3)
            )
            rest = [i for i, _ in known if i not in ids]
            found.append(
                ids[:1] + permuted(rng, ids[1:], len(ids)) + rest[: int(rng.integers(0, 3))]
            )
        return exact, found, k

    @staticmethod
    def edges():
        known = [[8, 0.9], [3, 0.7], [5, 0.5], [6, 0.5], [2, 0.1]]
        return [
            ([known], [[3, 8, 6]], 3),
            ([known], [[8, 2, 3, 5, 6]], 2),
            ([known], [[6, 5, -1, -1]], 4),
            ([known], [[2, 8, 3, 6, 5, -1, -1, -1]], 8),
            ([known], [[]], 1),
            ([known, known], [[8], [-1]], 1),
            ([[[4, 0.2]]], [[4, -1]], 2),
            ([[[1, 0.5], [2, 0.5], [3, 0.5]]], [[3]], 1),
        ]

    @staticmethod
    def right(exact, found, k):
        return average(recalls(exact, found, k))

    @staticmethod
    @wrong(
        "An id that is as near as the k-th, but was not among the first k of the exact list, is"
        " wrong for you. Which of equals stand there is chance."
    )
    def ties_refused(exact, found, k):
        return average(
            recalls(
                exact, found, k, accepted=lambda known, m: {document for document, _ in known[:m]}
            )
        )

    @staticmethod
    @wrong("You compare place by place. Recall asks what was found, not in which order.")
    def place_by_place(exact, found, k):
        return average(
            [
                sum(a == b for (a, _), b in zip(known[:k], given[:k])) / min(k, len(known))
                for known, given in zip(exact, found)
            ]
        )

    @staticmethod
    @wrong(
        "You divide by what was found. That is precision: an index that gives one right id and"
        " stops would be perfect."
    )
    def precision(exact, found, k):
        return average(
            recalls(
                exact, found, k, whole=lambda known, given: max(sum(i != -1 for i in given[:k]), 1)
            )
        )

    @staticmethod
    @wrong("You look at all that the index gave. Only its first k places count.")
    def beyond_k(exact, found, k):
        return average(recalls(exact, found, k, places=None))

    @staticmethod
    @wrong(
        "Every id of the collection is right for you. Only the k nearest are, and those as near as"
        " the k-th."
    )
    def whole_collection(exact, found, k):
        return average(
            recalls(exact, found, k, accepted=lambda known, m: {document for document, _ in known})
        )

    @staticmethod
    @wrong(
        "You divide by k even where the collection is smaller. More than all there are cannot be"
        " found."
    )
    def always_k(exact, found, k):
        return average(recalls(exact, found, k, whole=lambda known, given: k))

    @staticmethod
    @wrong("You ask whether any of the k was found. Recall is the share of them.")
    def any_hit(exact, found, k):
        return average([float(value > 0) for value in recalls(exact, found, k)])

    @staticmethod
    @wrong("You ask whether the very nearest was found. Recall@k is the share of the k nearest.")
    def nearest_alone(exact, found, k):
        return average([float(known[0][0] in given[:k]) for known, given in zip(exact, found)])

    @staticmethod
    @wrong(
        "The places with -1 are passed over and later ids move up. They are places that the index"
        " wasted, and count among the first k."
    )
    def padding_dropped(exact, found, k):
        return average(recalls(exact, [[i for i in given if i != -1] for given in found], k))

    @staticmethod
    @wrong("That is the sum over the queries. The result is their mean.")
    def summed(exact, found, k):
        return sum(recalls(exact, found, k))
