"""An exercise whose answer is a file, as trained weights: handed in beside the notebook, and
measured on fresh cases.

The file is opened where nothing can be lost: in a box of its own, by a probe, in which no student's
code has run. What comes out is what it says to each case, and only out here is known what is right.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from adaptlab.evals.statistics import proportion
from adaptlab.grading.codec import Raised
from adaptlab.grading.exercise import MEASURED, Exercise, Verdict, attempt
from adaptlab.grading.submissions.find import file_beside


@dataclass(frozen=True)
class Asked:
    """A case: what the artefact is given, as plain data, and what it should say."""

    given: Any
    right: str


class Artefact(Exercise):
    """One exercise; the answer's cell makes a file, and gives its name to the check.

    A subclass has `file`, its name; `max_bytes`; `case(rng)`, a random case by Python's generator;
    `probe(content, given, *settings)`, which returns {"replies": a text for each case, ...}; `bar`,
    the share of right replies from which it passes; `refuses`, the name of the error by which the
    probe says that the file is not of the form; and symptoms `(right, got) -> bool` of all right
    replies and what the probe returned. They are asked in order.
    """

    file: ClassVar[str]
    max_bytes: ClassVar[int]
    bar: ClassVar[float]
    refuses: ClassVar[str]
    settings: ClassVar[tuple] = ()
    is_called: ClassVar[bool] = False
    n_draws: ClassVar[int] = 300
    case: ClassVar[Callable[[random.Random], Asked]]

    @classmethod
    def judge(cls, seed: int) -> "Measure":
        return Measure(cls, seed)

    @classmethod
    def tried(cls, answer: Any, seed: int) -> Verdict:
        """The verdict on a file by its path, read as it is when it is handed in."""
        if not isinstance(answer, str | Path) or Path(answer).name.casefold() != cls.file:
            return Verdict(
                "student error",
                f"The check takes the path of your file, {cls.file!r}: the grader looks for a file"
                " of this name.",
            )
        if not Path(answer).exists():
            return Verdict(
                "student error",
                f"There is no {answer} here; run the cell that saves it, in this folder.",
            )
        file = file_beside(Path(answer), cls.file, cls.max_bytes)
        if file.fault:
            return Verdict("invalid", file.fault)
        judge = cls.judge(seed)
        content, *more = judge.asked(file.content)
        return judge.verdict([attempt(cls.probe, content, more)])


class Measure:
    """Gives verdicts on files for one set of cases."""

    def __init__(self, exercise: type[Artefact], seed: int):
        rng = random.Random(f"{exercise.file}:{seed}")
        self.exercise = exercise
        self.cases = [exercise.case(rng) for _ in range(exercise.n_draws)]

    def asked(self, content: bytes) -> tuple:
        """The arguments of the probe for a file's bytes."""
        return (
            np.frombuffer(content, np.uint8),
            [case.given for case in self.cases],
            *self.exercise.settings,
        )

    def is_missing(self, outputs: Sequence[Any]) -> bool:
        """A file has no name in the notebook."""
        return False

    def verdict(self, outputs: Sequence[Any]) -> Verdict:
        """The verdict on what the probe returned, the one output.

        Raises:
            ValueError: if it is neither replies nor a refusal: the probe is ours.
        """
        (got,) = outputs
        if isinstance(got, Raised) and self.exercise.refuses in got.kinds:
            return Verdict("invalid", got.message)
        replies = got.get("replies") if isinstance(got, dict) else None
        if not isinstance(replies, list) or len(replies) != len(self.cases):
            raise ValueError(
                f"measuring ended in {got.kinds[0]}: {got.message}"
                if isinstance(got, Raised)
                else "measuring gave no reply to each case"
            )
        right = [case.right for case in self.cases]
        share = proportion([said == wanted for said, wanted in zip(replies, right)])
        said = (
            f"{round(share.value * share.n)} of {share.n} right, {share}; {self.exercise.bar} is"
            " asked for."
        )
        if share.value < self.exercise.bar:
            return self._wrong(right, got, said)
        close = (
            " With other cases it might have come out below."
            if share.low < self.exercise.bar
            else ""
        )
        return Verdict("pass", f"It does what it should.{MEASURED}{said}{close}")

    def _wrong(self, right: Sequence[str], got: dict, said: str) -> Verdict:
        for name, shows in self.exercise.symptoms.items():
            if shows(right, got):
                return Verdict("wrong", f"{shows.symptom}{MEASURED}{said}", name)
        return Verdict("wrong", f"Too few replies are right.{MEASURED}{said}")
