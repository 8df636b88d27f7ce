"""Read formats of preference pairs into prompt, chosen and rejected reply, and check them.

- explicit: {"prompt": ..., "chosen": ..., "rejected": ...}, texts, or lists as TRL writes them
- implicit: {"chosen": [...], "rejected": [...]}, conversations with different last replies
- hosted: {"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}

A text prompt may be called "instruction", "question", "query" or "input". A prompt may also be next
to two whole conversations that contain it, in "conversations" or "messages". These
conversations, and a prompt, may also be texts that begin with "\\n\\nHuman:". `tune.formats` lists
the other keys of a row. A weight must be 1: no loss here learns from one side of a pair alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptlab.files import write_whole
from adaptlab.json_rows import Fault
from adaptlab.messages import Messages, assistant, merge_data
from adaptlab.tune.formats import (
    Formats,
    asked,
    read_rows,
    take_system,
    take_text,
    take_weight,
    text_of,
)
from adaptlab.tune.message_formats import (
    checked,
    checked_message,
    is_spoken,
    refuse_calls,
    spelled,
    spoken,
)

_QUESTIONS = ("instruction", "question", "query", "input")
_BEFORE = ("conversations", "conversation", "messages")


@dataclass(frozen=True)
class Pair:
    """A prompt that ends with the user's turn, and two replies to it; `chosen` was preferred."""

    prompt: Messages
    chosen: str
    rejected: str

    def conversation(self, reply: str) -> Messages:
        return [*self.prompt, assistant(reply)]


def _reply(messages: object, name: str) -> str:
    """Return the text of a side that is one message."""
    messages = [messages] if isinstance(messages, dict) else messages
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], dict):
        raise Fault(f'"{name}" must be one message of the assistant')
    message = spelled(messages[0], f'"{name}"')
    if message.get("role") != "assistant":
        raise Fault(f'"{name}" must be one message of the assistant')
    refuse_calls(message)
    text_of(message, "content")
    message = checked_message(f'"{name}"', message)
    if message.get("weight", 1) == 0:
        raise Fault(f'"{name}" has weight 0, which preference losses cannot use; remove the row')
    return message["content"]


def _explicit(row: dict) -> Pair:
    prompt, *sides = (row[key] for key in ("prompt", "chosen", "rejected"))
    if all(isinstance(side, list) and len(side) > 1 for side in sides):
        return _with_prompt(row)
    kinds = {type(value) for value in (prompt, *sides)}
    if kinds == {str}:
        return Pair(asked(row, "prompt"), take_text(row, "chosen"), take_text(row, "rejected"))
    if kinds != {list}:
        raise Fault(
            '"prompt", "chosen" and "rejected" must all be texts or all be lists of messages'
        )
    return _after(row.pop("prompt"), row)


def _with_prompt(row: dict) -> Pair:
    """Return two whole conversations and the prompt that they share: a user's text, or all messages
    before the replies.
    """
    pair = _whole(row)
    prompt = row.pop("prompt")
    if isinstance(prompt, list):
        same = [spelled(message) for message in prompt] == pair.prompt
    else:
        same = str(prompt).split() in [
            m["content"].split() for m in pair.prompt if m.get("role") == "user"
        ]
    if not same:
        raise Fault(
            '"prompt" is not in the conversations of "chosen" and "rejected"; remove it, or'
            " add it to both"
        )
    return pair


def _after(prompt: Any, row: dict) -> Pair:
    """Return a prompt in messages, and two replies in one message each."""
    return Pair(
        prompt, _reply(row.pop("chosen"), "chosen"), _reply(row.pop("rejected"), "rejected")
    )


def _implicit(row: dict) -> Pair:
    sides = row["chosen"], row["rejected"]
    if all(isinstance(side, str) for side in sides):
        return _texts(row)
    single = all(
        isinstance(side, dict) or (isinstance(side, list) and len(side) == 1) for side in sides
    )
    if before := [key for key in _BEFORE if single and isinstance(row.get(key), list)]:
        return _after(row.pop(before[0]), row)
    return _whole(row)


