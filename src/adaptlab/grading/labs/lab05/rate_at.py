"""Lab 05, rate_at: what is right, and what wrong answers believe."""

import math

from adaptlab.grading.exercise import Exercise, wrong


def along(share: float, peak: float, floor: float) -> float:
    """Half a cosine from peak to floor."""
    return floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2


def planned(step: int, n_steps: int, n_warmup: int, peak: float, fall, first: int = 1) -> float:
    """A rise in n_warmup steps, `first` of which are gone in the first one, then `fall(share)` of
    the rest of the way.
    """
    if step < n_warmup:
        return peak * (step + first) / n_warmup
    return fall((step + 1 - n_warmup) / (n_steps - n_warmup))


class rate_at(Exercise):
    """The rate of a step: a straight rise to the peak, then half a cosine down to the floor, which
    the last step has.
    """

    n_draws = 60
    # Rates are some thousandths; a float64 is sure to the sixteenth place.
    rtol = 1e-4
    atol = 1e-9

    @staticmethod
    def draw(rng):
        n_steps = int(rng.integers(4, 80))
        peak = float(rng.choice([2e-3, 5e-4, 1e-2]))
        n_warmup = int(rng.choice([0, 1, rng.integers(1, n_steps + 1), n_steps // 4]))
        return (
            int(rng.integers(n_steps)),
            n_steps,
            n_warmup,
            peak,
            peak * float(rng.choice([0, 0.1, 0.25])),
        )

    @staticmethod
    def edges():
        plans = (
            (20, 5, 1e-3, 1e-4),
            (10, 0, 1e-3, 0.0),
            (6, 6, 2e-3, 1e-3),
            (8, 1, 1e-3, 0.0),
            (1, 0, 1e-3, 1e-4),
            (1, 1, 1e-3, 1e-4),
            (9, 3, 1e-3, 1e-3),
        )
        return [
            (step, n, *rest)
            for n, *rest in plans
            for step in sorted({0, 1, n // 2, n - 2, n - 1})
            if 0 <= step < n
        ]

    @staticmethod
    def right(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along(share, peak, floor))

    @staticmethod
    @wrong(
        "Your first step has the rate 0, so it is no step. The first one already has its part of"
        " the rise."
    )
    def nothing_first(step, n_steps, n_warmup, peak, floor):
        return planned(
            step, n_steps, n_warmup, peak, lambda share: along(share, peak, floor), first=0
        )

    @staticmethod
    @wrong("There is no warm-up: the rate begins at its peak, when the optimizer knows least.")
    def no_rise(step, n_steps, n_warmup, peak, floor):
        return peak if step < n_warmup else rate_at.right(step, n_steps, n_warmup, peak, floor)

    @staticmethod
    @wrong(
        "Your warm-up rises from the floor. It rises by equal amounts from peak / n_warmup; the"
        " floor belongs to the end."
    )
    def rises_from_floor(step, n_steps, n_warmup, peak, floor):
        return (
            floor + (peak - floor) * (step + 1) / n_warmup
            if step < n_warmup
            else rate_at.right(step, n_steps, n_warmup, peak, floor)
        )

    @staticmethod
    @wrong("Your rate falls in a straight line. Half a cosine falls slowly at first and at last.")
    def straight(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: peak + (floor - peak) * share)

    @staticmethod
    @wrong("Your rate falls to 0. It ends at the floor.")
    def to_nothing(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along(share, peak, 0))

    @staticmethod
    @wrong(
        "Your rate falls to 0 and is held at the floor from where it would go below it. The cosine"
        " itself ends at the floor."
    )
    def held_at_floor(step, n_steps, n_warmup, peak, floor):
        return planned(
            step, n_steps, n_warmup, peak, lambda share: max(floor, along(share, peak, 0))
        )

    @staticmethod
    @wrong(
        "Your cosine counts from the first step of all. It begins where the warm-up ends; else the"
        " rate jumps there."
    )
    def counted_from_start(step, n_steps, n_warmup, peak, floor):
        return planned(
            step, n_steps, n_warmup, peak, lambda share: along((step + 1) / n_steps, peak, floor)
        )

    @staticmethod
    @wrong(
        "Your last step does not have the floor: you are one step late. With steps counted from 0"
        " the last one is n_steps - 1."
    )
    def one_late(step, n_steps, n_warmup, peak, floor):
        return planned(
            step,
            n_steps,
            n_warmup,
            peak,
            lambda share: along((step - n_warmup) / (n_steps - n_warmup), peak, floor),
        )

    @staticmethod
    @wrong("Your cosine is a whole wave: it falls and comes up again. Half of one is asked for.")
    def whole_wave(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along(2 * share, peak, floor))

    @staticmethod
    @wrong("You add the floor to a fall from peak to 0, so the rate begins above its peak.")
    def floor_on_top(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: floor + along(share, peak, 0))

    @staticmethod
    @wrong("After the warm-up your rate stays at its peak.")
    def stays(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: peak)
