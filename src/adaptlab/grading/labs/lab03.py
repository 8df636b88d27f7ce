"""Lab 03: rankings fused, graded, compared and spread; what an approximate index misses, and how deep a reranker should look."""

import math

import numpy as np

from adaptlab.grading.exercise import Exercise, Parsons, wrong


def permuted(rng: np.random.Generator, ids, size: int) -> list[int]:
    """Some of the ids in a random order."""
    return [int(i) for i in rng.permutation(ids)[:size]]


def ordered(scores: dict[int, float], tie=lambda document: document) -> list[tuple[int, float]]:
    return sorted(((document, round(score, 9)) for document, score in scores.items()), key=lambda pair: (-pair[1], tie(pair[0])))


def reciprocal(rankings, weights, constant, cut, first: int = 1, value=None, combine=sum) -> dict[int, float]:
    """Scores by reciprocal ranks; the misconceptions count ranks from elsewhere, give another value to a rank, or combine otherwise."""
    worth = value or (lambda weight, rank: weight / (constant + rank))
    parts: dict[int, list[float]] = {}
    for ranking, weight in zip(rankings, weights):
        for rank, document in enumerate(ranking[:cut], first):
            parts.setdefault(document, []).append(worth(weight, rank))
    return {document: combine(values) for document, values in parts.items()}


class fuse_rankings(Exercise):
    """Σ weight / (constant + rank) over the first places of each ranking."""

    # Scores are rounded to nine decimals, and two ways of adding may round to neighbours; the smallest wrong step is some 1e-5.
    rtol, atol = 1e-7, 2e-9

    def draw(rng):
        ids = rng.choice(np.arange(2, 40), size=9, replace=False)
        rankings = [permuted(rng, ids[: rng.integers(5, 10)], int(size)) for size in rng.choice([3, 4, 5, 6, 7], size=rng.integers(2, 4), replace=False)]
        weights = [float(w) for w in rng.choice([0.5, 1.0, 1.0, 2.0, 3.0], size=len(rankings))]
        return rankings, weights, int(rng.choice([2, 10, 60])), int(rng.integers(2, 7))

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

    def right(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut))

    @wrong("Your ranks begin at 0. The first document has rank 1.")
    def from_zero(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut, first=0))

    @wrong("The weights are not used: every ranking counts alike.")
    def unweighted(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, [1] * len(rankings), constant, cut))

    @wrong("You normalised the weights to a sum of one. They are used as they come; the order is the same then, the scores are not.")
    def normalised(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, [w / sum(weights) for w in weights], constant, cut))

    @wrong("The rankings are not cut: what stands behind the first `cut` places of a ranking gets nothing from it.")
    def uncut(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, None))

    @wrong("You cut the fused list. Each ranking is cut before its places are counted; the result holds every document that is left then.")
    def cut_at_the_end(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, None))[:cut]

    @wrong("You take the mean over the rankings that hold a document. Then one that a single ranking likes beats one that all of them like; take the sum.")
    def mean(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut, combine=lambda values: sum(values) / len(values)))

    @wrong("You keep the best part of a document's score, or the last one that you came by. The parts are added.")
    def best_part(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut, combine=max))

    @wrong("The constant is missing. It keeps the first places from counting so much more than the next.")
    def no_constant(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, 0, cut))

    @wrong("Your weight multiplies the rank, or the whole denominator. It multiplies the fraction: a ranking that is trusted more has to count more.")
    def weight_below(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut, value=lambda weight, rank: 1 / (weight * (constant + rank))))

    @wrong("A document that a ranking does not hold gets a part for the place behind its last. It gets nothing from that ranking.")
    def place_behind(rankings, weights, constant, cut):
        met = dict.fromkeys(document for ranking in rankings for document in ranking[:cut])
        scores = dict.fromkeys(met, 0.0)
        for ranking, weight in zip(rankings, weights):
            kept = ranking[:cut]
            for document in met:
                rank = kept.index(document) + 1 if document in kept else len(kept) + 1
                scores[document] += weight / (constant + rank)
        return ordered(scores)

    @wrong("Equal scores stay as you met them. The smaller id comes first, so that the order of the rankings decides nothing.")
    def ties_as_met(rankings, weights, constant, cut):
        return ordered(reciprocal(rankings, weights, constant, cut), tie=lambda document: 0)

    @wrong("The lowest score comes first: sorted begins with the smallest.")
    def worst_first(rankings, weights, constant, cut):
        return sorted(fuse_rankings.right(rankings, weights, constant, cut), key=lambda pair: (pair[1], pair[0]))


