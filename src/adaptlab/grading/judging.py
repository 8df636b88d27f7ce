"""Judge the outputs of a sandbox. They are untrusted, so a separate process decodes and compares
them.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from adaptlab.grading.artefact import Measure
from adaptlab.grading.codec import NotPlain, plain
from adaptlab.grading.exercise import Judge, Verdict
from adaptlab.grading.sandbox.limited_fork import SECONDS, TooMuch, apart


class Judged(NamedTuple):
    """A verdict, and whether the notebook does not define the exercise's name."""

    verdict: Verdict
    is_missing: bool = False


def judged(judge: Judge | Measure, answers: Sequence[bytes]) -> Judged:
    """Return the verdict on the encoded outputs of a sandbox, in the order of the judge's
    inputs.
    """
    try:
        verdict, is_missing = apart(lambda: _verdict(judge, answers), SECONDS)
        return Judged(Verdict(**verdict), is_missing)
    except TooMuch as error:
        sentence = f"The result is not judged: {error}. Return only what the exercise asks for."
        return Judged(Verdict("resource limit", sentence))


def judged_together(answers: Sequence[tuple[Judge | Measure, Sequence[bytes]]]) -> list[Judged]:
    """Return the verdict on each (judge, outputs), as `judged` would, from one process for all.

    A fork takes longer than most verdicts. If one answer exceeds a limit, each gets its own.
    """
    try:
        made = apart(lambda: [_verdict(*one) for one in answers], SECONDS)
        return [Judged(Verdict(**verdict), is_missing) for verdict, is_missing in made]
    except TooMuch:
        return [judged(*one) for one in answers]


def _verdict(judge: Judge | Measure, answers: Sequence[bytes]) -> tuple[dict, bool]:
    _use_one_thread()
    try:
        outputs = [plain(answer) for answer in answers]
        return asdict(judge.verdict(outputs)), judge.is_missing(outputs)
    except NotPlain as error:
        says = f"The answer sent by the notebook's process is not valid data: {error}."
        return asdict(Verdict("invalid", says)), False
    except MemoryError:
        raise
    except Exception as fault:  # a check that fails on an answer is our error, so no zero
        says = f"The check of this exercise failed ({type(fault).__name__}: {fault})."
        return asdict(Verdict("grader error", says)), False


def _use_one_thread() -> None:
    """Limit torch to one thread. A fork does not have torch's other threads and would wait for them
    forever.
    """
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def read_texts(answer: bytes, names: Sequence[str], longest: int = 200) -> dict[str, str]:
    """Return variables of a notebook as short texts; "" for a variable that is missing or cannot be
    read.
    """
    try:
        return apart(lambda: _texts(plain(answer), names, longest), SECONDS)
    except TooMuch:  # also for an exception in the fork, which ends it
        return dict.fromkeys(names, "")


def _texts(values: Any, names: Sequence[str], longest: int) -> dict[str, str]:
    held = values if isinstance(values, dict) else {}
    return {name: _text(held.get(name))[:longest] for name in names}


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)
