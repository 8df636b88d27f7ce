"""Measuring a file that was handed in: in a fresh box, by a probe alone. No code of a student's has
run in it, so what fails there is not their fault.
"""

from dataclasses import replace
from pathlib import Path

from adaptlab.grading.artefact import Measure
from adaptlab.grading.exercise import Verdict
from adaptlab.grading.judging import judged
from adaptlab.grading.sandbox.box import Box, BoxError
from adaptlab.grading.sandbox.limits import Limits

# How much longer a step may take the second time: a slow moment of the machine is no zero.
SECOND_TRY = 3


def measure(
    judge: Measure, content: bytes, harness: Path, level: str, limits: Limits
) -> tuple[Verdict, int]:
    """The verdict on a file's bytes, and the bytes of memory that the box took.

    A box that ends is tried again with more time. If that ends, too, there is no mark: a box that
    did not start or was slow is a "grader error", which the next run mends, and one that the file
    may have ended "needs a person".
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
                f"The file could not be measured ({error}); this costs you nothing, and a person"
                " looks at it.",
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
