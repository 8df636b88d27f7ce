"""An exercise and its judge: the reference answer, the known misconceptions, and verdicts from
comparing plain data.

A wrong answer is recognised by imitation. For each misconception there is a function that a student
with this misconception would write. An answer that returns the same as this function on every input
has the misconception. Where the answer uses randomness, a symptom recognises it: a property of
every result that is not correct. Neither the reference nor the wrong functions are ever available
where student code runs.
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

# In a sentence, before the failures that the misconception does not explain.
REST = "\nThat is not all:\n"
# In a sentence, before the part that is about this one answer. The part before it is the same for
# all students.
MEASURED = " Measured: "


@dataclass(frozen=True)
class Verdict:
    """The judge's verdict on an answer.

    `status` is "pass", "wrong" or "student error"; for a file of the wrong form, "invalid".
    """

    status: str
    sentence: str
    misconception: str = ""


def wrong(sentence: str) -> Callable:
    """Mark a function of an exercise as the answer of a student with a misconception. The sentence
    is the feedback.
    """

    def mark(function: Any) -> Any:
        function.misconception = sentence
        return function

    return mark


def symptom(sentence: str) -> Callable:
    """Mark a function `(expected, got) -> bool` of an exercise as a misconception's symptom."""

    def mark(function: Any) -> Any:
        function.symptom = sentence
        return function

    return mark


class Exercise:
    """Base class of an exercise. It is never instantiated: its functions are static or class
    methods. The name of the subclass is the name of the student's function.

    A subclass has:
    - `draw(rng)`: the arguments of one call, from a NumPy generator.
    - `right(*args)`: the reference answer.
    - functions marked by `wrong` or `symptom`.
    - optionally `edges()`: a list of arguments that are always among the inputs.

    `probe` is the function in `adaptlab.grading.probes` that calls an answer.
    """

    probe: ClassVar[Callable] = call
    is_called: ClassVar[bool] = True  # whether an answer is a function or a class
    tells_expected: ClassVar[bool] = True  # in the notebook, where every check has new inputs
    n_draws: ClassVar[int] = 20
    # Relative float32 differences between numbers of threads, or with and without AVX, are about
    # 1e-7. Wrong results differ by far more.
    rtol: ClassVar[float] = 1e-4
    atol: ClassVar[float] = 1e-5
    misconceptions: ClassVar[dict[str, Any]]
    symptoms: ClassVar[dict[str, Any]]
    right: ClassVar[Any]  # the reference answer, a function of an exercise's arguments

    def __init_subclass__(cls) -> None:
        named = {name: getattr(cls, name) for name in vars(cls)}
        cls.misconceptions = {
            name: value for name, value in named.items() if hasattr(value, "misconception")
        }
        cls.symptoms = {name: value for name, value in named.items() if hasattr(value, "symptom")}

    @staticmethod
    def edges() -> list[tuple]:
        """Return arguments that are always among the inputs."""
        return []

    @staticmethod
    def draw(rng: np.random.Generator) -> tuple:
        """Return random arguments of one call."""
        raise NotImplementedError

    @staticmethod
    def in_words(*args: Any) -> tuple:
        """Return the arguments as feedback shows them. A `Words` replaces an object that the probe
        builds from plain data, such as a function.
        """
        return args

    @classmethod
    def inputs(cls, seed: int) -> list[tuple]:
        """Return the arguments of every call: the edges, then `n_draws` random ones."""
        rng = np.random.default_rng(seed)
        return [*cls.edges(), *(cls.draw(rng) for _ in range(cls.n_draws))]

    @classmethod
    def same(cls, expected: Any, got: Any) -> bool:
        """Whether two results are equal; numbers within the tolerance."""
        return gap(expected, got, cls.rtol, cls.atol) is None

    @classmethod
    def outputs(cls, answer: Any, inputs: Sequence[tuple]) -> list:
        """Return an answer's result for each input, as the judge gets it: called by the probe, then
        encoded and decoded.
        """
        return [attempt(cls.probe, answer, args) for args in inputs]

    @classmethod
    def probe_name(cls) -> str:
        """Return the name of the probe inside the sandbox."""
        module = cls.probe.__module__.removeprefix("adaptlab.grading.probes").removeprefix(".")
        return f"{module}.{cls.probe.__name__}".removeprefix(".")

    @classmethod
    def judge(cls, seed: int) -> Any:
        """Return a judge with the inputs of a seed."""
        return Judge(cls, seed)

    @classmethod
    def tried(cls, answer: Any, seed: int) -> Verdict:
        """Return the verdict on an answer that is called in this process."""
        judge = cls.judge(seed)
        return judge.verdict(cls.outputs(answer, judge.inputs), cls.tells_expected)