def gain(grade: int) -> int:
    return 2**grade - 1


def dcg(found, k, gain=gain, discount=lambda rank: math.log2(rank + 1)) -> float:
    """The discounted sum of the gains of a list of grades."""
    return sum(gain(grade) / discount(rank) for rank, grade in enumerate(found[:k], 1))


def grades_of(ranking, grades, condensed) -> list[int]:
    return [grades.get(document, 0) for document in ranking if document in grades or not condensed]


def normalised_dcg(ranking, grades, k, condensed, best=None, found=None, **options) -> float:
    """nDCG; the misconceptions have another ideal list of grades, other grades found, or another gain or discount."""
    mine = grades_of(ranking, grades, condensed) if found is None else found
    most = dcg(sorted(grades.values() if best is None else best, reverse=True), k, **options)
    return dcg(mine, k, **options) / most if most else 0.0


class graded_ndcg(Exercise):
    """nDCG@k by the gain 2^grade - 1, with documents that nobody judged left out or left in."""

    n_draws = 30

    def draw(rng):
        ids = permuted(rng, np.arange(1, 60), 16)
        judged = ids[: int(rng.integers(5, 10))]
        grades = {i: int(rng.choice([0, 1, 1, 2, 3])) for i in judged}
        ranking = permuted(rng, [*judged[1:], *ids[10:14]], int(rng.integers(4, 10)))
        return ranking, grades, int(rng.integers(2, 7)), bool(rng.random() < 0.5)

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

    def right(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed)

    @wrong("You take the grade itself for the gain. It is 2 to the power of the grade, minus 1, so that one excellent document outweighs two fair ones.")
    def linear_gain(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, gain=lambda grade: grade)

    @wrong("Your gain is 2 to the power of the grade. Then a worthless document is worth 1: subtract it.")
    def one_too_much(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, gain=lambda grade: 2**grade)

    @wrong("Every document with a grade above 0 counts alike for you. Grades are there to tell fair from excellent.")
    def right_or_wrong(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, gain=lambda grade: int(grade > 0))

    @wrong("You compare with the best order of what was found. Then a search that misses the best document is not blamed: take all that were judged.")
    def best_of_found(ranking, grades, k, condensed):
        found = grades_of(ranking, grades, condensed)
        return normalised_dcg(ranking, grades, k, condensed, best=found)

    @wrong("The greatest DCG is not cut at k: no ranking can have more than k documents in k ranks.")
    def ideal_uncut(ranking, grades, k, condensed):
        most = dcg(sorted(grades.values(), reverse=True), None)
        return dcg(grades_of(ranking, grades, condensed), k) / most if most else 0.0

    @wrong("The ranking is not cut at k.")
    def ranking_uncut(ranking, grades, k, condensed):
        most = dcg(sorted(grades.values(), reverse=True), k)
        return dcg(grades_of(ranking, grades, condensed), None) / most if most else 0.0

    @wrong("Your discount is off by one rank. The first is divided by log2(2) = 1, the second by log2(3).")
    def off_by_one(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, discount=lambda rank: math.log2(rank + 2))

    @wrong("Your discount is log2(rank), and 1 at the first rank: an older form, in which the second rank costs nothing. Here it is log2(rank + 1).")
    def older_discount(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, discount=lambda rank: max(1, math.log2(rank)))

    @wrong("You divide by the rank. That falls much faster than log2(rank + 1).")
    def by_rank(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, discount=lambda rank: rank)

    @wrong("There is no discount: a document at rank k counts as much as at rank 1.")
    def no_discount(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed, discount=lambda rank: 1)

    @wrong("That is the DCG. Divide it by the greatest that is possible.")
    def not_normalised(ranking, grades, k, condensed):
        return dcg(grades_of(ranking, grades, condensed), k)

    @wrong("You cut the ranking at k and then take out what nobody judged. It is taken out first, and others move up into the first k.")
    def cut_first(ranking, grades, k, condensed):
        return normalised_dcg(ranking[:k], grades, k, condensed)

    @wrong("Documents without a grade always count as worthless for you. With condensed=True they are taken out, and those behind them move up.")
    def never_condensed(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, False)

    @wrong("Documents without a grade are always taken out by you. With condensed=False they stay, and take up a rank.")
    def always_condensed(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, True)

    @wrong("Where no document has a grade above 0 your result is 1. Nothing could be found, and the contract says 0.0.")
    def nothing_to_find(ranking, grades, k, condensed):
        return normalised_dcg(ranking, grades, k, condensed) if any(grades.values()) else 1.0


