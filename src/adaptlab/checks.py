"""Checks of numbers; one sentence names the wrong number."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from adaptlab.errors import AdaptLabError

if TYPE_CHECKING:
    import numpy as np

MOST_RANK = 16_384  # more than the rank that any layer of today's models has


def check_number(value: Any, name: str, least: float = -math.inf, most: float = math.inf):
    """Return the value if it is a finite number within its bounds.

    Raises:
        AdaptLabError: if it is not.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not abs(value) < math.inf or not least <= value <= most:
        raise AdaptLabError(f"{name} is {value!r}. Give a number{_bounds(least, most)}.")
    return value


def check_whole(value: Any, name: str, least: float = -math.inf, most: float = math.inf) -> int:
    """Return the value if it is a whole number within its bounds.

    Raises:
        AdaptLabError: if it is not.
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:
        raise AdaptLabError(f"{name} is {value!r}. Give a whole number{_bounds(least, most)}.")
    return int(value)


def check_numbers(
    values: Sequence[float],
    name: str,
    least: float = -math.inf,
    most: float = math.inf,
) -> "np.ndarray":
    """Return the values, (n,), if they are one or more finite numbers within their bounds.

    Raises:
        AdaptLabError: if they are not.
    """
    import numpy as np  # here: the command line must start fast

    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        found = np.empty((0, 0))
    if found.ndim != 1 or not len(found):
        raise AdaptLabError(
            f"{name} are not a list of numbers. Give a list of at least one number."
        )
    if not (np.isfinite(found) & (found >= least) & (found <= most)).all():
        says = f"{name} are not all finite numbers{_bounds(least, most)}"
        raise AdaptLabError(f"{says}. Correct the others, or leave them out.")
    return found


def check_pairs(new: Sequence, old: Sequence, name: str) -> None:
    """Check that both sides of a comparison have the same number of values.

    Raises:
        AdaptLabError: if they do not.
    """
    if len(new) != len(old):
        says = f"{name} have {len(new)} and {len(old)} values"
        raise AdaptLabError(f"{says}. Give both for the same cases, in the same order.")


def _bounds(least: float, most: float) -> str:
    if most < math.inf:
        return f" from {least:,} to {most:,}" if least > -math.inf else f" up to {most:,}"
    return f" of {least:,} or more" if least > -math.inf else ""


def check_rank(rank: int) -> None:
    """Check the rank of an adapter.

    Raises:
        AdaptLabError: if it is not a whole number from 1 to MOST_RANK.
    """
    if isinstance(rank, bool) or not isinstance(rank, Integral) or not 1 <= rank <= MOST_RANK:
        limits = f"a whole number from 1 to {MOST_RANK:,}, often 4 to 64"
        raise AdaptLabError(f"The rank is {rank}. Give {limits}.")
