"""An exercise whose answer is a file, such as trained weights. The student submits it with the
notebook, and the grader scores it on new test cases.

A probe opens the file in a separate sandbox that has run no student code. The probe returns a reply
for each case. The expected replies are known only outside the sandbox.
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
    """A test case: the input for the artefact, as plain data, and the expected reply."""

    given: Any
    right: str


class Artefact(Exercise):
    """Base class of an exercise whose answer's cell writes a file and passes its name to the check.

    A subclass has:

    - `file`: the name of the file, and `max_bytes`, its largest size.
    - `case(rng)`: a random case, from a Python random generator.
    - `probe(content, given, *settings)`: returns {"replies": a text for each case, ...}.
    - `bar`: the accuracy that is needed to pass.
    - `refuses`: the name of the error that the probe raises for a file of the wrong form.
    - symptoms: functions `(right, got) -> bool` of all expected replies and the probe's result,
      tried in order.
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
        """Return the verdict on the file at a path, read in the same way as a submitted file."""
        if not isinstance(answer, str | Path) or Path(answer).name.casefold() != cls.file:
            return Verdict(
                "student error",
                f"The answer is not the path of {cls.file!r}. Pass the path of your file under this"
                " name; the grader looks for it.",
            )
        if not Path(answer).exists():
            return Verdict(
                "student error",
                f"There is no file {answer} here. Run the cell that saves it, in this folder.",
            )
        file = file_beside(Path(answer), cls.file, cls.max_bytes)
        if file.fault:
            return Verdict("invalid", file.fault)
        judge = cls.judge(seed)
        content, *more = judge.asked(file.content)
        return judge.verdict([attempt(cls.probe, content, more)])


class Measure:
    """Judges files on one set of test cases."""

    def __init__(self, exercise: type[Artefact], seed: int):
        rng = random.Random(f"{exercise.file}:{seed}")
        self.exercise = exercise
        self.cases = [exercise.case(rng) for _ in range(exercise.n_draws)]

    def asked(self, content: bytes) -> tuple:
        """Return the arguments of the probe for the bytes of a file."""
        return (
            np.frombuffer(content, np.uint8),
            [case.given for case in self.cases],
            *self.exercise.settings,
        )

    def is_missing(self, outputs: Sequence[Any]) -> bool:
        """Return False: the answer is a file and has no name in the notebook."""
        return False

    def verdict(self, outputs: Sequence[Any]) -> Verdict:
        """Return the verdict on the probe's only output.

        Raises:
            ValueError: if the output is neither a list of replies nor a refusal. The probe is our
                own code.
        """
        (got,) = outputs
        if isinstance(got, Raised) and self.exercise.refuses in got.kinds:
            return Verdict("invalid", got.message)
        replies = got.get("replies") if isinstance(got, dict) else None
        if not isinstance(replies, list) or len(replies) != len(self.cases):
            raise ValueError(
                f"the probe raised {got.kinds[0]}: {got.message}"
                if isinstance(got, Raised)
                else "the probe did not return one reply for each case"
            )
        right = [case.right for case in self.cases]
        share = proportion([said == wanted for said, wanted in zip(replies, right)])
        said = (
            f"{round(share.value * share.n)} of {share.n} correct, {share}; the exercise asks for"
            f" {self.exercise.bar}."
        )
        if share.value < self.exercise.bar:
            return self._wrong(right, got, said)
        close = (
            " On other cases the accuracy might be below that."
            if share.low < self.exercise.bar
            else ""
        )
        return Verdict("pass", f"The file passes.{MEASURED}{said}{close}")

    def _wrong(self, right: Sequence[str], got: dict, said: str) -> Verdict:
        for name, shows in self.exercise.symptoms.items():
            if shows(right, got):
                return Verdict("wrong", f"{shows.symptom}{MEASURED}{said}", name)
        return Verdict("wrong", f"Too few replies are correct.{MEASURED}{said}")
