"""Preference pairs: the formats in which they come, read into prompt, chosen and rejected reply, and checked as conversations are.

explicit   {"prompt": ..., "chosen": ..., "rejected": ...}        texts, or lists of messages as TRL writes them
implicit   {"chosen": [...], "rejected": [...]}                   two whole conversations that part at the last reply
hosted     {"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptlab.files import write_whole
from adaptlab.models.chat import Messages
from adaptlab.models.local import merge_data
from adaptlab.tune.formats import Fault, Formats, checked, read_rows, text_of
from adaptlab.world.case import assistant, user


@dataclass(frozen=True)
class Pair:
    """A prompt that ends with the user's turn, and two replies to it, of which `chosen` was preferred."""

    prompt: Messages
    chosen: str
    rejected: str

    def conversation(self, reply: str) -> Messages:
        return [*self.prompt, assistant(reply)]


def _reply(messages: object, name: str) -> str:
    """The text of a side that is given as one message."""
    if isinstance(messages, list) and len(messages) == 1 and isinstance(messages[0], dict) and messages[0].get("role") == "assistant":
        return text_of(messages[0], "content")
    raise Fault(f'"{name}" must be one message of the assistant')


def _explicit(row: dict) -> Pair:
    kinds = {type(row[key]) for key in ("prompt", "chosen", "rejected")}
    if kinds == {str}:
        return Pair([user(text_of(row, "prompt"))], text_of(row, "chosen"), text_of(row, "rejected"))
    if kinds != {list}:
        raise Fault('"prompt", "chosen" and "rejected" must all be texts or all be lists of messages')
    return Pair(row["prompt"], _reply(row["chosen"], "chosen"), _reply(row["rejected"], "rejected"))


def _implicit(row: dict) -> Pair:
    chosen, rejected = row["chosen"], row["rejected"]
    if not isinstance(chosen, list) or not isinstance(rejected, list) or not chosen or not rejected:
        raise Fault('without a "prompt", "chosen" and "rejected" must be whole conversations')
    if chosen[:-1] != rejected[:-1]:
        raise Fault("its two conversations part before the last reply, so that the replies answer different prompts")
    return Pair(chosen[:-1], _reply(chosen[-1:], "chosen"), _reply(rejected[-1:], "rejected"))


def _hosted(row: dict) -> Pair:
    if not isinstance(row["input"], dict) or "messages" not in row["input"]:
        raise Fault('"input" must be an object with "messages"')
    return Pair(row["input"]["messages"], _reply(row["preferred_output"], "preferred_output"), _reply(row["non_preferred_output"], "non_preferred_output"))


PAIR_FORMATS: Formats = {
    "hosted": (("input", "preferred_output", "non_preferred_output"), _hosted),
    "explicit": (("prompt", "chosen", "rejected"), _explicit),
    "implicit": (("chosen", "rejected"), _implicit),
}


def _checked_pair(pair: Pair) -> Pair:
    if not isinstance(pair.prompt, list):
        raise Fault("its prompt is not a list of messages")
    if pair.chosen.split() == pair.rejected.split():
        raise Fault("chosen and rejected are the same reply, which prefers nothing")
    chosen, rejected = checked(pair.conversation(pair.chosen)), checked(pair.conversation(pair.rejected))
    return Pair(chosen[:-1], chosen[-1]["content"], rejected[-1]["content"])


def read_pairs(path: Path) -> list[Pair]:
    """All pairs of a file in one of the formats; one AdaptLabError names the first faults, with their places."""
    return read_rows(path, PAIR_FORMATS, _checked_pair)


def write_pairs(path: Path, pairs: Sequence[Pair]) -> None:
    """As TRL's explicit prompts, in messages; the data role, which others do not know, goes into the user's turn."""
    rows = ({"prompt": merge_data(pair.prompt), "chosen": [assistant(pair.chosen)], "rejected": [assistant(pair.rejected)]} for pair in pairs)
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def contradictions(pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """(place, place of an earlier pair), from 1: pairs that prefer the other of the same two replies to the same prompt."""
    first: dict[str, int] = {}
    found = []
    for place, pair in enumerate(pairs, 1):
        first.setdefault(json.dumps([pair.prompt, pair.chosen, pair.rejected]), place)
        if (earlier := first.get(json.dumps([pair.prompt, pair.rejected, pair.chosen]))) is not None:
            found.append((place, earlier))
    return found
