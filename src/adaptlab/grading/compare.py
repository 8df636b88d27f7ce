"""Find the first difference between expected and actual results: the place and both values."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptlab.grading.codec import Raised
from adaptlab.grading.telling import describe


@dataclass(frozen=True)
class Gap:
    """The first place at which two results differ; `expected` and `got` as text."""

    place: str
    expected: str
    got: str

    def lines(self, with_expected: bool) -> list[str]:
        """Return one line for the expected and one for the actual value, so that they can be
        compared.
        """
        where = "" if self.place == "result" else f"{self.place} = "
        told = [f"expected: {where}{self.expected}"] if with_expected else []
        return [*told, f"{'got:':9} {where}{self.got}"]


def gap(expected: Any, got: Any, rtol: float, atol: float, place: str = "result") -> Gap | None:
    """Return the first difference between two results, or None. A list matches a tuple, an array a
    tensor.

    Numbers match within `atol + rtol * |expected|`; for arrays, `atol` scales with the largest
    element.
    """
    if isinstance(expected, Raised):
        same = isinstance(got, Raised) and expected.kinds[0] in got.kinds
        return None if same else Gap(place, f"raises {expected.kinds[0]}", told(got))
    if isinstance(got, Raised):
        return Gap(place, describe(expected), told(got))
    if isinstance(expected, np.ndarray):
        return _array_gap(expected, got, rtol, atol, place)
    if isinstance(expected, list):
        return _list_gap(expected, got, rtol, atol, place)
    if isinstance(expected, dict) and isinstance(got, dict):
        if expected.keys() != got.keys():
            keys, theirs = (describe(sorted(map(str, one))) for one in (expected, got))
            return Gap(f"the keys of {place}", keys, theirs)
        found = (gap(expected[key], got[key], rtol, atol, f"{place}[{key!r}]") for key in expected)
        return next(filter(None, found), None)
    if _is_number(expected) and isinstance(got, np.ndarray) and got.shape == ():
        got = got.item()
    if _is_number(expected) and _is_number(got):
        close = expected == got or abs(expected - got) <= atol + rtol * abs(expected)
        if close:  # never true for NaN
            return None
        return Gap(place, describe(expected), describe(got))
    same = type(expected) is type(got) and expected == got
    return None if same else Gap(place, describe(expected), describe(got))


def told(result: Any) -> str:
    """Describe a result briefly; an exception with its message, if it has one."""
    if not isinstance(result, Raised):
        return describe(result)
    return f"{result.kinds[0]}: {result.message}" if result.message else result.kinds[0]


def _array_gap(expected: np.ndarray, got: Any, rtol: float, atol: float, place: str) -> Gap | None:
    if not isinstance(got, np.ndarray):
        return Gap(place, f"an array of shape {expected.shape}", describe(got))
    if got.shape != expected.shape:
        return Gap(f"the shape of {place}", str(expected.shape), str(got.shape))
    if (expected.dtype == bool) != (got.dtype == bool):
        return Gap(f"the type of {place}", str(expected.dtype), str(got.dtype))
    # The rounding error of a sum is relative to its largest terms, so the tolerance is, too.
    finite = np.abs(expected[np.isfinite(expected)].astype(float))
    scale = max(1.0, float(finite.max(initial=0)))
    close = np.isclose(got.astype(float), expected.astype(float), rtol=rtol, atol=atol * scale)
    if close.all():
        return None
    at = tuple(int(i) for i in np.argwhere(~close)[0])
    return Gap(f"{place}{list(at)}" if at else place, f"{expected[at]:.6g}", f"{got[at]:.6g}")


def _list_gap(expected: list, got: Any, rtol: float, atol: float, place: str) -> Gap | None:
    if not isinstance(got, list):
        return Gap(place, f"a list of {len(expected)}", describe(got))
    if len(got) != len(expected):
        return Gap(f"the length of {place}", str(len(expected)), str(len(got)))
    pairs = enumerate(zip(expected, got))
    found = (gap(right, item, rtol, atol, f"{place}[{i}]") for i, (right, item) in pairs)
    return next(filter(None, found), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
