"""Training data: the formats in which it comes, read into conversations; every row is checked, and what is wrong is said with its place.

messages    {"messages": [{"role": ..., "content": ...}, ...]}      the text of hosted fine-tuning's chat JSONL, with "weight" 0 or 1 on a reply
completion  {"prompt": ..., "completion": ...}                      texts, or lists of messages as TRL writes them
alpaca      {"instruction": ..., "input": ..., "output": ...}       "input" may be missing, null or empty
dialogue    {"text": "### Human: ... ### Assistant: ..."}           any number of turns

A row that fits several is of the first. A conversation is a list of messages; a reply with weight 0 is context, and not to be learned.
Calls of tools are refused: the course's models have no way to write them.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text, write_whole
from adaptlab.models.chat import Messages
from adaptlab.models.local import merge_data
from adaptlab.models.tokenizer import ROLES

SHOWN = 5  # faults that one error names
_TURNS = re.compile(r"### ?(Human|Assistant):")
_CALLS = ("tools", "tool_calls", "functions", "function_call", "parallel_tool_calls", "tool_call_id")


Formats = dict[str, tuple[tuple[str, ...], Callable[[dict], object]]]  # the keys that a row needs, and its reader


class Fault(ValueError):
    """Why one row cannot be learned from."""


def _turn(role: str, content: str) -> dict:
    return {"role": role, "content": content}


def text_of(row: dict, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise Fault(f'"{key}" must be a text')
    if not value.strip():
        raise Fault(f'"{key}" is empty')
    return value


def _messages(row: dict) -> Messages:
    return row["messages"]


def _completion(row: dict) -> Messages:
    prompt, completion = row["prompt"], row["completion"]
    if isinstance(prompt, list) != isinstance(completion, list):
        raise Fault('"prompt" and "completion" must both be texts or both be lists of messages')
    if isinstance(prompt, str):
        return [_turn("user", text_of(row, "prompt")), _turn("assistant", text_of(row, "completion"))]
    if not prompt or not completion or not all(isinstance(m, dict) for m in [*prompt, *completion]) or completion[0].get("role") != "assistant":
        raise Fault('a list in "completion" begins with the assistant\'s message, and one in "prompt" holds what stands before it')
    return [m | {"weight": 0} if m.get("role") == "assistant" else m for m in prompt] + completion  # TRL learns the completion alone


def _alpaca(row: dict) -> Messages:
    instruction, given = text_of(row, "instruction"), row.get("input") or ""
    if not isinstance(given, str):
        raise Fault('"input" must be a text')
    return [_turn("user", f"{instruction}\n\n{given}" if given.strip() else instruction), _turn("assistant", text_of(row, "output"))]


def _dialogue(row: dict) -> Messages:
    before, *parts = _TURNS.split(text_of(row, "text"))
    if before.strip() or not parts:
        raise Fault('"text" must begin with "### Human:" and go on with "### Assistant:"')
    return [_turn("user" if who == "Human" else "assistant", said.strip()) for who, said in zip(parts[::2], parts[1::2])]


FORMATS: Formats = {
    "messages": (("messages",), _messages),
    "completion": (("prompt", "completion"), _completion),
    "alpaca": (("instruction", "output"), _alpaca),
    "dialogue": (("text",), _dialogue),
}


def _checked_message(number: int, message: dict) -> dict:
    """A message that a model could learn from or answer to; "developer" is another word for "system"."""
    message = message | {"role": "system"} if message.get("role") == "developer" else message
    if calls := [key for key in _CALLS if message.get(key)] or ["role tool"] * (message.get("role") in ("tool", "function")):
        raise Fault(f"message {number} is part of a call of tools ({calls[0]}), which is not supported; take such rows out")
    if message.get("role") not in ROLES:
        raise Fault(f"message {number} has the role {message.get('role')!r}; roles are {', '.join(ROLES)}")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Fault(f"message {number} has no text" + ("; write its content as one text, not in parts" if isinstance(content, list) else ""))
    if not content.isascii() and any("\ud800" <= letter <= "\udfff" for letter in content):
        raise Fault(f"message {number} holds half of a character, as a text that was cut inside an emoji does")
    if extra := set(message) - {"role", "content", "weight", *_CALLS}:
        raise Fault(f"message {number} has the key {min(extra)!r}, which is not supported")
    weight = message.get("weight", 1)
    if isinstance(weight, bool) or weight not in (0, 1) or ("weight" in message and message["role"] != "assistant"):
        raise Fault(f"message {number} has a weight that is not 0 or 1 on a reply")
    return {key: message[key] for key in ("role", "content", "weight") if key in message}


def checked(messages: object) -> Messages:
    """The messages, if there is something to learn: user and assistant take turns, and the last word is a reply."""
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise Fault("its messages are not a list of objects")
    messages = [_checked_message(number, message) for number, message in enumerate(messages, 1)]
    roles = [message["role"] for message in messages]
    spoken = [role for role in roles if role in ("user", "assistant")]
    if "system" in roles[1:]:
        raise Fault("a system message stands after the first place")
    if any(role == "data" and after not in ("data", "user") for role, after in zip(roles, roles[1:])):
        raise Fault("a data message does not stand before the user's")
    if spoken[::2] != ["user"] * len(spoken[::2]) or spoken[1::2] != ["assistant"] * len(spoken[1::2]):
        raise Fault("user and assistant do not take turns, the user first")
    if roles[-1] != "assistant":
        raise Fault("it ends without a reply of the assistant, so there is nothing to learn")
    if all(message.get("weight", 1) == 0 for message in messages if message["role"] == "assistant"):
        raise Fault("every reply has weight 0, so there is nothing to learn")
    return messages


def _once(pairs: list[tuple[str, object]]) -> dict:
    """An object whose keys all differ: JSON's reader would keep the last of two."""
    if twice := [key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i])]:
        raise Fault(f'"{twice[0]}" stands twice in one object')
    return dict(pairs)


