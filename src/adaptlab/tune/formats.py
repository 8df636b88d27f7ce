"""Training data: the formats in which it comes, read into conversations; every line is checked, and what is wrong is said with its number.

messages    {"messages": [{"role": ..., "content": ...}, ...]}      also the chat JSONL of hosted fine-tuning, with "weight" 0 or 1 on a reply
completion  {"prompt": ..., "completion": ...}                      strings, or lists of messages as TRL writes them
alpaca      {"instruction": ..., "input": ..., "output": ...}       "input" may be missing or empty
dialogue    {"text": "### Human: ... ### Assistant: ..."}           any number of turns
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text, write_whole
from adaptlab.models.chat import Messages

ROLES = ("system", "user", "assistant", "data")  # data: chunks that a pipeline puts in, never orders
SHOWN = 5  # faults that one error names
_TURNS = re.compile(r"^### (Human|Assistant):", re.MULTILINE)


class Fault(ValueError):
    """Why one row cannot be learned from."""


def _text(row: dict, key: str, may_be_empty: bool = False) -> str:
    value = row.get(key, "" if may_be_empty else None)
    if not isinstance(value, str):
        raise Fault(f'"{key}" must be a text' if key in row else f'"{key}" is missing')
    if not value.strip() and not may_be_empty:
        raise Fault(f'"{key}" is empty')
    return value


def _turn(role: str, content: str) -> dict:
    return {"role": role, "content": content}


def _messages(row: dict) -> Messages:
    return _checked(row["messages"])


def _completion(row: dict) -> Messages:
    if isinstance(row["prompt"], list) and isinstance(row.get("completion"), list):
        return _checked([*row["prompt"], *row["completion"]])
    return [_turn("user", _text(row, "prompt")), _turn("assistant", _text(row, "completion"))]


def _alpaca(row: dict) -> Messages:
    instruction, given = _text(row, "instruction"), _text(row, "input", may_be_empty=True)
    return [_turn("user", f"{instruction}\n\n{given}" if given else instruction), _turn("assistant", _text(row, "output"))]


def _dialogue(row: dict) -> Messages:
    parts = _TURNS.split(_text(row, "text"))
    if parts[0].strip() or len(parts) < 3:
        raise Fault('"text" must begin with "### Human:" and have an "### Assistant:" at the start of a later line')
    return _checked([_turn("user" if who == "Human" else "assistant", said.strip()) for who, said in zip(parts[1::2], parts[2::2])])


READERS: dict[str, Callable[[dict], Messages]] = {"messages": _messages, "completion": _completion, "alpaca": _alpaca, "dialogue": _dialogue}
_KEYS = {"messages": "messages", "completion": "prompt", "alpaca": "instruction", "dialogue": "text"}


def _checked(messages: object) -> Messages:
    """The messages, if a model could learn from them: known roles, texts, turns that alternate, a reply at the end."""
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages) or not messages:
        raise Fault("its messages are not a list of objects")
    for number, message in enumerate(messages, 1):
        if message.get("role") not in ROLES:
            raise Fault(f"message {number} has the role {message.get('role')!r}; roles are {', '.join(ROLES)}")
        if not isinstance(message.get("content"), str) or not message["content"].strip():
            raise Fault(f"message {number} has no text")
        if extra := set(message) - {"role", "content", "weight"}:
            raise Fault(f"message {number} has the key {min(extra)!r}, which is not supported")
        if message.get("weight", 1) not in (0, 1) or ("weight" in message and message["role"] != "assistant"):
            raise Fault(f"message {number} has a weight that is not 0 or 1 on a reply")
    spoken = [message["role"] for message in messages if message["role"] in ("user", "assistant")]
    if any(role == "system" for role in [message["role"] for message in messages][1:]):
        raise Fault("a system message stands after the first place")
    if spoken[::2] != ["user"] * len(spoken[::2]) or spoken[1::2] != ["assistant"] * len(spoken[1::2]):
        raise Fault("user and assistant do not take turns, the user first")
    if messages[-1]["role"] != "assistant":
        raise Fault("it ends without a reply of the assistant, so there is nothing to learn")
    if all(message.get("weight", 1) == 0 for message in messages if message["role"] == "assistant"):
        raise Fault("every reply has weight 0, so there is nothing to learn")
    return messages


def rows_of(path: Path) -> Iterable[tuple[int, object]]:
    """(line number, parsed row) of a JSONL file; of a file with one JSON list, (place in the list, row)."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), 1)
        except json.JSONDecodeError as error:
            raise AdaptLabError(f"{path}, line {error.lineno}: not JSON ({error.msg}).") from error
        return
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines, which also cuts at characters that JSON allows inside a text
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                yield number, Fault(f"not JSON ({error.msg})")


def format_of(row: object) -> str:
    """Which of READERS a row is written for."""
    if not isinstance(row, dict):
        raise Fault("not an object")
    found = [name for name, key in _KEYS.items() if key in row]
    if len(found) != 1:
        keys = ", ".join(f'"{key}"' for key in _KEYS.values())
        raise Fault(f"a row has one of the keys {keys}; this one has {', '.join(sorted(map(str, row))) or 'none'}")
    return found[0]


def read_conversations(path: Path) -> list[Messages]:
    """All conversations of a file in one of the formats; one error names the first faults, with their lines."""
    conversations, faults, kinds = [], [], {}
    for number, row in rows_of(path):
        try:
            if isinstance(row, Fault):
                raise row
            kind = format_of(row)
            kinds.setdefault(kind, number)
            conversations.append(READERS[kind](row))
        except Fault as fault:
            faults.append(f"line {number}: {fault}")
    if len(kinds) > 1:
        faults.append("it mixes formats: " + ", ".join(f"{kind} from line {number}" for kind, number in kinds.items()))
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise AdaptLabError(f"{path} cannot be learned from. " + "; ".join(faults[:SHOWN]) + more + ".")
    if not conversations:
        raise AdaptLabError(f"{path} holds no rows; write one JSON object a line.")
    return conversations


def write_conversations(path: Path, conversations: Sequence[Messages]) -> None:
    """As the chat JSONL that hosted fine-tuning and TRL take."""
    write_whole(path, "".join(json.dumps({"messages": list(messages)}, ensure_ascii=False) + "\n" for messages in conversations))


def _key(messages: Messages) -> str:
    return json.dumps([(m["role"], " ".join(m["content"].split()).lower()) for m in messages])


def duplicates(conversations: Sequence[Messages]) -> list[tuple[int, int]]:
    """(place, place of its first like), from 1: conversations that differ in nothing but case and spaces."""
    first: dict[str, int] = {}
    places = [(place, first.setdefault(_key(messages), place)) for place, messages in enumerate(conversations, 1)]
    return [(place, earlier) for place, earlier in places if place != earlier]


def refuse_leaks(train: Sequence[Messages], test: Sequence[Messages]) -> None:
    """An error if the training data hold a conversation of the test data, whatever its reply."""
    known = {_key([m for m in messages if m["role"] != "assistant"]): place for place, messages in enumerate(train, 1)}
    leaks = [(known[key], place) for place, messages in enumerate(test, 1) if (key := _key([m for m in messages if m["role"] != "assistant"])) in known]
    if leaks:
        shown = ", ".join(f"row {a} is test row {b}" for a, b in leaks[:SHOWN])
        raise AdaptLabError(f"{len(leaks)} of {len(test)} test questions stand in the training data ({shown}); take them out of one of the two.")
