"""Rewards that can be checked: prompts with their fields, and a function that scores a reply.

A row is {"messages": [...]} or {"prompt": ...} with any other fields. The messages end with the
user's turn. The function of FILE.py:function gets a reply and the row's other fields.
"""

import hashlib
import importlib.util
import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text
from adaptlab.json_rows import Fault, json_rows, unwrapped
from adaptlab.messages import Messages, assistant
from adaptlab.tune.formats import asked, refuse_faults
from adaptlab.tune.message_formats import checked

FIRST_BATCHES = 2  # after these a constant reward is reported
LONGEST = 80  # characters of a reply in a message
KEYS = ("messages", "prompt")
Report = Callable[[str], object]


@dataclass(frozen=True)
class RewardRow:
    """A prompt that ends with the user's turn, and what the reward needs."""

    prompt: Messages
    fields: Mapping


def read_reward_rows(path: Path) -> list[RewardRow]:
    """Read the rows of a JSON file.

    Raises:
        AdaptLabError: if the file has no rows, or rows have faults; it names the first with their
            places.
    """
    rows, around = unwrapped(json_rows(path), set(KEYS))
    made, faults = [], []
    for place, row in rows:
        try:
            made.append(_reward_row(row, around))
        except Fault as fault:
            faults.append(f"{place}: {fault}")
    refuse_faults(path, made, faults)
    return made


def _reward_row(row: object, around: dict) -> RewardRow:
    if isinstance(row, Fault):
        raise row
    if not isinstance(row, dict):
        raise Fault("not an object")
    rest = around | row
    named = [key for key in KEYS if rest.get(key) is not None]
    if len(named) != 1:
        raise Fault('a row needs either "messages" or "prompt"')
    if isinstance(rest[named[0]], str):
        return RewardRow(asked(rest, named[0]), rest)
    prompt = rest.pop(named[0])
    # A reply makes it a conversation, whose rules are those of all training data.
    whole = checked([*prompt, assistant("reply")] if isinstance(prompt, list) else prompt)
    return RewardRow(whole[:-1], rest)


@dataclass(frozen=True)
class RewardFunction:
    """A user's function (reply, fields) -> number; `name` is as it was given, `digest` a hash of
    its file.
    """

    name: str
    digest: str
    score: Callable[[str, Mapping], float]


def load_reward(given: str) -> RewardFunction:
    """Load the function of FILE.py:function.

    Raises:
        AdaptLabError: if there is no such file or function, or the file cannot be executed.
    """
    file, colon, name = given.rpartition(":")
    path = Path(file)
    if not colon or not name.isidentifier() or path.suffix != ".py":
        raise AdaptLabError(f"The reward is {given!r}. Give FILE.py:function.")
    text = read_text(path)
    module = _executed(path, text)
    score = getattr(module, name, None)
    if not callable(score):
        there = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise AdaptLabError(
            f"{path} has no function {name!r}. Choose from {', '.join(there) or 'none'}."
        )
    return RewardFunction(given, hashlib.sha256(text.encode()).hexdigest()[:16], score)


def _executed(path: Path, text: str) -> ModuleType:
    """Return the module of a file, which may import its neighbours."""
    spec = importlib.util.spec_from_file_location("adaptlab_reward", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["__file__"] = str(path)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # as `python FILE.py` has it; only while the file is executed
    try:
        exec(compile(text, str(path), "exec"), vars(module))
    except Exception as error:  # it is the user's code
        raise AdaptLabError(
            f"{path} could not be executed ({type(error).__name__}: {error}). Correct it, and run"
            " it with python first."
        ) from error
    finally:
        sys.path.remove(folder)
    return module


@dataclass
class CheckedReward:
    """Scores replies by the function, and reports a reward from which nothing can be learned."""

    function: RewardFunction
    rows: Sequence[RewardRow]
    report: Report = warnings.warn
    n_batches: int = 0
    seen: set[float] = field(default_factory=set)
    n_replies: int = 0

    def __call__(self, numbers: Sequence[int], replies: Sequence[str]) -> list[float]:
        """Return the reward of each reply to the row of its number.

        Raises:
            AdaptLabError: if the function raises, or returns anything but a finite number.
        """
        rewards = [self._score(number, reply) for number, reply in zip(numbers, replies)]
        self.n_batches += 1
        self.n_replies += len(rewards)
        self.seen.update(rewards)
        if self.n_batches == FIRST_BATCHES and len(self.seen) == 1:
            (only,) = self.seen
            fix = (
                "Check that the reward can fail, or make the task harder"
                if only > 0
                else "Make the task easier, sample more replies to each prompt, or give partial"
                " credit"
            )
            self.report(
                f"The reward {self.function.name} is {only:g} for all {self.n_replies} replies of"
                f" the first {FIRST_BATCHES} steps. From a constant reward nothing is learned."
                f" {fix}."
            )
        return rewards

    def _score(self, number: int, reply: str) -> float:
        said = reply if len(reply) <= LONGEST else f"{reply[:LONGEST]}..."
        about = f"for the reply {said!r} to row {number + 1}"
        try:
            given = self.function.score(reply, self.rows[number].fields)
        except Exception as error:  # it is the user's code
            raise AdaptLabError(
                f"The reward {self.function.name} raises {type(error).__name__}: {error}, {about}."
                " Return a number for every reply."
            ) from error
        try:
            value = float(given)
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise AdaptLabError(
                f"The reward {self.function.name} is {given!r} {about}. Return a finite number for"
                " every reply."
            )
        return value
