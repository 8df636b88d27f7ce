"""Lab 05, stop_at: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong


def stopped(losses: list, patience: int, improves, reference=lambda kept, loss: kept) -> list[int]:
    """[epochs run, epoch kept]. `improves(loss, reference, loss before)`; `reference(old one,
    loss)`: what the next is compared with if nothing improved.
    """
    against = losses[0]
    kept = 1
    before = losses[0]
    for epoch, loss in enumerate(losses[1:], 2):
        if improves(loss, against, before):
            against = loss
            kept = epoch
        else:
            against = reference(against, loss)
            if epoch - kept >= patience:
                return [epoch, kept]
        before = loss
    return [len(losses), kept]


class stop_at(Exercise):
    """[epochs run, epoch kept] by patience and a least improvement."""

    n_draws = 80

    @staticmethod
    def draw(rng):
        # In eighths, which floats hold exactly, so that equal is equal.
        steps = rng.choice(
            [-4, -2, -1, 0, 1, 2], p=(0.1, 0.15, 0.25, 0.1, 0.25, 0.15), size=rng.integers(1, 16)
        )
        return (
            ((40 + np.cumsum(steps)).clip(1) / 8).tolist(),
            int(rng.integers(1, 5)),
            float(rng.choice([0, 0, 0.125, 0.25])),
        )

    @staticmethod
    def edges():
        return [
            ([3.0, 2.0, 2.5, 2.25, 2.5, 1.0], 3, 0.0),
            ([3.0], 1, 0.0),
            ([3.0, 2.0, 1.0], 2, 0.0),
            ([1.0, 2.0, 3.0], 1, 0.0),
            ([1.0, 2.0, 3.0], 2, 0.0),
            ([3.0, 3.0, 3.0, 3.0], 2, 0.0),
            ([3.0, 2.75, 2.5, 2.25, 2.0], 2, 0.25),
            ([3.0, 2.75, 2.5, 2.25], 3, 0.25),
            ([4.0, 2.0, 3.0, 2.5, 2.25, 2.125], 4, 0.0),
            ([3.0, 2.875, 2.75, 2.625], 2, 0.5),
            ([2.0, 3.0, 1.0, 2.0, 3.0], 2, 0.0),
            ([3.0, 4.0, 2.0, 3.0, 1.0, 2.0, 0.5], 2, 0.0),
        ]

    @staticmethod
    def right(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss < best - least)

    @staticmethod
    @wrong(
        "You compare with the epoch before. A loss that falls again after a rise is no new best:"
        " compare with the best so far."
    )
    def with_the_last(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss < before - least)

    @staticmethod
    @wrong("Any lower loss is a new best for you. It has to be lower by more than `least`.")
    def any_lower(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss < best)

    @staticmethod
    @wrong(
        "A loss that is lower by exactly `least` (with least = 0: one that is equal) is no new"
        " best."
    )
    def just_as_low(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss <= best - least)

    @staticmethod
    @wrong(
        "You stop one epoch late: after the `patience`-th epoch in a row without a new best,"
        " training ends."
    )
    def one_late(losses, patience, least):
        return stop_at.right(losses, patience + 1, least)

    @staticmethod
    @wrong(
        "You stop one epoch early: count how many epochs in a row had no new best when you stop."
    )
    def one_early(losses, patience, least):
        return stop_at.right(losses, max(1, patience - 1), least)

    @staticmethod
    @wrong("You keep the last epoch that was run. Kept is the best, from before the loss rose.")
    def last_kept(losses, patience, least):
        return stop_at.right(losses, patience, least)[:1] * 2

    @staticmethod
    @wrong(
        "You keep the lowest loss that was seen. Lower by `least` or less is no new best, so that"
        " chance does not decide what is kept."
    )
    def lowest_kept(losses, patience, least):
        n_run = stop_at.right(losses, patience, least)[0]
        return [n_run, int(np.argmin(losses[:n_run])) + 1]

    @staticmethod
    @wrong("Your epochs are counted from 0. They are counted from 1: after one epoch, one was run.")
    def from_zero(losses, patience, least):
        return [epoch - 1 for epoch in stop_at.right(losses, patience, least)]

    @staticmethod
    @wrong(
        "You count all epochs without a new best. They have to be in a row: a new best sets the"
        " count back to nothing."
    )
    def not_in_a_row(losses, patience, least):
        best = losses[0]
        kept = 1
        bad = 0
        for epoch, loss in enumerate(losses[1:], 2):
            if loss < best - least:
                best = loss
                kept = epoch
            else:
                bad += 1
            if bad == patience:
                return [epoch, kept]
        return [len(losses), kept]

    @staticmethod
    @wrong(
        "A small improvement, one of `least` or less, moves what you compare with. The best so far"
        " stays what it was until there is a new one."
    )
    def best_creeps(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss < best - least, min)

    @staticmethod
    @wrong(
        "You never stop: all epochs are run, and the best is kept. The epochs after the stop cost"
        " time, and are not to be looked at."
    )
    def never_stopped(losses, patience, least):
        return stop_at.right(losses, len(losses) + 1, least)
