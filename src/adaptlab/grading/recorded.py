"""Recorded exercises: the checks of the students' package, which contains no reference answers.

A file for each lab holds fixed inputs, the expected results, and the results of known
misconceptions. The grader generates its own inputs from the exercises themselves. For an ordering
exercise the file holds hashes of the correct orders. They hide the orders from a reader, but not
from a search over all orders.
"""

import hashlib
import importlib
import inspect
import itertools
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json
from adaptlab.grading.artefact import Artefact, Asked, Measure
from adaptlab.grading.codec import Raised, decode, encode
from adaptlab.grading.exercise import Exercise, Judge, Parsons, Verdict
from adaptlab.grading.telling import Words, parameters

FOLDER = Path(__file__).parent / "recordings"
SEED = 2026
OF_A_FILE = ("file", "max_bytes", "bar", "refuses")


def is_recorded() -> bool:
    """Whether this is the students' package."""
    return FOLDER.is_dir() and not (Path(__file__).parent / "labs").is_dir()


def record(exercise: type[Exercise]) -> dict:
    """Return all data that a check needs about an exercise, for JSON."""
    about = {"name": exercise.__name__, "probe": _place(exercise.probe)}
    if issubclass(exercise, Artefact):
        cases = [[encode(case.given), case.right] for case in exercise.judge(SEED).cases]
        of_a_file = {name: getattr(exercise, name) for name in OF_A_FILE}
        return about | of_a_file | {"settings": list(exercise.settings), "cases": cases}
    if issubclass(exercise, Parsons):
        letters = sorted(exercise.right_order)
        orders = map("".join, itertools.permutations(letters))
        right = sorted(_hashed(order) for order in orders if exercise.same(None, order))
        return about | {"letters": "".join(letters), "orders": right}
    judge = exercise.judge(SEED)
    named = exercise.misconceptions
    return about | {
        "tolerances": [exercise.rtol, exercise.atol],
        "parameters": parameters(exercise.right),
        "inputs": [encode(list(args)) for args in judge.inputs],
        "words": {
            _key(args): _words(exercise, args) for args in judge.inputs if _words(exercise, args)
        },
        "expected": encode(judge.expected),
        "misconceptions": [
            [named[name].misconception, encode(outputs)]
            for name, outputs in judge.imitations.items()
        ],
    }


def _words(exercise: type[Exercise], args: tuple) -> dict[str, str]:
    """Return the arguments of an input that feedback shows in words, by their positions."""
    shown = enumerate(exercise.in_words(*args))
    return {str(place): str(arg) for place, arg in shown if isinstance(arg, Words)}


def _key(args: Sequence) -> str:
    return hashlib.sha256(json.dumps(encode(list(args))).encode()).hexdigest()[:16]


def _place(probe) -> str:
    return f"{probe.__module__}:{probe.__name__}"


def _hashed(order: str) -> str:
    return hashlib.sha256(f"adaptlab {order}".encode()).hexdigest()[:24]


def recorded_exercises(lab: str) -> dict[str, type[Exercise]]:
    """Return the recorded exercises of a lab by name, in order.

    Raises:
        AdaptLabError: if there is no such lab.
    """
    path = FOLDER / f"{lab}.json"
    if not path.exists():
        known = ", ".join(sorted(recording.stem for recording in FOLDER.glob("lab[0-9][0-9].json")))
        raise AdaptLabError(f"There is no lab {lab!r}. Use one of {known}.")
    return {about["name"]: _exercise(about) for about in read_json(path)}


def _exercise(about: dict) -> Any:
    module, _, name = about["probe"].partition(":")
    probe = getattr(importlib.import_module(module), name)
    if "file" in about:
        return _file(about, probe)
    kind: Any = type(about["name"], (_Order if "orders" in about else _Called,), {"probe": probe})
    kind.about = about
    if "parameters" in about:
        kind.right = _named(about["parameters"])
    return kind


def _named(names: list[str]) -> Any:
    """Return a function that has only the names of its parameters."""

    def right(*args):
        raise NotImplementedError

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    vars(right)["__signature__"] = inspect.Signature(
        [inspect.Parameter(name, kind) for name in names]
    )
    return staticmethod(right)


def _file(about: dict, probe) -> type[Artefact]:
    values = {name: about[name] for name in OF_A_FILE} | {"settings": tuple(about["settings"])}
    made: Any = type(about["name"], (Artefact,), values | {"probe": probe})
    cases = [Asked(decode(given), right) for given, right in about["cases"]]

    def judge(cls, seed: int) -> Measure:
        measure = Measure.__new__(Measure)
        measure.exercise = cls
        measure.cases = cases
        return measure

    made.judge = classmethod(judge)
    return made


class _Called(Exercise):
    """An exercise whose inputs and expected results are read from a file."""

    about: dict

    @classmethod
    def inputs(cls, seed: int) -> list[tuple]:
        return [tuple(decode(args, tensors=True)) for args in cls.about["inputs"]]

    @classmethod
    def in_words(cls, *args: Any) -> tuple:
        words = cls.about["words"].get(_key(args), {})
        told = enumerate(args)
        return tuple(Words(words[str(i)]) if str(i) in words else arg for i, arg in told)

    @staticmethod
    def right(*args: Any) -> Any:
        """Not available: only its results are recorded. `_exercise` replaces it with its
        signature.
        """
        raise NotImplementedError

    @classmethod
    def judge(cls, seed: int) -> Judge:
        cls.rtol, cls.atol = cls.about["tolerances"]
        return _RecordedJudge(cls, seed)


class _RecordedJudge(Judge):
    exercise: Any

    @cached_property
    def expected(self) -> list:
        return decode(self.exercise.about["expected"])

    @cached_property
    def imitations(self) -> dict[str, list]:
        named = self.exercise.about["misconceptions"]
        self.exercise.misconceptions = {
            sentence: SimpleNamespace(misconception=sentence) for sentence, _ in named
        }
        return {sentence: decode(outputs) for sentence, outputs in named}


class _Order(Exercise):
    """An ordering exercise; only hashes of the correct orders are known."""

    n_draws = 1
    about: dict

    @staticmethod
    def draw(rng):
        return ()

    @classmethod
    def judge(cls, seed: int) -> "_OrderJudge":
        return _OrderJudge(cls)


class _OrderJudge:
    """Judges whether an order is one of the correct ones."""

    inputs = ((),)

    def __init__(self, exercise: type[_Order]):
        self.exercise = exercise
        self.about = exercise.about

    def is_missing(self, outputs: list) -> bool:
        return False

    def verdict(self, outputs: list, tells_expected: bool = False) -> Verdict:
        (got,) = outputs
        if isinstance(got, Raised):
            if got.kinds[0] == "NotImplementedError":
                return Verdict("student error", "Nothing is written here yet.", "blank")
            says = f"It raises {got.kinds[0]}: {got.message}"
            return Verdict("student error", says[:600])
        letters = self.about["letters"]
        if not _is_order(got, letters):
            form = f"The order must be a string of the letters {letters}, each once"
            return Verdict("wrong", f"{form}, with nothing between them.", "form")
        if _hashed("".join(got)) in self.about["orders"]:
            return Verdict("pass", "Correct.")
        return Verdict(
            "wrong", "This order does not work. For each line, ask which lines it depends on."
        )


def _is_order(got: Any, letters: str) -> bool:
    return isinstance(got, str | list) and sorted(map(str, got)) == list(letters)
