"""The checks in a lab's notebook: `check.lab04.delta_weight(delta_weight)`.

In the student's notebook a check generates inputs, calls the answer and judges its outputs. The
grader does the same with other inputs, and calls the answer in a sandbox. So no code that runs in
the notebook decides a mark.
"""

import secrets
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

from adaptlab.grading.exercise import Exercise
from adaptlab.grading.exercises import exercises

PATIENCE_SECONDS = 60  # for all calls of an answer; the grader's sandbox allows less


class NotYet(AssertionError):
    """The answer is not correct yet. A notebook shows only the message, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


class NotWritten(NotImplementedError):
    """The answer is not written yet. A notebook shows only the message, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"… {self}"]


class Passed(str):
    """A message that a notebook shows without quotes."""

    def __repr__(self) -> str:
        return str(self)


class _TooLong(BaseException):
    """The time limit has passed. Not an Exception, so that neither the answer nor its judge catches
    it.
    """


@contextmanager
def _in_time() -> Iterator[None]:
    """Stop the enclosed code at the time limit, where the system can interrupt Python: in the main
    thread, and not on Windows.
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
    """Call the answer on new inputs and judge it.

    Raises:
        NotYet: if the answer is not correct; the message gives feedback.
        NotWritten: if the answer is not written yet.
    """
    name = exercise.__name__
    if exercise.is_called and not callable(answer):
        raise NotYet(
            f"{name}: The argument of the check is not a function or class. Pass {name} itself,"
            " without brackets after its name."
        )
    try:
        with _in_time():
            verdict = exercise.tried(answer, secrets.randbits(32))
    except _TooLong:
        raise NotYet(
            f"{name}: The answer is still running after {PATIENCE_SECONDS} seconds. Look for an"
            " infinite loop."
        ) from None
    except SystemExit:
        raise NotYet(
            f"{name}: The answer ends the program (exit, quit or sys.exit). Return a value instead."
        ) from None
    if verdict.misconception == "blank":
        raise NotWritten(f"{name} is not written yet.")
    if verdict.status != "pass":
        between = "\n" if "\n" in verdict.sentence else " "
        raise NotYet(f"{name}:{between}{verdict.sentence}")
    return Passed(f"✓ {name}: {verdict.sentence}")


def predicted(choice: object, options: Sequence[str]) -> None:
    """Stop a lab's experiment until the student has chosen one of the options.

    Raises:
        NotWritten: if nothing is chosen yet.
        NotYet: if the choice is not one of the options.
    """
    if choice is None:
        raise NotWritten(
            "prediction is not set. Predict first, in the cell above: set it to one of"
            f" {list(options)}."
        )
    if choice not in options:
        raise NotYet(
            f"prediction is {choice!r}, which is not one of the options. Copy one of"
            f" {list(options)}."
        )


class Checks(SimpleNamespace):
    """The checks of a lab, as functions that take the answer."""

    def __getattr__(self, name: str):
        raise AttributeError(
            f"This lab has no exercise {name!r}. Use one of {', '.join(vars(self))}."
        )


def __getattr__(lab: str) -> Checks:
    """Return the checks of a lab."""
    if not lab.startswith("lab"):
        raise AttributeError(lab)
    return Checks(
        **{
            name: lambda answer, exercise=exercise: run_check(exercise, answer)
            for name, exercise in exercises(lab).items()
        }
    )
