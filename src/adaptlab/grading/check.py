"""The checks beside the exercises of a lab: `check.lab04.delta_weight(delta_weight)`.

In the student's notebook a check draws inputs, calls the answer and judges what came back. The
grader does the same with the call in a box and other inputs, so nothing that runs here decides a
mark.
"""

import secrets
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

from adaptlab.grading.exercise import Exercise
from adaptlab.grading.exercises import exercises

PATIENCE_SECONDS = 60  # for all calls of an answer; the grader's box has less


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


class _TooLong(BaseException):
    """Time is up. No Exception, which an answer or its judge would take for the answer's own."""


@contextmanager
def _in_time() -> Iterator[None]:
    """Ends what runs inside when time is up, where the system can interrupt Python code: in the
    main thread, and not on Windows.
    """
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_check(exercise: type[Exercise], answer) -> Passed:
    """Call the answer on fresh inputs and judge it; NotYet with a sentence if it is not right,
    NotWritten if nothing was.
    """
    name = exercise.__name__
    if exercise.is_called and not callable(answer):
        raise NotYet(
            f"{name}: Hand over {name} itself, without brackets behind its name; this is what it"
            " returned, or something else."
        )
    try:
        with _in_time():
            verdict = exercise.tried(answer, secrets.randbits(32))
    except _TooLong:
        raise NotYet(
            f"{name}: It has not come back after {PATIENCE_SECONDS} seconds. Look for a loop that"
            " does not end."
        ) from None
    except SystemExit:
        raise NotYet(
            f"{name}: It ends the program (exit, quit or sys.exit) instead of returning something."
        ) from None
    if verdict.misconception == "blank":
        raise NotWritten(f"{name} is still to be written.")
    if verdict.status != "pass":
        between = "\n" if "\n" in verdict.sentence else " "
        raise NotYet(f"{name}:{between}{verdict.sentence}")
    return Passed(f"✓ {name}: {verdict.sentence}")


def predicted(choice: object, options: Sequence[str]) -> None:
    """Stop a lab's experiment until one of its options is chosen: NotWritten if none is yet, NotYet
    if the choice is none of them.
    """
    if choice is None:
        raise NotWritten(
            f"Predict first, in the cell above: prediction is to be one of {list(options)}."
        )
    if choice not in options:
        raise NotYet(
            f"prediction is {choice!r}, which is none of the options; write one as it stands there:"
            f" {list(options)}."
        )


class Checks(SimpleNamespace):
    """The checks of a lab, as functions of the answer."""

    def __getattr__(self, name: str):
        raise AttributeError(
            f"This lab has no exercise {name!r}; its exercises are {', '.join(vars(self))}."
        )


def __getattr__(lab: str) -> Checks:
    """The checks of a lab."""
    if not lab.startswith("lab"):
        raise AttributeError(lab)
    return Checks(
        **{
            name: lambda answer, exercise=exercise: run_check(exercise, answer)
            for name, exercise in exercises(lab).items()
        }
    )
