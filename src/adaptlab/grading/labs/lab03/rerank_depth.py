"""Lab 03, rerank_depth: what is right, and what wrong answers believe."""

import math

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab03.common import permuted


def batches(depth: int, batch_size: int) -> int:
    return math.ceil(depth / batch_size)


def affordable(
    qualities, first_ms, batch_size, batch_ms, budget_ms, n_batches=batches
) -> list[int]:
    return sorted(
        depth
        for depth in qualities
        if first_ms + n_batches(depth, batch_size) * batch_ms <= budget_ms
    )


def bargain(qualities, depths, tolerance, best=None):
    """The smallest of these depths that is good enough; None of none."""
    bound = max((qualities[depth] for depth in depths), default=0) if best is None else best
    return min((depth for depth in depths if qualities[depth] >= bound - tolerance), default=None)


class rerank_depth(Exercise):
    """The smallest affordable depth that is nearly as good as the best affordable one."""

    n_draws = 60

    @staticmethod
    def draw(rng):
        depths = [
            0,
            *(
                int(d)
                for d in np.sort(
                    rng.choice(
                        [3, 5, 8, 10, 16, 20, 30, 50], size=rng.integers(3, 6), replace=False
                    )
                )
            ),
        ]
        depths = depths[1:] if rng.random() < 0.2 else depths
        rise = np.cumsum(rng.choice([-2, 0, 1, 2, 5, 7], size=len(depths)))
        qualities = {depth: float(30 + up) / 64 for depth, up in zip(depths, rise)}
        shuffled = {depth: qualities[depth] for depth in permuted(rng, depths, len(depths))}
        first = int(rng.integers(2, 30))
        size = int(rng.choice([1, 4, 8]))
        each = int(rng.integers(3, 20))
        budget = (
            first
            + each * batches(int(rng.choice(depths)), size)
            + int(rng.choice([0, 0, 1, each - 1, -1]))
        )
        return shuffled, first, size, each, budget, float(rng.choice([0, 1, 2, 4])) / 64

    @staticmethod
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

    @staticmethod
    def right(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms), tolerance
        )

    @staticmethod
    @wrong(
        "You take the greatest depth that can be paid. More is not always better, and nearly as"
        " good for less is what is asked for."
    )
    def deepest(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return max(affordable(qualities, first_ms, batch_size, batch_ms, budget_ms), default=None)

    @staticmethod
    @wrong("The budget is not kept: an answer that is better and comes too late is not affordable.")
    def no_budget(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(qualities, list(qualities), tolerance)

    @staticmethod
    @wrong(
        "You compare with the best quality of all depths. If that one cannot be paid, nothing may"
        " come near it: take the best of the affordable."
    )
    def best_of_all(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        depths = affordable(qualities, first_ms, batch_size, batch_ms, budget_ms)
        return bargain(qualities, depths, tolerance, best=max(qualities.values()))

    @staticmethod
    @wrong(
        "You take a part of a batch for a part of its time. A batch that is not full takes as long"
        " as a full one: round up."
    )
    def parts_of_batches(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities,
            affordable(
                qualities,
                first_ms,
                batch_size,
                batch_ms,
                budget_ms,
                lambda depth, size: depth / size,
            ),
            tolerance,
        )

    @staticmethod
    @wrong("You round batches down, and the last hits are read in no time. Round up.")
    def rounded_down(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities,
            affordable(
                qualities,
                first_ms,
                batch_size,
                batch_ms,
                budget_ms,
                lambda depth, size: depth // size,
            ),
            tolerance,
        )

    @staticmethod
    @wrong(
        "You add a batch too many: a depth that fills its batches exactly needs no further one, and"
        " depth 0 none at all."
    )
    def one_batch_more(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities,
            affordable(
                qualities,
                first_ms,
                batch_size,
                batch_ms,
                budget_ms,
                lambda depth, size: depth // size + 1,
            ),
            tolerance,
        )

    @staticmethod
    @wrong("You count batch_ms for every hit. It is the time of a whole batch.")
    def every_hit(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities,
            affordable(
                qualities, first_ms, batch_size, batch_ms, budget_ms, lambda depth, size: depth
            ),
            tolerance,
        )

    @staticmethod
    @wrong("The first stage takes its time, too, and comes off the budget first.")
    def first_stage_free(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities, affordable(qualities, 0, batch_size, batch_ms, budget_ms), tolerance
        )

    @staticmethod
    @wrong(
        "You take the best affordable depth and forget the tolerance: a smaller one that is nearly"
        " as good will do."
    )
    def no_tolerance(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities, affordable(qualities, first_ms, batch_size, batch_ms, budget_ms), 0
        )

    @staticmethod
    @wrong("You ask for more than the best minus the tolerance. Exactly that is enough.")
    def strictly_better(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        depths = affordable(qualities, first_ms, batch_size, batch_ms, budget_ms)
        best = max((qualities[depth] for depth in depths), default=0)
        return min(
            (
                depth
                for depth in depths
                if qualities[depth] > best - tolerance or qualities[depth] == best
            ),
            default=None,
        )

    @staticmethod
    @wrong("You ask for less than the budget. Exactly the budget is allowed.")
    def strictly_within(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities,
            affordable(qualities, first_ms, batch_size, batch_ms, budget_ms - 0.5),
            tolerance,
        )

    @staticmethod
    @wrong(
        "You never leave the reranker out. Depth 0 is one of the choices, and it is the cheapest."
    )
    def never_without(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        return bargain(
            qualities,
            [d for d in affordable(qualities, first_ms, batch_size, batch_ms, budget_ms) if d],
            tolerance,
        )

    @staticmethod
    @wrong(
        "You take the first depth that is good enough as the dict has them. They come in any order;"
        " the smallest is asked for."
    )
    def as_they_come(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
        within = affordable(qualities, first_ms, batch_size, batch_ms, budget_ms)
        bound = max((qualities[depth] for depth in within), default=0) - tolerance
        return next(
            (depth for depth in qualities if depth in within and qualities[depth] >= bound), None
        )
