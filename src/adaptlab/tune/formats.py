"""Read formats of training data into conversations; every row is checked, and a fault names its
place.

- messages: {"messages": [{"role": ..., "content": ...}, ...]}, chat JSONL of hosted fine-tuning
- completion: {"prompt": ..., "completion": ...}, texts, or lists as TRL writes them
- alpaca: {"instruction": ..., "input": ..., "output": ...}; "input" may be missing or empty
- conversations: {"conversations": [{"from": ..., "value": ...}]} of ShareGPT; also "conversation"
- response: {"prompt": ..., "response": ...}; also "instruction", "question"
- answer: {"question": ..., "answer": ...}; or "query" before a response
- dialogue: {"text": "### Human: ... ### Assistant: ..."}, any number of turns

A text prompt may be a conversation whose turns begin with "\\n\\nHuman:" and "\\n\\nAssistant:".
A reply may have "weight" 0: it is context, and not learned. A row may also have these keys:

- "system", the system message
- "history", earlier turns as [question, reply]
- "input" and "context", parts of the user's turn
- "weight" 0 or 1 of its replies

Other keys are reported as left out if they only describe the row; otherwise they are an error. A
row that fits several formats has the first of them. Tool calls are an error: the course's models
cannot write them.
"""

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import write_whole
from adaptlab.json_rows import Fault, json_rows, unwrapped
from adaptlab.messages import Messages, merge_data
from adaptlab.tune.left_out import LeftOut, described_messages, left_out, report
from adaptlab.tune.message_formats import (
    checked,
    is_spoken,
    is_weight,
    refuse_calls,
    spelled,
    spoken,
    text_of_parts,
)

SHOWN = 5  # faults in one error
_TURNS = re.compile(r"### ?(Human|Assistant):")
_SYSTEM = ("system", "system_prompt", "system_message")
_GIVEN = ("context", "input")  # keys next to a question that belong to the user's turn

# The keys that a row needs, and the reader that takes them out of it: the other keys were not
# read.
Reader = Callable[[dict], object]
Formats = dict[str, tuple[tuple[str, ...], Reader]]


def _turn(role: str, content: str) -> dict:
    return {"role": role, "content": content}


def text_of(row: dict, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise Fault(f'"{key}" must be a text')
    if not value.strip():
        raise Fault(f'"{key}" is empty')
    return value


def take_text(row: dict, key: str) -> str:
    """Take the text of a key out of the row."""
    text = text_of(row, key)
    del row[key]
    return text


def asked(row: dict, key: str) -> Messages:
    """Return the earlier turns and the user's turn of a row whose question is a text.

    The user's turn is the question with the texts next to it.
    """
    text = take_text(row, key)
    *earlier, question = spoken(text) if is_spoken(text) else [_turn("user", text)]
    if question["role"] != "user":
        raise Fault(f'"{key}" ends with an assistant turn; end it with "\\n\\nAssistant:"')
    parts = [question["content"], *(_given(row, name) for name in _GIVEN if name in row)]
    new_turn = _turn("user", "\n\n".join(part for part in parts if part.strip()))
    return [*_history(row), *earlier, new_turn]


def _given(row: dict, key: str) -> str:
    given = row.pop(key) or ""
    if not isinstance(given, str):
        raise Fault(f'"{key}" must be a text')
    return given


def _history(row: dict) -> Messages:
    """Return the earlier turns, as pairs of a question and its reply, or as messages."""
    history = row.pop("history", None) or []
    if isinstance(history, list) and all(isinstance(turn, dict) for turn in history):
        return history
    if not isinstance(history, list) or not all(_is_exchange(turn) for turn in history):
        raise Fault('"history" must be a list of [question, reply]')
    return [
        _turn(role, text) for turn in history for role, text in zip(("user", "assistant"), turn)
    ]


def _is_exchange(turn: object) -> bool:
    return isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn)


def _messages(key: str, row: dict) -> Messages:
    return row.pop(key)


def _as_context(messages: Messages) -> Messages:
    """Return the messages before a completion as context: TRL learns only the completion."""
    return [m | {"weight": 0} if m.get("role") == "assistant" else m for m in messages]


