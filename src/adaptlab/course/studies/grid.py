"""A study: a measurement repeated over a grid of settings and over seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Study:
    """`measure(chat, seed, **setting)` for each setting of the grid and each of SEEDS."""

    measure: Callable[..., dict]
    grid: list[dict]


def grid(**axes: Sequence) -> list[dict]:
    """Every combination of the axes' values."""
    return [dict(zip(axes, values)) for values in product(*axes.values())]
