"""Judging what came out of a box: decoded and compared apart, whatever it is made of."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from adaptlab.grading.artefact import Measure
from adaptlab.grading.codec import NotPlain, plain
from adaptlab.grading.exercise import Judge, Verdict
from adaptlab.grading.sandbox.limited_fork import SECONDS, TooMuch, apart


class Judged(NamedTuple):
    """A verdict, and whether nothing has the name of the exercise."""

    verdict: Verdict
    is_missing: bool = False


def judged(judge: Judge | Measure, answers: Sequence[bytes]) -> Judged:
    """The verdict on the answers of a box for the judge's inputs, in their order."""
    try:
        verdict, is_missing = apart(lambda: _verdict(judge, answers), SECONDS)
        return Judged(Verdict(**verdict), is_missing)
    except TooMuch as error:
        sentence = f"What it returns cannot be judged: {error}. Return what the exercise asks for"
        return Judged(Verdict("resource limit", f"{sentence}, and nothing beside it."))


def _verdict(judge: Judge | Measure, answers: Sequence[bytes]) -> tuple[dict, bool]:
    _use_one_thread()
    try:
        outputs = [plain(answer) for answer in answers]
        return asdict(judge.verdict(outputs)), judge.is_missing(outputs)
    except NotPlain as error:
        says = f"What came out of the box is no plain data ({error})."
        return asdict(Verdict("invalid", says)), False
    except MemoryError:
        raise
    except Exception as fault:  # a check that cannot cope with an answer is our fault, and no zero
        says = f"The check of this exercise failed ({type(fault).__name__}: {fault})."
        return asdict(Verdict("grader error", says)), False


def _use_one_thread() -> None:
    """Let torch compute without its threads, which a fork does not have: it would wait for them."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def read_texts(answer: bytes, names: Sequence[str], longest: int = 200) -> dict[str, str]:
    """Variables of a notebook as short texts; "" for one that is not there, or that
    cannot be read.
    """
    try:
        return apart(lambda: _texts(plain(answer), names, longest), SECONDS)
    except TooMuch:  # what the fork raises ends it
        return dict.fromkeys(names, "")


def _texts(values: Any, names: Sequence[str], longest: int) -> dict[str, str]:
    held = values if isinstance(values, dict) else {}
    return {name: _text(held.get(name))[:longest] for name in names}


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)