def _completion(row: dict) -> Messages:
    prompt = row["prompt"]
    completion = row["completion"]
    if not isinstance(prompt, str | list) or isinstance(prompt, list) != isinstance(
        completion, list
    ):
        raise Fault('"prompt" and "completion" must both be texts or both be lists of messages')
    if isinstance(prompt, str):
        return [
            *_as_context(asked(row, "prompt")),
            _turn("assistant", take_text(row, "completion")),
        ]
    if (
        not prompt
        or not completion
        or not all(isinstance(m, dict) for m in [*prompt, *completion])
        or spelled(completion[0]).get("role") != "assistant"
    ):
        raise Fault(
            'a list in "completion" begins with the assistant\'s message, and one in "prompt"'
            " contains the messages before it"
        )
    del row["prompt"], row["completion"]
    return [*_as_context([spelled(m) for m in prompt]), *completion]


def _exchange(question: str, reply: str, row: dict) -> Messages:
    """Return a question and its reply, both texts."""
    return [*asked(row, question), _turn("assistant", take_text(row, reply))]


def _dialogue(row: dict) -> Messages:
    before, *parts = _TURNS.split(take_text(row, "text"))
    if before.strip() or not parts:
        raise Fault('"text" must begin with "### Human:" and continue with "### Assistant:"')
    return [
        _turn("user" if who == "Human" else "assistant", content.strip())
        for who, content in zip(parts[::2], parts[1::2])
    ]


def _exchanges(*keys: tuple[str, str]) -> Formats:
    return {
        f"{question} and {reply}": ((question, reply), partial(_exchange, question, reply))
        for question, reply in keys
    }


FORMATS: Formats = {
    "messages": (("messages",), partial(_messages, "messages")),
    "completion": (("prompt", "completion"), _completion),
    "alpaca": (("instruction", "output"), partial(_exchange, "instruction", "output")),
    "conversations": (("conversations",), partial(_messages, "conversations")),
    "conversation": (("conversation",), partial(_messages, "conversation")),
    **_exchanges(
        ("instruction", "response"),
        ("prompt", "response"),
        ("question", "response"),
        ("query", "response"),
        ("question", "answer"),
    ),
    "dialogue": (("text",), _dialogue),
}


def take_system(row: dict, messages: Messages) -> Messages:
    """Return the checked messages, preceded by the system prompt next to them in the row."""
    texts = {_system_text(row.pop(key), key) for key in _SYSTEM if row.get(key)}
    if messages[0]["role"] == "system":
        texts.add(messages[0]["content"])
    spoken = sorted(text for text in texts if text.strip())
    if len(spoken) > 1:
        raise Fault("it has two system prompts; keep one")
    if not spoken or messages[0]["role"] == "system":
        return messages
    return [_turn("system", spoken[0]), *messages]


def _system_text(value: object, key: str) -> str:
    text = text_of_parts(value, f'"{key}"') if isinstance(value, list) else value
    if not isinstance(text, str):
        raise Fault(f'"{key}" must be a text')
    return text


def take_weight(row: dict) -> int:
    """Return the weight of a row's replies, 0 or 1."""
    weight = row.pop("weight", 1)
    if not is_weight(weight):
        raise Fault('its "weight" is not 0 or 1')
    return weight


def _conversation(row: dict, messages: object) -> tuple[Messages, list[str]]:
    """Return (the conversation, all its texts), checked, including the texts next to it in the
    row.
    """
    messages = checked(messages)
    whole = take_system(row, messages)
    if not take_weight(row):
        raise Fault("its replies all have weight 0; remove the row")
    return (checked(whole) if len(whole) > len(messages) else messages), [
        m["content"] for m in whole
    ]


def format_of(row: object, formats: Formats = FORMATS) -> str:
    """Return the format of a row, the first that fits. Keys that are null do not count.

    Raises:
        Fault: if no format fits.
    """
    if not isinstance(row, dict):
        raise Fault("not an object")
    refuse_calls(row)
    for name, (keys, _) in formats.items():
        if all(row.get(key) is not None for key in keys):
            return name
    needed = "; ".join(" and ".join(f'"{key}"' for key in keys) for keys, _ in formats.values())
    has = ", ".join(key if row[key] is not None else f"{key} (null)" for key in sorted(row))
    raise Fault(f"a row needs one of {needed}; this row has {has or 'nothing'}")