class Parsons(Exercise):
    """An exercise whose answer is an order of lettered lines, returned by a function without
    arguments. Every order that satisfies the rules is correct.

    A subclass has `right_order`, one correct order, and `rules`. A rule maps two letters, of which
    the first must come before the second, to the feedback for an order that violates it.
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
            f"The order must be a string of {n} capital letters: each of A to {last} once, with"
            " nothing between them."
        )
        # Without this symptom, a plain verdict would show a correct order.
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
    """Call an answer once; arguments and result are encoded and decoded as in the sandbox. An
    exception becomes `Raised`.
    """
    try:
        result = probe(answer, *(decode(encode(arg), tensors=True) for arg in args))
    except Exception as error:
        result = Raised.of(error)
    return decode(encode(result))


class Judge:
    """Judges answers to one exercise on one set of inputs. The outputs of the reference answer and
    of the misconceptions are computed once.
    """

    def __init__(self, exercise: type[Exercise], seed: int):
        self.exercise = exercise
        self.inputs = exercise.inputs(seed)

    @cached_property
    def expected(self) -> list:
        """The expected result for each input."""
        return self.exercise.outputs(self.exercise.right, self.inputs)

    @cached_property
    def imitations(self) -> dict[str, list]:
        """The result of each misconception for each input."""
        return {
            name: self.exercise.outputs(function, self.inputs)
            for name, function in self.exercise.misconceptions.items()
        }

    def verdict(self, outputs: Sequence[Any], tells_expected: bool = False) -> Verdict:
        """Return the verdict on an answer's outputs, in the order of the inputs.

        `tells_expected`: show the expected result of a failed input. Never set it where the same
        inputs are used again: by repeated submissions a student could collect a table of correct
        results.
        """
        failed = [
            i
            for i, (right, got) in enumerate(zip(self.expected, outputs, strict=True))
            if not self.exercise.same(right, got)
        ]
        if not failed:
            return Verdict(
                "pass",
                f"Correct on all {len(self.inputs)} inputs."
                if len(self.inputs) > 1
                else "Correct.",
            )
        if self.is_missing(outputs):  # nothing to imitate
            return self._constant(outputs) or self._plain(outputs, failed, tells_expected)
        return (
            self._blank(outputs)
            or self._misconception(outputs, failed)
            or self._constant(outputs)
            or self._several(outputs, failed, tells_expected)
            or self._plain(outputs, failed, tells_expected)
        )

    def is_missing(self, outputs: Sequence[Any]) -> bool:
        """Whether the notebook does not define the exercise's name, for example because its cell
        fails before the definition.
        """
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
            says = f"{self.exercise.__name__} is not defined."
            why = "Its cell is gone or does not run, or the name was changed. Restore the cell."
            return Verdict("student error", f"{says} {why}")
        if len(outputs) < 3 or any(gap(outputs[0], other, 0, 0) for other in outputs[1:]):
            return None
        if isinstance(outputs[0], Raised):
            says = f"On every input it raises {told(outputs[0])}"
            return Verdict("student error", says[:600])
        says = f"It returns the same result on every input: {told(outputs[0])}."
        return Verdict("wrong", says, "constant")

    def _several(self, outputs: Sequence, failed: list, tells_expected: bool) -> Verdict | None:
        """Return a verdict that names two mistakes, or one mistake and a failure that it does not
        explain.
        """
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
        """Return a verdict that shows the smallest failing input, as a call that can be pasted, and
        its result.
        """
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
    """Whether a result shows a symptom. If the symptom's function fails because the result has
    another form than the expected one, it does not.
    """
    try:
        return bool(function(expected, got))
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return False
