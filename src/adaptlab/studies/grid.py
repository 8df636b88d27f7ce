"""A study: a measurement repeated over a grid of settings and over seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Study:
    """`measure(chat, seed, **setting)` for each setting of the grid and each seed.

    `claims` of the ledger are decided by its rows. `for_real_models`: it is not recorded for the
    embedded models, which its tasks are too hard for.
    """

    measure: Callable[..., dict]
    grid: list[dict]
    seeds: Sequence[int] = SEEDS
    claims: tuple[str, ...] = ()
    for_real_models: bool = False

    @property
    def settings(self) -> list[dict]:
        """Return the settings, row by row."""
        return [setting | {"seed": seed} for setting in self.grid for seed in self.seeds]


def grid(**axes: Sequence) -> list[dict]:
    """Return every combination of the axes' values."""
    return [dict(zip(axes, values)) for values in product(*axes.values())]
