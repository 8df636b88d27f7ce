"""The checks beside the exercises of a lab: `check.lab04.delta_weight(delta_weight)`.

In the student's notebook a check draws inputs, calls the answer and judges what came back. The grader does the same with the call in a box and
other inputs, so nothing that runs here decides a mark.
"""

import importlib
import secrets
from types import SimpleNamespace

from adaptlab.errors import AdaptLabError
from adaptlab.grading.exercise import Exercise


class NotYet(AssertionError):
    """The answer is not right yet; a notebook shows the sentence alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


class NotWritten(NotImplementedError):
    """Nothing was written yet; a notebook shows the sentence alone, too."""

    def _render_traceback_(self) -> list[str]:
        return [f"… {self}"]


class Passed(str):
    """A sentence that a notebook shows as it stands."""

    def __repr__(self) -> str:
        return str(self)


def exercises(lab: str) -> dict[str, type[Exercise]]:
    """The exercises of a lab by their names, in order."""
    try:
        module = importlib.import_module(f"adaptlab.grading.labs.{lab}")
    except ModuleNotFoundError as error:
        raise AdaptLabError(f"There is no lab {lab!r}; labs are named lab01 to lab08.") from error
    return {name: getattr(module, name) for name in module.__all__}


def run_check(exercise: type[Exercise], answer) -> Passed:
    """Call the answer on fresh inputs and judge it; NotYet with a sentence if it is not right, NotWritten if nothing was."""
    verdict = exercise.tried(answer, secrets.randbits(32))
    if verdict.misconception == "blank":
        raise NotWritten(f"{exercise.__name__} is still to be written.")
    if verdict.status != "pass":
        raise NotYet(f"{exercise.__name__}: {verdict.sentence}")
    return Passed(f"✓ {exercise.__name__}: {verdict.sentence}")


def __getattr__(lab: str) -> SimpleNamespace:
    """The checks of a lab, as functions of the answer."""
    if not lab.startswith("lab"):
        raise AttributeError(lab)
    return SimpleNamespace(**{name: lambda answer, exercise=exercise: run_check(exercise, answer) for name, exercise in exercises(lab).items()})