def read_rows(path: Path, formats: Formats, finish: Callable) -> list:
    """Read each row of a file with its format's reader and pass the result to `finish`.

    `finish` takes the rest of a row and the reader's result; it returns the final result and all
    texts in it. A LeftOut warning names the keys that were not read.

    Raises:
        AdaptLabError: if rows have faults; it names the first faults with their places.
    """
    rows, around = unwrapped(json_rows(path), {key for keys, _ in formats.values() for key in keys})
    made = []
    faults = []
    kinds: dict = {}
    left: Counter = Counter()
    for place, row in rows:
        try:
            if isinstance(row, Fault):
                raise row
            row = around | row if around and isinstance(row, dict) else row
            kind = format_of(row, formats)
            kinds.setdefault(kind, place)
            result, keys = _read_row(row, formats[kind][1], finish)
            made.append(result)
            left.update(keys)
        except Fault as fault:
            faults.append(f"{place}: {fault}")
    if len(kinds) > 1:
        faults.insert(
            0,
            "it mixes formats: "
            + ", ".join(f"{kind} from {place}" for kind, place in kinds.items()),
        )
    refuse_faults(path, made, faults)
    if left:
        warnings.warn(report(path, left), LeftOut, stacklevel=3)
    return made


def refuse_faults(path: Path, made: Sequence, faults: Sequence[str]) -> None:
    """Check what was read of a file.

    Raises:
        AdaptLabError: if rows have faults, of which it names the first, or if there are no rows.
    """
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise AdaptLabError(
            f"{path} cannot be used for training. " + "; ".join(faults[:SHOWN]) + more + "."
        )
    if not made:
        raise AdaptLabError(f"{path} does not contain rows. Write one JSON object per line.")


def _read_row(row: dict, reader: Reader, finish: Callable) -> tuple[object, set[str]]:
    """Return (the content of a row, the keys that were left out)."""
    rest = {key: value for key, value in row.items() if value is not None}
    result, texts = finish(rest, reader(rest))
    refuse_calls(rest)
    return result, {*left_out(rest, texts), *described_messages(row)}


def read_conversations(path: Path) -> list[Messages]:
    """Read all conversations of a file in one of the formats.

    A LeftOut warning names keys that are not used for training.
    """
    return read_rows(path, FORMATS, _conversation)


def chat_jsonl(conversations: Sequence[Messages]) -> str:
    """Convert conversations to chat JSONL, the format of hosted fine-tuning.

    The data role is unknown elsewhere, so its text moves into the user's turn. TRL reads the file
    too, but also learns replies of weight 0.
    """
    return "".join(
        json.dumps({"messages": merge_data(messages)}, ensure_ascii=False) + "\n"
        for messages in conversations
    )


def write_conversations(path: Path, conversations: Sequence[Messages]) -> None:
    """Write a file of chat JSONL."""
    write_whole(path, chat_jsonl(conversations))


def _normal(messages: Messages) -> str:
    return json.dumps(
        [(m["role"], " ".join(m["content"].split()).lower(), m.get("weight", 1)) for m in messages]
    )


def duplicates(conversations: Sequence[Messages]) -> list[tuple[int, int]]:
    """Return (place, place of the first equal one), from 1, for conversations that are equal except
    for case and spaces.
    """
    first: dict[str, int] = {}
    places = [
        (place, first.setdefault(_normal(messages), place))
        for place, messages in enumerate(conversations, 1)
    ]
    return [(place, earlier) for place, earlier in places if place != earlier]


def _questions(messages: Messages) -> Iterator[str]:
    """Return the messages before each reply, without the system prompt and the replies
    themselves.
    """
    for end, message in enumerate(messages):
        if message["role"] == "assistant":
            yield _normal([m for m in messages[:end] if m["role"] in ("user", "data")])


def refuse_leaks(train: Sequence[Messages], test: Sequence[Messages]) -> None:
    """Check that no question of the test data is in the training data, whatever the system prompt
    and the reply.

    Raises:
        AdaptLabError: if a test question is in the training data.
    """
    known = {
        question: place
        for place, messages in enumerate(train, 1)
        for question in _questions(messages)
    }
    leaks = [
        (known[question], place)
        for place, messages in enumerate(test, 1)
        for question in _questions(messages)
        if question in known
    ]
    if leaks:
        shown = ", ".join(f"row {a} asks what test row {b} asks" for a, b in leaks[:SHOWN])
        raise AdaptLabError(
            f"{len({b for _, b in leaks})} of {len(test)} test rows are in the training data"
            f" ({shown}). Remove them from one of the two."
        )
