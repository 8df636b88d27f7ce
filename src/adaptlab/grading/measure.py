"""Score a submitted file: a probe reads it in a new sandbox. No student code has run in this
sandbox, so a failure there is not the student's fault.
"""

from dataclasses import replace
from pathlib import Path

from adaptlab.grading.artefact import Measure
from adaptlab.grading.exercise import Verdict
from adaptlab.grading.judging import judged
from adaptlab.grading.sandbox.box import Box, BoxError
from adaptlab.grading.sandbox.limits import Limits

# Factor on the time limits in the second attempt: a slow moment of the machine must not give 0.
SECOND_TRY = 3


def measure(
    judge: Measure, content: bytes, harness: Path, level: str, limits: Limits
) -> tuple[Verdict, int]:
    """Return the verdict on a file's bytes, and the peak memory of the sandbox in bytes.

    A sandbox that ends early gets a second attempt with more time. If that fails too, there is no
    mark. A sandbox that did not start or was slow gives "grader error", and the next run tries
    again. One that the file may have ended gives "needs a person".
    """
    try:
        return _measured(judge, content, harness, level, limits)
    except BoxError:
        longer = replace(
            limits,
            step_seconds=SECOND_TRY * limits.step_seconds,
            total_seconds=SECOND_TRY * limits.total_seconds,
        )
    try:
        return _measured(judge, content, harness, level, longer)
    except BoxError as error:
        status = "grader error" if error.status in ("grader error", "timeout") else "needs a person"
        return (
            Verdict(
                status,
                f"The file could not be scored ({error}). You lose no points; an instructor will"
                " look at it.",
            ),
            0,
        )


def _measured(
    judge: Measure, content: bytes, harness: Path, level: str, limits: Limits
) -> tuple[Verdict, int]:
    box = Box(harness, level, limits)
    with box:
        answers = box.call(judge.exercise.probe_name(), "", [judge.asked(content)])
    return judged(judge, answers).verdict, box.peak_bytes
