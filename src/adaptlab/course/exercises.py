"""The Your turn cells of a lesson: a student's function or value, checked at once."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptlab.course import browser
from adaptlab.course.kept_predictions import EXERCISE, keep

NOT_WRITTEN = (
    "Not written yet: the result is None. Replace None, and end a function with return."
    " Then run the cell again."
)
TOLERANCE = 1e-6  # relative and absolute; float32 of a GPU needs more


@dataclass(frozen=True)
class Checked:
    """The outcome of a check. `is_correct` is None if nothing was written yet."""

    is_correct: bool | None
    text: str

    def __repr__(self) -> str:
        return self.text


def check(
    name: str,
    mine: Any,
    expected: Any,
    cases: Sequence[tuple] = (),
    tolerance: float = TOLERANCE,
) -> Checked:
    """Compare a student's value with the expected one, or a student's function with the library's
    on every case; make it the last line of a cell.

    `cases` are tuples of arguments, the smallest first: the first case that differs is shown.
    Numbers, lists of numbers and tensors are compared with the tolerance. The outcome is kept next
    to the notebook under the exercise's name.
    """
    found = _on_cases(name, mine, expected, cases, tolerance) if cases else None
    if found is None:
        found = _compared(name, name, mine, expected, tolerance)
    if browser.is_attended() and found.is_correct is not None:
        keep(Path.cwd(), EXERCISE + name, question=name, mark="✓" if found.is_correct else "✗")
    return found


def _on_cases(
    name: str, mine: Callable, expected: Callable, cases: Sequence[tuple], tolerance: float
) -> Checked:
    for arguments in cases:
        call = f"{mine.__name__}({_named(mine, arguments)})"
        right = expected(*arguments)
        try:
            got = mine(*arguments)
        except Exception as error:  # whatever a student's function raises is the answer shown
            return Checked(False, f"✗ {call} raises {type(error).__name__}: {error}")
        found = _compared(name, call, got, right, tolerance)
        if not found.is_correct:
            return found
    return Checked(True, f"✓ {name}: correct on {len(cases)} cases")


def _compared(name: str, what: str, got: Any, expected: Any, tolerance: float) -> Checked:
    if got is None and expected is not None:
        return Checked(None, NOT_WRITTEN)
    if _same(got, expected, tolerance):
        return Checked(True, f"✓ {name}")
    return Checked(False, f"✗ {what}\n  expected: {_shown(expected)}\n  got:      {_shown(got)}")


def _same(got: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, str) or isinstance(got, str):
        return got == expected
    if isinstance(expected, dict):
        if not isinstance(got, dict) or got.keys() != expected.keys():
            return False
        return all(_same(got[key], value, tolerance) for key, value in expected.items())
    try:
        a, b = _array(got), _array(expected)
    except (TypeError, ValueError):
        return bool(got == expected)
    return a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def _array(value: Any) -> np.ndarray:
    """Return numbers as an array; a tensor loses its gradient.

    Raises:
        ValueError: if they are not numbers.
    """
    if hasattr(value, "detach"):
        value = value.detach().float().cpu().numpy()
    return np.asarray(value, dtype=float)


def _named(function: Callable, arguments: tuple) -> str:
    names = list(inspect.signature(function).parameters)
    pairs = zip(names, arguments)
    return ", ".join(f"{name}={_shown(value)}" for name, value in pairs)


def _shown(value: Any) -> str:
    try:
        return np.array2string(_array(value), precision=4, separator=", ", threshold=20)
    except (TypeError, ValueError):
        return repr(value)