def _parsed(text: str) -> object:
    """What the JSON says, or the Fault that says why it says nothing."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except Fault as fault:
        return fault
    except json.JSONDecodeError as error:
        return Fault(f"not JSON ({error.msg}{f' in line {error.lineno}' if error.lineno > 1 else ''})")
    except (ValueError, RecursionError):
        return Fault("not JSON that can be read (nested too deeply, or a number too long)")


def _rows(path: Path) -> Iterator[tuple[str, object]]:
    """(place, parsed row or Fault): the lines of a JSONL file, or the entries of a file that is one JSON list."""
    text = read_text(Path(path)).removeprefix("\ufeff")
    if text.lstrip().startswith("["):
        whole = _parsed(text)
        yield from [("the list", whole)] if isinstance(whole, Fault) else ((f"entry {number}", row) for number, row in enumerate(whole, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines, which also cuts at characters that JSON allows inside a text
        if line.strip():
            yield f"line {number}", _parsed(line)


def format_of(row: object, formats: Formats = FORMATS) -> str:
    """Which of the formats a row is written in, the first that fits; a Fault if none does."""
    if not isinstance(row, dict):
        raise Fault("not an object")
    if calls := [key for key in _CALLS if row.get(key)]:
        raise Fault(f'its "{calls[0]}" are not supported; take such rows out')
    for name, (keys, _) in formats.items():
        if all(key in row for key in keys):
            return name
    needed = "; ".join(" and ".join(f'"{key}"' for key in keys) for keys, _ in formats.values())
    raise Fault(f"a row needs one of {needed}; this one has {', '.join(sorted(row)) or 'nothing'}")


def read_rows(path: Path, formats: Formats, check: Callable) -> list:
    """What `check` makes of each row of a file, as its format's reader reads it; one AdaptLabError names the first faults, with their places."""
    made, faults, kinds = [], [], {}
    for place, row in _rows(path):
        try:
            if isinstance(row, Fault):
                raise row
            kind = format_of(row, formats)
            kinds.setdefault(kind, place)
            made.append(check(formats[kind][1](row)))
        except Fault as fault:
            faults.append(f"{place}: {fault}")
    if len(kinds) > 1:
        faults.insert(0, "it mixes formats: " + ", ".join(f"{kind} from {place}" for kind, place in kinds.items()))
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise AdaptLabError(f"{path} cannot be learned from. " + "; ".join(faults[:SHOWN]) + more + ".")
    if not made:
        raise AdaptLabError(f"{path} holds no rows; write one JSON object a line.")
    return made


def read_conversations(path: Path) -> list[Messages]:
    """All conversations of a file in one of the formats."""
    return read_rows(path, FORMATS, checked)


def write_conversations(path: Path, conversations: Sequence[Messages]) -> None:
    """As chat JSONL, which hosted fine-tuning takes; the data role, which others do not know, goes into the user's turn.

    TRL takes it too, but learns replies of weight 0 as well.
    """
    write_whole(path, "".join(json.dumps({"messages": merge_data(messages)}, ensure_ascii=False) + "\n" for messages in conversations))


def _normal(messages: Messages) -> str:
    return json.dumps([(m["role"], " ".join(m["content"].split()).lower(), m.get("weight", 1)) for m in messages])


def duplicates(conversations: Sequence[Messages]) -> list[tuple[int, int]]:
    """(place, place of its first like), from 1: conversations that differ in nothing but case and spaces."""
    first: dict[str, int] = {}
    places = [(place, first.setdefault(_normal(messages), place)) for place, messages in enumerate(conversations, 1)]
    return [(place, earlier) for place, earlier in places if place != earlier]


def _questions(messages: Messages) -> Iterator[str]:
    """What stands before each reply, without the system prompt and the replies themselves."""
    for end, message in enumerate(messages):
        if message["role"] == "assistant":
            yield _normal([m for m in messages[:end] if m["role"] in ("user", "data")])


def refuse_leaks(train: Sequence[Messages], test: Sequence[Messages]) -> None:
    """An AdaptLabError if a question of the test data is asked in the training data, whatever the system prompt and the reply."""
    known = {question: place for place, messages in enumerate(train, 1) for question in _questions(messages)}
    leaks = [(known[question], place) for place, messages in enumerate(test, 1) for question in _questions(messages) if question in known]
    if leaks:
        shown = ", ".join(f"row {a} asks what test row {b} asks" for a, b in leaks[:SHOWN])
        raise AdaptLabError(f"{len({b for _, b in leaks})} of {len(test)} test rows are in the training data ({shown}); take them out of one of the two.")
