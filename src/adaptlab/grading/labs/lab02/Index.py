"""Lab 02, Index: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.probes.lab02 import index_story


class Kept:
    """An index as a dictionary; what the misconceptions change are its methods."""

    def __init__(self):
        self.vectors = {}

    def kept(self, vector):
        return vector / np.linalg.norm(vector)

    def score(self, query, vector):
        return query @ vector / np.linalg.norm(query)

    def order(self, hit):
        return -hit[1], hit[0]

    def put(self, ids, vectors):
        self.vectors.update((i, self.kept(vector)) for i, vector in zip(ids, vectors))

    def check(self, ids):
        if not self.vectors.keys() >= set(ids):
            raise KeyError(ids)

    def delete(self, ids):
        self.check(ids)
        for i in ids:
            del self.vectors[i]

    def search(self, query, k):
        found = [
            (i, round(float(self.score(query, vector)), 6)) for i, vector in self.vectors.items()
        ]
        return sorted(found, key=self.order)[:k]


class Index(Exercise):
    """Vectors under ids, searched by cosine; ids can be replaced and deleted."""

    probe = index_story
    right = Kept
    # Cosines are rounded to six decimals, and two ways of computing one may round to neighbours.
    atol = 3e-6

    @staticmethod
    def draw(rng):
        d = int(rng.integers(3, 6))
        n = int(rng.integers(5, 9))

        def vectors(m):
            made = rng.integers(-4, 5, size=(m, d)).astype(float)
            made[:, 0] += 0.5  # never of length 0
            return made

        ids = [int(i) for i in rng.choice(np.arange(3, 60), size=n + 2, replace=False)]
        first = vectors(n)
        double = int(rng.integers(0, n - 1))
        first[n - 1] = 2 * first[double]  # a tie, of vectors of different lengths
        kept = ids[2:n]
        gone = ids[:2]
        steps = [
            ("put", ids[:n], first),
            ("search", vectors(1)[0], 3),
            ("search", 3 * first[double], n),
        ]
        steps += [
            ("put", ids[n - 2 : n + 2], vectors(4)),
            ("search", vectors(1)[0], n + 9),
            ("delete", [ids[1], 77]),
            ("search", vectors(1)[0], n + 2),
        ]
        steps += [
            ("delete", gone),
            ("search", vectors(1)[0], n),
            ("put", gone[::-1], vectors(2)),
            ("search", vectors(1)[0], 1),
            ("delete", kept),
        ]
        return ([*steps, ("search", vectors(1)[0], n)],)

    @staticmethod
    def edges():
        one = np.array([[0.0, 2.0, 0.0]])
        same = np.array([[1.0, 1, 0], [3.0, 3, 0], [2.0, 2, 0]])
        query = np.array([1.0, 2.0, 0.5])
        return [
            ([("put", [9, 4, 7], same), ("search", query, 2), ("search", query, 3)],),
            (
                [
                    ("search", query, 2),
                    ("put", [5], one),
                    ("search", query, 4),
                    ("delete", [5]),
                    ("search", query, 1),
                    ("delete", [5]),
                ],
            ),
            ([("put", [], np.zeros((0, 3))), ("search", query, 1), ("delete", [])],),
        ]

    @wrong(
        "Your scores are products of vectors as they came, so a long vector wins. A cosine divides"
        " by both lengths."
    )
    class unscaled(Kept):
        def kept(self, vector):
            return vector

        def score(self, query, vector):
            return query @ vector

    @wrong(
        "You divide the stored vectors by their lengths, but not the query. The order is right"
        " then; the cosines are not."
    )
    class raw_query(Kept):
        def score(self, query, vector):
            return query @ vector

    @wrong("You divide the query by its length, but not the stored vectors, so a long one wins.")
    class raw_vectors(Kept):
        def kept(self, vector):
            return vector

    @wrong(
        "You score by distance. Then the nearest has the lowest number; here it is the cosine that"
        " is asked for, and the highest comes first."
    )
    class by_distance(Kept):
        def score(self, query, vector):
            return np.linalg.norm(query / np.linalg.norm(query) - vector)

        def order(self, hit):
            return hit[1], hit[0]

    @wrong("The lowest cosines come first: sorted begins with the smallest.")
    class worst_first(Kept):
        def order(self, hit):
            return hit[1], hit[0]

    @wrong(
        "Of equal cosines the larger id comes first. It is the smaller: reversing the whole order"
        " turns the ties as well."
    )
    class ties_reversed(Kept):
        def order(self, hit):
            return -hit[1], -hit[0]

    @wrong(
        "Equal cosines stay in the order in which they were put in. The smaller id comes first, so"
        " that the result does not hang on history."
    )
    class ties_as_put(Kept):
        def order(self, hit):
            return -hit[1]

    @wrong(
        "An id that is not there is passed over in silence. It is a KeyError: whoever deletes it"
        " believes that it was there."
    )
    class silent(Kept):
        def check(self, ids):
            pass

        def delete(self, ids):
            for i in ids:
                self.vectors.pop(i, None)

    @wrong(
        "A delete that fails leaves a part undone: some ids are gone, though it was a KeyError."
        " Look at all of them before you delete one."
    )
    class half_deleted(Kept):
        def check(self, ids):
            pass

    @wrong("You give positions. The first of a pair is the id under which the vector was put.")
    class positions(Kept):
        def search(self, query, k):
            places = {i: place for place, i in enumerate(self.vectors)}
            return [(places[i], score) for i, score in super().search(query, k)]

    @wrong("You always give all of them, or one too many: at most k are asked for.")
    class all_of_them(Kept):
        def search(self, query, k):
            return super().search(query, len(self.vectors))
