"""An exercise and its judge: what is right, what wrong answers believe, and a verdict by comparing
plain data.

A wrong answer is known by imitation: each misconception is the function that somebody who holds it
would write, and an answer that returns what that function returns, on every input, holds it. Where
chance is part of the answer, it is known by a symptom: what holds of every result that is not
right. Neither right nor wrong functions ever go where a student's code runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from adaptlab.grading.codec import Raised, decode, encode
from adaptlab.grading.compare import gap, told
from adaptlab.grading.mistakes import held_together
from adaptlab.grading.probes import call
from adaptlab.grading.telling import Words, call_text, size

__all__ = ["Exercise", "Judge", "Parsons", "Verdict", "Words", "symptom", "wrong"]

REST = "\nThat is not all:\n"  # in a sentence, before what a misconception does not explain
# In a sentence, before what is true of this one answer; what stands before it is said to all alike.
MEASURED = " Measured: "


@dataclass(frozen=True)
class Verdict:
    """What the judge says of an answer: `status` is "pass", "wrong" or "student error"; of a file
    that is not what it should be, "invalid".
    """

    status: str
    sentence: str
    misconception: str = ""


def wrong(sentence: str) -> Callable:
    """Marks a function of an exercise as what somebody would write who holds a misconception; the
    sentence is said to them.
    """

    def mark(function: Any) -> Any:
        function.misconception = sentence
        return function

    return mark


def symptom(sentence: str) -> Callable:
    """Marks a function `(expected, got) -> bool` of an exercise as the sign of a misconception."""

    def mark(function: Any) -> Any:
        function.symptom = sentence
        return function

    return mark


class Exercise:
    """One exercise; a subclass is never made an instance, its functions are called as they stand,
    and its name is that of the student's function.

    A subclass has `draw(rng)`, the arguments of one call by a NumPy generator; `right(*args)`;
    functions marked by `wrong` or `symptom`; and may have `edges()`, a list of arguments that are
    always among the inputs. `probe` is the function of `adaptlab.grading.probes` by which an answer
    is called.
    """

    probe: ClassVar[Callable] = call
    is_called: ClassVar[bool] = True  # whether an answer is a function or a class
    tells_expected: ClassVar[bool] = True  # beside the exercise, where every check has new inputs
    n_draws: ClassVar[int] = 20
    # Between one thread and two, or processors with and without AVX, float32 results differ by some
    # 1e-7 of their size; wrong ones by far more.
    rtol: ClassVar[float] = 1e-4
    atol: ClassVar[float] = 1e-5
    misconceptions: ClassVar[dict[str, Any]]
    symptoms: ClassVar[dict[str, Any]]
    right: ClassVar[Any]  # the right answer, a function of an exercise's arguments

    def __init_subclass__(cls) -> None:
        named = {name: getattr(cls, name) for name in vars(cls)}
        cls.misconceptions = {
            name: value for name, value in named.items() if hasattr(value, "misconception")
        }
        cls.symptoms = {name: value for name, value in named.items() if hasattr(value, "symptom")}

    @staticmethod
    def edges() -> list[tuple]:
        """Arguments that are always among the inputs."""
        return []

    @staticmethod
    def draw(rng: np.random.Generator) -> tuple:
        """Random arguments of one call."""
        raise NotImplementedError

    @staticmethod
    def in_words(*args: Any) -> tuple:
        """Arguments as a sentence to the student shows them; a `Words` stands for what a probe
        makes of plain data, a function for example.
        """
        return args

    @classmethod
    def inputs(cls, seed: int) -> list[tuple]:
        """The arguments of every call: the edges, then `n_draws` random ones."""
        rng = np.random.default_rng(seed)
        return [*cls.edges(), *(cls.draw(rng) for _ in range(cls.n_draws))]

    @classmethod
    def same(cls, expected: Any, got: Any) -> bool:
        """Whether two results are equal, numbers within the tolerance."""
        return gap(expected, got, cls.rtol, cls.atol) is None

    @classmethod
    def outputs(cls, answer: Any, inputs: Sequence[tuple]) -> list:
        """What an answer returns for each input, as the judge will see it: by its probe, through
        the wire.
        """
        return [attempt(cls.probe, answer, args) for args in inputs]

    @classmethod
    def probe_name(cls) -> str:
        """The probe as the box knows it."""
        module = cls.probe.__module__.removeprefix("adaptlab.grading.probes").removeprefix(".")
        return f"{module}.{cls.probe.__name__}".removeprefix(".")

    @classmethod
    def judge(cls, seed: int) -> Any:
        """Who gives the verdicts, for the inputs of a seed."""
        return Judge(cls, seed)

    @classmethod
    def tried(cls, answer: Any, seed: int) -> Verdict:
        """The verdict on an answer in this process, beside the exercise."""
        judge = cls.judge(seed)
        return judge.verdict(cls.outputs(answer, judge.inputs), cls.tells_expected)


class Parsons(Exercise):
    """An exercise whose answer is the order of lettered lines, by a function without arguments;
    every order that keeps the rules is right.

    A subclass has `right_order`, one such order, and `rules`: for two letters, of which the first
    comes before the second, what to say if it does not.
    """

    tells_expected = False
    n_draws = 1
    right_order: ClassVar[str]
    rules: ClassVar[dict[str, str]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        n = len(cls.right_order)
        last = max(cls.right_order)
        form = (
            f"The order is a string of {n} capital letters, each of A to {last} once, with nothing"
            " between them."
        )
        # Or a plain verdict would tell an order.
        cls.symptoms["form"] = symptom(form)(
            lambda _, got: not isinstance(got, Raised) and not cls._complete(got)
        )
        for pair, sentence in cls.rules.items():
            cls.symptoms[pair] = symptom(sentence)(
                lambda _, got, pair=pair: (
                    cls._complete(got) and got.index(pair[0]) > got.index(pair[1])
                )
            )

    @staticmethod
    def draw(rng):
        return ()

    @classmethod
    def right(cls):
        return cls.right_order

    @classmethod
    def same(cls, expected, got):
        return cls._complete(got) and all(
            got.index(first) < got.index(second) for first, second in cls.rules
        )

    @classmethod
    def _complete(cls, got) -> bool:
        return isinstance(got, str | list) and sorted(map(str, got)) == sorted(cls.right_order)


def attempt(probe: Callable, answer: Any, args: Sequence) -> Any:
    """One call, as plain data both ways, as in the box; an exception becomes `Raised`."""
    try:
        result = probe(answer, *(decode(encode(arg), tensors=True) for arg in args))
    except Exception as error:
        result = Raised.of(error)
    return decode(encode(result))


class Judge:
    """Gives verdicts on answers to one exercise for one set of inputs; what is right, and what
    misconceptions return, is computed once.
    """

    def __init__(self, exercise: type[Exercise], seed: int):
        self.exercise = exercise
        self.inputs = exercise.inputs(seed)

    @cached_property
    def expected(self) -> list:
        """The right result for each input."""
        return self.exercise.outputs(self.exercise.right, self.inputs)

    @cached_property
    def imitations(self) -> dict[str, list]:
        """What each misconception returns for each input."""
        return {
            name: self.exercise.outputs(function, self.inputs)
            for name, function in self.exercise.misconceptions.items()
        }

    def verdict(self, outputs: Sequence[Any], tells_expected: bool = False) -> Verdict:
        """The verdict on what an answer returned for the inputs, in their order.

        `tells_expected`: say what is right where it is not. Never where inputs come again: whoever
        hands in often enough would have a table of them.
        """
        failed = [
            i
            for i, (right, got) in enumerate(zip(self.expected, outputs, strict=True))
            if not self.exercise.same(right, got)
        ]
        if not failed:
            return Verdict(
                "pass",
                f"Right on all {len(self.inputs)} inputs." if len(self.inputs) > 1 else "Right.",
            )
        return (
            self._blank(outputs)
            or self._misconception(outputs, failed)
            or self._constant(outputs)
            or self._several(outputs, failed, tells_expected)
            or self._plain(outputs, failed, tells_expected)
        )

    def is_missing(self, outputs: Sequence[Any]) -> bool:
        """Whether nothing has the name of the exercise, as where its cell fails above it."""
        says = f"name {self.exercise.__name__!r} is not defined"
        raised = [got for got in outputs if isinstance(got, Raised)]
        named = all(got.kinds[0] == "NameError" and got.message == says for got in raised)
        return named and len(raised) == len(outputs)

    def _blank(self, outputs: Sequence[Any]) -> Verdict | None:
        if any(
            isinstance(got, Raised) and got.kinds[0] == "NotImplementedError" for got in outputs
        ):
            return Verdict("student error", "Nothing is written here yet.", "blank")
        return None

    def _misconception(self, outputs: Sequence[Any], failed: list[int]) -> Verdict | None:
        for name, imitated in self.imitations.items():
            if all(map(self.exercise.same, imitated, outputs)):
                return Verdict("wrong", self.exercise.misconceptions[name].misconception, name)
        for name, shows in self.exercise.symptoms.items():
            if all(_shows(shows, self.expected[i], outputs[i]) for i in failed):
                return Verdict("wrong", shows.symptom, name)
        return None

    def _constant(self, outputs: Sequence[Any]) -> Verdict | None:
        if self.is_missing(outputs):
            says = f"Nothing here is called {self.exercise.__name__}."
            why = "Its cell is gone or does not run, or the name was changed."
            return Verdict("student error", f"{says} {why}")
        if len(outputs) < 3 or any(gap(outputs[0], other, 0, 0) for other in outputs[1:]):
            return None
        if isinstance(outputs[0], Raised):
            says = f"Whatever it is given, it stops with {told(outputs[0])}"
            return Verdict("student error", says[:600])
        says = f"It returns the same whatever it is given: {told(outputs[0])}."
        return Verdict("wrong", says, "constant")

    def _several(self, outputs: Sequence, failed: list, tells_expected: bool) -> Verdict | None:
        """Two mistakes by their names, or one with what it does not explain."""
        names = held_together(self, outputs, set(failed))
        sentences = [self.exercise.misconceptions[name].misconception for name in names]
        if len(names) == 2:
            said = f"Two mistakes at once:\n1. {sentences[0]}\n2. {sentences[1]}"
            return Verdict("wrong", said, " and ".join(names))
        if not names:
            return None
        imitated = self.imitations[names[0]]
        others = [i for i in failed if not self.exercise.same(imitated[i], outputs[i])]
        rest = self._plain(outputs, others, tells_expected)
        return Verdict("wrong", f"{sentences[0]}{REST}{rest.sentence}", names[0])

    def _plain(self, outputs: Sequence[Any], failed: list[int], tells_expected: bool) -> Verdict:
        """The smallest input that fails, as a call that can be pasted, and what comes of it."""
        first = min(failed, key=lambda i: size(self.inputs[i]))
        args = self.exercise.in_words(*self.inputs[first])
        expected = self.expected[first]
        got = outputs[first]
        call = call_text(self.exercise.__name__, self.exercise.right, args)
        found = gap(expected, got, self.exercise.rtol, self.exercise.atol)
        lines = found.lines(tells_expected) if found else [f"{'got:':9} {told(got)}"]
        if len(outputs) > 1:
            fail = "fails" if len(failed) == 1 else "fail"
            lines.append(f"{len(failed)} of {len(outputs)} inputs {fail}.")
        raised = isinstance(got, Raised) and not isinstance(expected, Raised)
        return Verdict("student error" if raised else "wrong", "\n".join([call, *lines]))


def _shows(function: Any, expected: Any, got: Any) -> bool:
    """Whether a result shows a symptom; one of another form than the right one may make the
    question itself fail, and then it does not.
    """
    try:
        return bool(function(expected, got))
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return False