def _texts(row: dict) -> Pair:
    """Return two replies in texts with the question in its key, or two whole conversations in
    texts.
    """
    if before := [key for key in _BEFORE if isinstance(row.get(key), list)]:
        return Pair(row.pop(before[0]), take_text(row, "chosen"), take_text(row, "rejected"))
    for key in _QUESTIONS:
        if key in row:
            return Pair(asked(row, key), take_text(row, "chosen"), take_text(row, "rejected"))
    if all(is_spoken(row[side]) for side in ("chosen", "rejected")):
        row |= {side: spoken(row[side]) for side in ("chosen", "rejected")}
        return _whole(row)
    raise Fault('without a "prompt", "chosen" and "rejected" must be whole conversations')


def _whole(row: dict) -> Pair:
    """Return two whole conversations."""
    chosen = row.pop("chosen")
    rejected = row.pop("rejected")
    if not isinstance(chosen, list) or not isinstance(rejected, list) or not chosen or not rejected:
        raise Fault('without a "prompt", "chosen" and "rejected" must be whole conversations')
    before = [spelled(message) for message in chosen[:-1]]
    if before != [spelled(message) for message in rejected[:-1]]:
        raise Fault(
            "its two conversations differ before the last reply, so the replies answer"
            " different prompts"
        )
    return Pair(before, _reply(chosen[-1:], "chosen"), _reply(rejected[-1:], "rejected"))


def _hosted(row: dict) -> Pair:
    given = row.pop("input")
    if not isinstance(given, dict) or "messages" not in given:
        raise Fault('"input" must be an object with "messages"')
    row |= {key: value for key, value in given.items() if key != "messages" and value is not None}
    return Pair(
        given["messages"],
        _reply(row.pop("preferred_output"), "preferred_output"),
        _reply(row.pop("non_preferred_output"), "non_preferred_output"),
    )


PAIR_FORMATS: Formats = {
    "hosted": (("input", "preferred_output", "non_preferred_output"), _hosted),
    "explicit": (("prompt", "chosen", "rejected"), _explicit),
    "implicit": (("chosen", "rejected"), _implicit),
}


def _pair(row: dict, pair: Pair) -> tuple[Pair, list[str]]:
    """Return (the pair, all its texts), checked, including the texts next to it in the row."""
    if not isinstance(pair.prompt, list):
        raise Fault("its prompt is not a list of messages")
    if pair.chosen.split() == pair.rejected.split():
        raise Fault("chosen and rejected are the same reply; remove the row")
    chosen = checked(pair.conversation(pair.chosen))
    rejected = checked(pair.conversation(pair.rejected))
    whole = take_system(row, chosen)
    chosen = checked(whole) if len(whole) > len(chosen) else chosen
    if not take_weight(row):
        raise Fault("its weight is 0, which preference losses cannot use; remove the row")
    texts = [message["content"] for message in [*chosen, rejected[-1]]]
    return Pair(chosen[:-1], chosen[-1]["content"], rejected[-1]["content"]), texts


def read_pairs(path: Path) -> list[Pair]:
    """Read all pairs of a file in one of the formats.

    A LeftOut warning names keys that are not used for training.

    Raises:
        AdaptLabError: if rows have faults; it names the first faults with their places.
    """
    return read_rows(path, PAIR_FORMATS, _pair)


def write_pairs(path: Path, pairs: Sequence[Pair]) -> None:
    """Write TRL's explicit prompts, in messages; the text of the data role moves into the user's
    turn.
    """
    rows = (
        {
            "prompt": merge_data(pair.prompt),
            "chosen": [assistant(pair.chosen)],
            "rejected": [assistant(pair.rejected)],
        }
        for pair in pairs
    )
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def contradictions(pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """Return (place, place of an earlier pair), from 1, for pairs that prefer the other of the same
    two replies.

    The two pairs have the same prompt.
    """
    first: dict[str, int] = {}
    found = []
    for place, pair in enumerate(pairs, 1):
        first.setdefault(json.dumps([pair.prompt, pair.chosen, pair.rejected]), place)
        if (
            earlier := first.get(json.dumps([pair.prompt, pair.rejected, pair.chosen]))
        ) is not None:
            found.append((place, earlier))
    return found
