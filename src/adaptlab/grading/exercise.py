"""An exercise and its judge: what is right, what wrong answers believe, and a verdict by comparing plain data.

A wrong answer is known by imitation: each misconception is the function that somebody who holds it would write, and an answer that returns what that
function returns, on every input, holds it. Where chance is part of the answer, it is known by a symptom: what holds of every result that is not right.
Neither right nor wrong functions ever go where a student's code runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from adaptlab.grading.probes import call
from adaptlab.grading.wire import Other, Raised, decode, encode

MEASURED = " Measured: "  # in a sentence, before what is true of this one answer; what stands before it is said to all alike


@dataclass(frozen=True)
class Verdict:
    """What the judge says of an answer: `status` is "pass", "wrong" or "student error"; of a file that is not what it should be, "invalid"."""

    status: str
    sentence: str
    misconception: str = ""


def wrong(sentence: str) -> Callable:
    """Marks a function of an exercise as what somebody would write who holds a misconception; the sentence is said to them."""

    def mark(function: Callable) -> Callable:
        function.misconception = sentence
        return function

    return mark


def symptom(sentence: str) -> Callable:
    """Marks a function `(expected, got) -> bool` of an exercise as the sign of a misconception."""

    def mark(function: Callable) -> Callable:
        function.symptom = sentence
        return function

    return mark


class Words(str):
    """A description that stands in a sentence as it is."""


class Exercise:
    """One exercise; a subclass is never made an instance, its functions are called as they stand, and its name is that of the student's function.

    A subclass has `draw(rng)`, the arguments of one call by a NumPy generator; `right(*args)`; functions marked by `wrong` or `symptom`; and may have
    `edges()`, a list of arguments that are always among the inputs. `probe` is the function of `adaptlab.grading.probes` by which an answer is called.
    """

    probe: ClassVar[Callable] = call
    is_called: ClassVar[bool] = True  # whether an answer is a function or a class
    n_draws: ClassVar[int] = 20
    # Between one thread and two, or processors with and without AVX, float32 results differ by some 1e-7 of their size; wrong ones by far more.
    rtol: ClassVar[float] = 1e-4
    atol: ClassVar[float] = 1e-5
    misconceptions: ClassVar[dict[str, Callable]]
    symptoms: ClassVar[dict[str, Callable]]

    def __init_subclass__(cls) -> None:
        cls.misconceptions = {name: value for name, value in vars(cls).items() if hasattr(value, "misconception")}
        cls.symptoms = {name: value for name, value in vars(cls).items() if hasattr(value, "symptom")}

    def edges() -> list[tuple]:
        """Arguments that are always among the inputs."""
        return []

    def draw(rng: np.random.Generator) -> tuple:
        """Random arguments of one call."""
        raise NotImplementedError

    def in_words(*args: Any) -> tuple:
        """Arguments as a sentence to the student shows them; a `Words` stands for what a probe makes of plain data, a function for example."""
        return args

    @classmethod
    def inputs(cls, seed: int) -> list[tuple]:
        """The arguments of every call: the edges, then `n_draws` random ones."""
        rng = np.random.default_rng(seed)
        return [*cls.edges(), *(cls.draw(rng) for _ in range(cls.n_draws))]

    @classmethod
    def same(cls, expected: Any, got: Any) -> bool:
        """Whether two results are equal, numbers within the tolerance."""
        return difference(expected, got, cls.rtol, cls.atol) == ""

    @classmethod
    def outputs(cls, answer: Any, inputs: Sequence[tuple]) -> list:
        """What an answer returns for each input, as the judge will see it: by its probe, through the wire."""
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
        return judge.verdict(cls.outputs(answer, judge.inputs))


class Parsons(Exercise):
    """An exercise whose answer is the order of lettered lines, by a function without arguments; every order that keeps the rules is right.

    A subclass has `right_order`, one such order, and `rules`: for two letters, of which the first comes before the second, what to say if it does not.
    """

    n_draws = 1
    right_order: ClassVar[str]
    rules: ClassVar[dict[str, str]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        n, last = len(cls.right_order), max(cls.right_order)
        form = f"The order is a string of {n} capital letters, each of A to {last} once, with nothing between them."
        cls.symptoms["form"] = symptom(form)(lambda _, got: not isinstance(got, Raised) and not cls._complete(got))  # or a plain verdict would tell an order
        for pair, sentence in cls.rules.items():
            cls.symptoms[pair] = symptom(sentence)(lambda _, got, pair=pair: cls._complete(got) and got.index(pair[0]) > got.index(pair[1]))

    def draw(rng):
        return ()

    @classmethod
    def right(cls):
        return cls.right_order

    @classmethod
    def same(cls, expected, got):
        return cls._complete(got) and all(got.index(first) < got.index(second) for first, second in cls.rules)

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
    """Gives verdicts on answers to one exercise for one set of inputs; what is right, and what misconceptions return, is computed once."""

    def __init__(self, exercise: type[Exercise], seed: int):
        self.exercise, self.inputs = exercise, exercise.inputs(seed)

    @cached_property
    def expected(self) -> list:
        """The right result for each input."""
        return self.exercise.outputs(self.exercise.right, self.inputs)

    @cached_property
    def imitations(self) -> dict[str, list]:
        """What each misconception returns for each input."""
        return {name: self.exercise.outputs(function, self.inputs) for name, function in self.exercise.misconceptions.items()}

    def prepare(self) -> None:
        """Compute what is right, and what misconceptions return."""
        _ = self.expected, self.imitations

    def verdict(self, outputs: Sequence[Any]) -> Verdict:
        """The verdict on what an answer returned for the inputs, in their order."""
        failed = [i for i, (right, got) in enumerate(zip(self.expected, outputs, strict=True)) if not self.exercise.same(right, got)]
        if not failed:
            return Verdict("pass", f"Right on all {len(self.inputs)} inputs." if len(self.inputs) > 1 else "Right.")
        return self._blank(outputs) or self._misconception(outputs, failed) or self._plain(outputs, failed)

    def is_missing(self, outputs: Sequence[Any]) -> bool:
        """Whether nothing has the name of the exercise, as where its cell fails above it."""
        says = f"name {self.exercise.__name__!r} is not defined"
        return all(isinstance(got, Raised) and got.kinds[0] == "NameError" and got.message == says for got in outputs)

    def _blank(self, outputs: Sequence[Any]) -> Verdict | None:
        if any(isinstance(got, Raised) and got.kinds[0] == "NotImplementedError" for got in outputs):
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

    def _plain(self, outputs: Sequence[Any], failed: list[int]) -> Verdict:
        first = min(failed, key=lambda i: len(repr(self.inputs[i])))  # the least to think through
        where, expected, got = f"With {describe_args(self.exercise.in_words(*self.inputs[first]))}", self.expected[first], outputs[first]
        if self.is_missing(outputs):
            says = "Its cell is gone or does not run, or the name was changed."
            return Verdict("student error", f"Nothing here is called {self.exercise.__name__}. {says}")
        if isinstance(got, Raised) and not isinstance(expected, Raised):
            says = f"{where} it stops with {_told(got)}, and should return {describe(expected)}"
            return Verdict("student error", f"{says[:600]}. {len(failed)} of {len(outputs)} inputs fail.")
        if len(outputs) > 2 and all(difference(outputs[0], other, 0, 0) == "" for other in outputs[1:]):
            if isinstance(outputs[0], Raised):
                return Verdict("student error", f"Whatever it is given, it stops with {_told(outputs[0])}"[:600])
            return Verdict("wrong", f"It returns the same whatever it is given: {describe(outputs[0])}.", "constant")
        says = difference(expected, got, self.exercise.rtol, self.exercise.atol) or "the result is not one of those that are right"
        return Verdict("wrong", f"{where} {says}. {len(failed)} of {len(outputs)} inputs fail.")


def _told(raised: Raised) -> str:
    """An exception in a sentence, its message where it has one."""
    return f"{raised.kinds[0]}: {raised.message}" if raised.message else raised.kinds[0]


def _shows(function: Callable, expected: Any, got: Any) -> bool:
    """Whether a result shows a symptom; one of another form than the right one may make the question itself fail, and then it does not."""
    try:
        return bool(function(expected, got))
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return False


def difference(expected: Any, got: Any, rtol: float, atol: float, place: str = "the result") -> str:
    """What tells two results apart, as a clause; empty if nothing does. A list stands for a tuple, and an array for a tensor."""
    if isinstance(expected, Raised):
        if isinstance(got, Raised) and expected.kinds[0] in got.kinds:
            return ""
        return f"{place} should be a {expected.kinds[0]}, and {'is ' + got.kinds[0] if isinstance(got, Raised) else 'none is raised'}"
    if isinstance(got, Raised):
        return f"{place} is {got.kinds[0]}: {got.message}"
    if isinstance(expected, np.ndarray):
        return _array_difference(expected, got, rtol, atol, place)
    if isinstance(expected, list):
        return _list_difference(expected, got, rtol, atol, place)
    if isinstance(expected, dict) and isinstance(got, dict):
        if expected.keys() != got.keys():
            return f"{place} has the keys {describe(sorted(map(str, got)))} and should have {describe(sorted(map(str, expected)))}"
        found = (difference(expected[key], got[key], rtol, atol, f"{place}[{key!r}]") for key in expected)
        return next(filter(None, found), "")
    if _is_number(expected) and isinstance(got, np.ndarray) and got.shape == ():
        got = got.item()
    if _is_number(expected) and _is_number(got):
        close = expected == got or abs(expected - got) <= atol + rtol * abs(expected)  # false for NaN
        return "" if close else f"{place} is {describe(got)} and should be {describe(expected)}"
    if type(expected) is type(got) and expected == got:
        return ""
    return f"{place} is {describe(got)} and should be {describe(expected)}"


def _array_difference(expected: np.ndarray, got: Any, rtol: float, atol: float, place: str) -> str:
    if not isinstance(got, np.ndarray):
        return f"{place} is {describe(got)} and should be an array of shape {expected.shape}"
    if got.shape != expected.shape:
        return f"{place} has the shape {got.shape} and should have {expected.shape}"
    if (expected.dtype == bool) != (got.dtype == bool):
        return f"{place} holds {got.dtype} and should hold {expected.dtype}"
    # The error of a sum is that of its greatest terms, so small elements of an array may be off by more than their own size says.
    scale = max(1.0, float(np.abs(expected[np.isfinite(expected)].astype(float)).max(initial=0)))
    close = np.isclose(got.astype(float), expected.astype(float), rtol=rtol, atol=atol * scale)
    if close.all():
        return ""
    at = tuple(int(i) for i in np.argwhere(~close)[0])
    return f"{place} is {got[at]:.6g} and should be {expected[at]:.6g} at {list(at)}" if at else f"{place} is {got:.6g} and should be {expected:.6g}"


def _list_difference(expected: list, got: Any, rtol: float, atol: float, place: str) -> str:
    if not isinstance(got, list):
        return f"{place} is {describe(got)} and should be a list of {len(expected)}"
    if len(got) != len(expected):
        return f"{place} has {len(got)} items and should have {len(expected)}"
    found = (difference(right, item, rtol, atol, f"{place}[{i}]") for i, (right, item) in enumerate(zip(expected, got)))
    return next(filter(None, found), "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def describe(value: Any) -> str:
    """A value in few words: arrays by their shape, the rest as Python writes it, cut short and without what a terminal obeys."""
    if isinstance(value, Other):
        return f"a {value.type}"
    if isinstance(value, Words):
        return str(value)
    if hasattr(value, "shape") and value.shape != ():
        return f"an array of shape {tuple(value.shape)}"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:150]} …"


def describe_args(args: Sequence) -> str:
    """The arguments of a call, in few words."""
    return f"({', '.join(describe(arg) for arg in args)})"