def recalls(exact, found, k, accepted=None, whole=None, places: int | None = -1) -> list[float]:
    """The recall of each query; `accepted(known, m)` are the ids that count, `whole(known, given)` is what their number is divided by.

    `places`: how many of the list are looked at, k unless told.
    """
    out, places = [], k if places == -1 else places
    for known, given in zip(exact, found):
        m = min(k, len(known))
        ids = accepted(known, m) if accepted else {document for document, score in known if score >= known[m - 1][1]}
        out.append(len(ids.intersection(given[:places])) / (whole(known, given) if whole else m))
    return out


def average(values) -> float:
    return sum(values) / len(values)


class index_recall(Exercise):
    """The mean share of the k exact neighbours, or others as near, that an approximate index gave."""

    n_draws = 30

    def draw(rng):
        n, n_queries, k = int(rng.integers(4, 9)), int(rng.integers(1, 4)), int(rng.choice([2, 3, 4, 5, 10]))
        exact, found = [], []
        for _ in range(n_queries):
            scores = -np.sort(-rng.integers(0, 8, size=n) / 8)
            known = [[document, float(score)] for document, score in zip(permuted(rng, np.arange(5, 40), n), scores)]
            exact.append(known)
            ids = permuted(rng, [i for i, _ in known[: max(k, 3)]], min(k, n) + 1) + [-1] * int(rng.integers(0, 3))
            rest = [i for i, _ in known if i not in ids]
            found.append(ids[:1] + permuted(rng, ids[1:], len(ids)) + rest[: int(rng.integers(0, 3))])
        return exact, found, k

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

    def right(exact, found, k):
        return average(recalls(exact, found, k))

    @wrong("An id that is as near as the k-th, but was not among the first k of the exact list, is wrong for you. Which of equals stand there is chance.")
    def ties_refused(exact, found, k):
        return average(recalls(exact, found, k, accepted=lambda known, m: {document for document, _ in known[:m]}))

    @wrong("You compare place by place. Recall asks what was found, not in which order.")
    def place_by_place(exact, found, k):
        return average([sum(a == b for (a, _), b in zip(known[:k], given[:k])) / min(k, len(known)) for known, given in zip(exact, found)])

    @wrong("You divide by what was found. That is precision: an index that gives one right id and stops would be perfect.")
    def precision(exact, found, k):
        return average(recalls(exact, found, k, whole=lambda known, given: max(sum(i != -1 for i in given[:k]), 1)))

    @wrong("You look at all that the index gave. Only its first k places count.")
    def beyond_k(exact, found, k):
        return average(recalls(exact, found, k, places=None))

    @wrong("Every id of the collection is right for you. Only the k nearest are, and those as near as the k-th.")
    def whole_collection(exact, found, k):
        return average(recalls(exact, found, k, accepted=lambda known, m: {document for document, _ in known}))

    @wrong("You divide by k even where the collection is smaller. More than all there are cannot be found.")
    def always_k(exact, found, k):
        return average(recalls(exact, found, k, whole=lambda known, given: k))

    @wrong("You ask whether any of the k was found. Recall is the share of them.")
    def any_hit(exact, found, k):
        return average([float(value > 0) for value in recalls(exact, found, k)])

    @wrong("You ask whether the very nearest was found. Recall@k is the share of the k nearest.")
    def nearest_alone(exact, found, k):
        return average([float(known[0][0] in given[:k]) for known, given in zip(exact, found)])

    @wrong("The places with -1 are passed over and later ids move up. They are places that the index wasted, and count among the first k.")
    def padding_dropped(exact, found, k):
        return average(recalls(exact, [[i for i in given if i != -1] for given in found], k))

    @wrong("That is the sum over the queries. The result is their mean.")
    def summed(exact, found, k):
        return sum(recalls(exact, found, k))


def batches(depth: int, batch_size: int) -> int:
    return math.ceil(depth / batch_size)


def affordable(qualities, first_ms, batch_size, batch_ms, budget_ms, n_batches=batches) -> list[int]:
    return sorted(depth for depth in qualities if first_ms + n_batches(depth, batch_size) * batch_ms <= budget_ms)


def bargain(qualities, depths, tolerance, best=None):
    """The smallest of these depths that is good enough; None of none."""
    bound = max((qualities[depth] for depth in depths), default=0) if best is None else best
    return min((depth for depth in depths if qualities[depth] >= bound - tolerance), default=None)


class rerank_depth(Exercise):
    """The smallest affordable depth that is nearly as good as the best affordable one."""

    n_draws = 60

    def draw(rng):
        depths = [0, *(int(d) for d in np.sort(rng.choice([3, 5, 8, 10, 16, 20, 30, 50], size=rng.integers(3, 6), replace=False)))]
        depths = depths[1:] if rng.random() < 0.2 else depths
        rise = np.cumsum(rng.choice([-2, 0, 1, 2, 5, 7], size=len(depths)))
        qualities = {depth: float(30 + up) / 64 for depth, up in zip(depths, rise)}
        shuffled = {depth: qualities[depth] for depth in permuted(rng, depths, len(depths))}
        first, size, each = int(rng.integers(2, 30)), int(rng.choice([1, 4, 8])), int(rng.integers(3, 20))
        budget = first + each * batches(int(rng.choice(depths)), size) + int(rng.choice([0, 0, 1, each - 1, -1]))
        return shuffled, first, size, each, budget, float(rng.choice([0, 1, 2, 4])) / 64

    def edges():
        measured = {10: 0.75, 0: 0.5, 20: 0.8125, 5: 0.6875, 40: 0.875}
        return [
            (measured, 10, 8, 20, 70, 0.0625),
            (measured, 10, 8, 20, 69, 0.0625),
            (measured, 10, 8, 20, 70, 0.0),
            (measured, 10, 8, 20, 30, 0.0),
            (measured, 10, 1, 20, 10, 0.25),
            (measured, 10, 1, 20, 9, 0.25),
            (measured, 10, 64, 20, 1000, 0.5),
            ({0: 0.75, 10: 0.5}, 5, 4, 3, 100, 0.0),
            ({10: 0.5}, 5, 4, 3, 13, 0.5),
        ]

    def right(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms), tolerance)

    @wrong("You take the greatest depth that can be paid. More is not always better, and nearly as good for less is what is asked for.")
    def deepest(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return max(affordable(qualities, first_ms, batch_size, batch_ms, budget_ms), default=None)

    @wrong("The budget is not kept: an answer that is better and comes too late is not affordable.")
    def no_budget(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, list(qualities), tolerance)

    @wrong("You compare with the best quality of all depths. If that one cannot be paid, nothing may come near it: take the best of the affordable.")
    def best_of_all(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        depths = affordable(qualities, first_ms, batch_size, batch_ms, budget_ms)
        return bargain(qualities, depths, tolerance, best=max(qualities.values()))

    @wrong("You take a part of a batch for a part of its time. A batch that is not full takes as long as a full one: round up.")
    def parts_of_batches(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms, lambda depth, size: depth / size), tolerance)

    @wrong("You round batches down, and the last hits are read in no time. Round up.")
    def rounded_down(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms, lambda depth, size: depth // size), tolerance)

    @wrong("You add a batch too many: a depth that fills its batches exactly needs no further one, and depth 0 none at all.")
    def one_batch_more(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms, lambda depth, size: depth // size + 1), tolerance)

    @wrong("You count batch_ms for every hit. It is the time of a whole batch.")
    def every_hit(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms, lambda depth, size: depth), tolerance)

    @wrong("The first stage takes its time, too, and comes off the budget first.")
    def first_stage_free(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, affordable(qualities, 0, batch_size, batch_ms, budget_ms), tolerance)

    @wrong("You take the best affordable depth and forget the tolerance: a smaller one that is nearly as good will do.")
    def no_tolerance(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms), 0)

    @wrong("You ask for more than the best minus the tolerance. Exactly that is enough.")
    def strictly_better(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        depths = affordable(qualities, first_ms, batch_size, batch_ms, budget_ms)
        best = max((qualities[depth] for depth in depths), default=0)
        return min((depth for depth in depths if qualities[depth] > best - tolerance or qualities[depth] == best), default=None)

    @wrong("You ask for less than the budget. Exactly the budget is allowed.")
    def strictly_within(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms - 0.5), tolerance)

    @wrong("You never leave the reranker out. Depth 0 is one of the choices, and it is the cheapest.")
    def never_without(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, [d for d in affordable(qualities, first_ms, batch_size, batch_ms, budget_ms) if d], tolerance)

    @wrong("You take the first depth that is good enough as the dict has them. They come in any order; the smallest is asked for.")
    def as_they_come(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        within = affordable(qualities, first_ms, batch_size, batch_ms, budget_ms)
        bound = max((qualities[depth] for depth in within), default=0) - tolerance
        return next((depth for depth in qualities if depth in within and qualities[depth] >= bound), None)


def bootstrap(new, old, resamples, drawn=None, percentiles=(2.5, 97.5)) -> dict[str, float]:
    """What `compare` returns; the misconceptions have other differences of the draws, or other percentiles."""
    gaps = np.asarray(new) - np.asarray(old)
    moved = gaps[resamples].mean(1) if drawn is None else drawn
    low, high = np.percentile(moved, percentiles)
    return {"difference": gaps.mean(), "low": low, "high": high, "not better": (moved <= 0).mean()}


class compare(Exercise):
    """The paired bootstrap of a difference of means, over draws that are given."""

    def draw(rng):
        n, n_draws = int(rng.integers(4, 11)), int(rng.integers(20, 40))
        old = rng.integers(0, 5, size=n) / 4
        new = np.clip(old + rng.choice([-0.25, 0.0, 0.25, 0.5], size=n), 0, 1)
        new[0], old[0] = (1.0, 0.75) if rng.random() < 0.5 else (0.5, 0.75)  # never the same everywhere
        return [float(x) for x in new], [float(x) for x in old], rng.integers(0, n, size=(n_draws, n))

    def edges():
        rng = np.random.default_rng(0)
        return [([1.0, 0.0, 0.5], [0.0, 1.0, 0.5], rng.integers(0, 3, size=(40, 3))), ([0.75], [0.5], np.zeros((6, 1), int)),
                ([0.5, 1.0], [0.5, 1.0], rng.integers(0, 2, size=(9, 2)))]  # fmt: skip

    def right(new, old, resamples):
        return bootstrap(new, old, resamples)

    @wrong("You draw other questions for the old system than for the new one. Then a hard question falls on one of them alone; both get the same draw.")
    def unpaired(new, old, resamples):
        return bootstrap(new, old, resamples, np.asarray(new)[resamples].mean(1) - np.asarray(old)[resamples[::-1]].mean(1))

    @wrong("You draw questions for the new system and compare with the old one's mean over all. Both are asked the drawn questions.")
    def old_fixed(new, old, resamples):
        return bootstrap(new, old, resamples, np.asarray(new)[resamples].mean(1) - np.mean(old))

    @wrong("Your interval is that of single questions. A draw is a whole set of n questions, and what moves is its mean.")
    def single_questions(new, old, resamples):
        return bootstrap(new, old, resamples, np.asarray(new) - np.asarray(old))

    @wrong("You take the mean over the draws for each place. Each row of `resamples` is a draw: one mean for each row.")
    def wrong_axis(new, old, resamples):
        return bootstrap(new, old, resamples, (np.asarray(new) - np.asarray(old))[resamples].mean(0))

    @wrong("Your interval holds 90 of 100 draws: from the 5th percentile to the 95th. It is the 2.5th and the 97.5th.")
    def ninety(new, old, resamples):
        return bootstrap(new, old, resamples, percentiles=(5, 95))

    @wrong("Your interval reaches from the lowest draw to the highest. It grows with the number of draws; take the percentiles.")
    def extremes(new, old, resamples):
        return bootstrap(new, old, resamples, percentiles=(0, 100))

    @wrong("Your interval is 1.96 standard deviations to each side, which assumes a bell. The percentiles of the draws are asked for.")
    def normal(new, old, resamples):
        told, spread = bootstrap(new, old, resamples), (np.asarray(new) - np.asarray(old))[resamples].mean(1).std()
        return told | {"low": told["difference"] - 1.96 * spread, "high": told["difference"] + 1.96 * spread}

    @wrong("Your difference is the mean over the draws. It is the one on the questions as they are; the draws are for its interval.")
    def of_the_draws(new, old, resamples):
        return bootstrap(new, old, resamples) | {"difference": (np.asarray(new) - np.asarray(old))[resamples].mean()}

    @wrong("The sign is turned round: it is new minus old.")
    def reversed_sign(new, old, resamples):
        return bootstrap(old, new, resamples)

    @wrong("A draw with a difference of exactly 0 is not a better one, and counts among the not better.")
    def strictly_worse(new, old, resamples):
        return bootstrap(new, old, resamples) | {"not better": ((np.asarray(new) - np.asarray(old))[resamples].mean(1) < 0).mean()}

    @wrong("You give the share of the draws in which new is better. The share in which it is not is asked for.")
    def better(new, old, resamples):
        told = bootstrap(new, old, resamples)
        return told | {"not better": 1 - told["not better"]}

    @wrong("You count draws. `not better` is their share.")
    def counted(new, old, resamples):
        told = bootstrap(new, old, resamples)
        return told | {"not better": told["not better"] * len(resamples)}


def choose(relevance, similarity, balance, k, duplicate, redundancy=max, copy=lambda s, bound: s >= bound, first=None, last_wins: bool = False) -> list[int]:
    """Maximal marginal relevance; `redundancy` makes one number of the similarities to what is chosen, `first` is that number for the first choice."""
    left, chosen = list(range(len(relevance))), []
    while left and len(chosen) < k:

        def worth(i):
            if not chosen and first is None:
                return relevance[i]
            return balance * relevance[i] - (1 - balance) * (redundancy([similarity[i][j] for j in chosen]) if chosen else first)

        best = max(reversed(left) if last_wins else left, key=worth)
        chosen.append(best)
        left = [i for i in left if i != best and not copy(similarity[i][best], duplicate)]
    return chosen


class diversify(Exercise):
    """Maximal marginal relevance that drops what is as good as a copy."""

    n_draws = 60

    def draw(rng):
        n = int(rng.integers(5, 10))
        # Eighths, and a balance in quarters: every product is exact, and ties are real ones.
        relevance = rng.integers(-1, 9, size=n) / 8
        similarity = rng.integers(-4, 8, size=(n, n)) / 8
        similarity = np.triu(similarity, 1)
        similarity = similarity + similarity.T + np.eye(n)
        return [float(x) for x in relevance], similarity, float(rng.choice([0, 0.25, 0.5, 0.75, 1])), int(rng.integers(2, 8)), float(rng.choice([0.75, 0.5, 2]))

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

    def right(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate)

    @wrong("Those are the most relevant candidates: what was chosen before has no influence.")
    def most_relevant(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, 1, k, duplicate)

    @wrong("`balance` is the wrong way round: it multiplies the relevance, and 1 - balance the similarity.")
    def turned_round(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, 1 - balance, k, duplicate)

    @wrong("You add up the similarities to all that was chosen. The highest counts: being unlike two hits does not make up for repeating a third.")
    def summed(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, redundancy=sum)

    @wrong("You take the mean similarity to what was chosen. A copy of one hit that is unlike the others passes then; the highest counts.")
    def mean(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, redundancy=average)

    @wrong("You look at the last choice alone. What repeats an earlier one is as superfluous.")
    def last_alone(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, redundancy=lambda values: values[-1])

    @wrong("Negative similarities count as 0 for you. The highest similarity may be below 0, and then it speaks for a candidate.")
    def floor_at_zero(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, redundancy=lambda values: max(0, *values))

    @wrong("You compare with all candidates, not with what was chosen: what nobody shows cannot be repeated.")
    def all_candidates(relevance, similarity, balance, k, duplicate):
        n = len(relevance)
        alike = [max((similarity[i][j] for j in range(n) if j != i), default=0) for i in range(n)]
        worth = [balance * relevance[i] - (1 - balance) * alike[i] for i in range(n)]
        return choose(worth, similarity, 1, k, duplicate)

    @wrong("You never drop anything: once a candidate is as near as `duplicate` to one that was chosen, it is out.")
    def nothing_dropped(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, math.inf)

    @wrong("Exactly `duplicate` is a duplicate, too: it is dropped from there on.")
    def above_alone(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, copy=lambda s, bound: s > bound)

    @wrong("You drop copies among the candidates before you choose. Only a copy of what was chosen is dropped; else both may be lost, or the better one.")
    def dropped_before(relevance, similarity, balance, k, duplicate):
        kept = []
        for i in range(len(relevance)):
            if all(similarity[i][j] < duplicate for j in kept):
                kept.append(i)
        inner = [[similarity[i][j] for j in kept] for i in kept]
        return [kept[i] for i in choose([relevance[i] for i in kept], inner, balance, k, math.inf)]

    @wrong(
        "With balance 0 your first choice is simply the first candidate. The first is always the most relevant: nothing was chosen yet that it could repeat."
    )
    def first_by_formula(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, first=0)

    @wrong("Of equals you take the last. The lower position is taken.")
    def last_of_equals(relevance, similarity, balance, k, duplicate):
        return choose(relevance, similarity, balance, k, duplicate, last_wins=True)

    @wrong("The positions are sorted. They come in the order in which they were chosen, the best first.")
    def sorted_positions(relevance, similarity, balance, k, duplicate):
        return sorted(choose(relevance, similarity, balance, k, duplicate))


class fair_order(Parsons):
    """The order of the lines that find out whether a reranker pays."""

    right_order = "EBDAFHGC"
    rules = {
        "EB": "You take out repeats after the halves are made (B before E): the same question may stand in both, and what was tuned on it is tested on it.",
        "ED": "You pool before repeats are out (D before E): `questions` is not there yet, and judges would be paid for the same question many times.",
        "DA": "You judge before there is a pool (A before D): judges need to see what any of the systems found, or what only one finds counts as worthless.",
        "AF": "You choose the depth before there are grades (F before A): nothing is known by which to choose.",
        "BF": "You choose the depth before the questions are halved (F before B): it is then tuned on what will be the test.",
        "FG": "You measure before the depth is chosen (G before F): then it is the test that chooses, and its winner is partly a lucky one.",
        "HG": "You write the rule after measuring (G before H): whoever has seen the numbers finds a rule that they keep.",
        "GC": "You print the verdict before anything is measured (C before G).",
    }
