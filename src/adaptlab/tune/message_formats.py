"""Messages in their common spellings, converted to "role", "content" and "weight", and checked.

Read are ShareGPT's "from" and "value", a content in parts of text, the role "developer", and keys
that are null. Calls of tools are refused: the course's models cannot write them.
"""

import re

from adaptlab.json_rows import Fault
from adaptlab.messages import ROLES, Messages
from adaptlab.tune.left_out import harmless, is_empty

CALLS = ("tools", "tool_calls", "functions", "function_call", "tool_call_id")
_TOOL_ROLES = ("tool", "function")
_SPEAKERS = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "function_call": "tool",
    "observation": "tool",
}  # of ShareGPT
_TEXT_KINDS = (None, "text", "input_text", "output_text")


def refuse_calls(row: dict) -> None:
    """Raises Fault if a row is about calls of tools."""
    if calls := [key for key in CALLS if not is_empty(row.get(key))]:
        raise Fault(f'its "{calls[0]}" are not supported; take such rows out')


def spelled(message: object, name: str = "a message") -> dict:
    """A message with "role" and "content", without empty keys; a Fault calls it by `name`."""
    if not isinstance(message, dict):
        raise Fault(f"{name} is not an object")
    kept = {
        key: value
        for key, value in message.items()
        if key in ("role", "content", "from", "value") or not is_empty(value)
    }
    if "from" in kept and "role" not in kept:
        kept["role"] = _speaker(kept.pop("from"), name)
    elif isinstance(kept.get("role"), str):
        kept["role"] = _SPEAKERS.get(kept["role"], kept["role"])  # some mix both spellings
    if "value" in kept and "content" not in kept:
        kept["content"] = kept.pop("value")
    kept = {key: value for key, value in kept.items() if value is not None}
    if isinstance(kept.get("content"), list):
        kept["content"] = text_of_parts(kept["content"], name)
    if kept.get("role") == "developer":
        kept["role"] = "system"
    return {key: kept[key] for key in ("role", "content") if key in kept} | kept


def _speaker(name: object, message: str) -> str:
    if not isinstance(name, str) or name not in _SPEAKERS:
        raise Fault(
            f'{message} is from {name!r}; those who speak in "from" are {", ".join(_SPEAKERS)}'
        )
    return _SPEAKERS[name]


def text_of_parts(parts: list, name: str) -> str:
    """The text of a content in parts, a line for each part. Raises Fault for a part that is not
    text alone.
    """
    return "\n".join(_text_of_part(part, name) for part in parts)


def _text_of_part(part: object, name: str) -> str:
    if isinstance(part, str):
        return part
    if (
        not isinstance(part, dict)
        or part.get("type") not in _TEXT_KINDS
        or not isinstance(part.get("text"), str)
    ):
        kind = part.get("type") if isinstance(part, dict) else part
        raise Fault(
            f"{name} has a part of the kind {kind!r}, which is not supported; parts are texts, so"
            " take such rows out"
        )
    if extra := [
        key for key, value in part.items() if key not in ("type", "text") and not is_empty(value)
    ]:
        raise Fault(f"{name} has a part with the key {min(extra)!r}, which is not supported")
    return part["text"]


def checked_message(name: str, message: object) -> dict:
    """A message that a model could learn from or answer to, as role, content and weight. Raises
    Fault.
    """
    message = spelled(message, name)
    if calls := [key for key in CALLS if key in message] or ["role tool"] * (
        message.get("role") in _TOOL_ROLES
    ):
        raise Fault(
            f"{name} is part of a call of tools ({calls[0]}), which is not supported; take such"
            " rows out"
        )
    if message.get("role") not in ROLES:
        raise Fault(f"{name} has the role {message.get('role')!r}; roles are {', '.join(ROLES)}")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Fault(f"{name} has no text")
    if not content.isascii() and any("\ud800" <= letter <= "\udfff" for letter in content):
        raise Fault(
            f"{name} holds half of a character, as a text that was cut inside an emoji does"
        )
    if extra := [
        key for key in message if key not in ("role", "content", "weight") and not harmless(key)
    ]:
        raise Fault(f"{name} has the key {min(extra)!r}, which is not supported")
    weight = message.get("weight", 1)
    is_reply = message["role"] == "assistant"
    if not is_weight(weight) or ("weight" in message and weight and not is_reply):
        raise Fault(f"{name} has a weight that is not 0 or 1 on a reply")
    if not is_reply:
        message.pop("weight", None)  # 0 says what holds without it
    elif "weight" in message:
        message["weight"] = int(weight)
    return {key: message[key] for key in ("role", "content", "weight") if key in message}


_TURNS = re.compile(r"\n\n(Human|Assistant): ?")  # of Anthropic's helpful and harmless replies


def is_spoken(text: str) -> bool:
    """Whether a text is a conversation that marks its turns by "\\n\\nHuman:"."""
    return text.startswith("\n\nHuman:")


def spoken(text: str) -> Messages:
    """The turns of such a text. A mark of the assistant at its end asks for a reply."""
    _, *parts = _TURNS.split(text)
    roles = ("user" if who == "Human" else "assistant" for who in parts[::2])
    turns = [{"role": role, "content": said} for role, said in zip(roles, parts[1::2])]
    is_open = turns[-1]["role"] == "assistant" and not turns[-1]["content"].strip()
    return turns[:-1] if is_open else turns


def is_weight(value: object) -> bool:
    """Whether a value is 0 or 1."""
    return not isinstance(value, bool) and value in (0, 1)


def checked(messages: object) -> Messages:
    """The messages, if there is something to learn: user and assistant take turns, and the last
    word is a reply.
    """
    if (
        not isinstance(messages, list)
        or not messages
        or not all(isinstance(m, dict) for m in messages)
    ):
        raise Fault("its messages are not a list of objects")
    messages = [
        checked_message(f"message {number}", message) for number, message in enumerate(messages, 1)
    ]
    roles = [message["role"] for message in messages]
    spoken = [role for role in roles if role in ("user", "assistant")]
    if "system" in roles[1:]:
        raise Fault("a system message stands after the first place")
    if any(
        role == "data" and after not in ("data", "user") for role, after in zip(roles, roles[1:])
    ):
        raise Fault("a data message does not stand before the user's")
    if spoken[::2] != ["user"] * len(spoken[::2]) or spoken[1::2] != ["assistant"] * len(
        spoken[1::2]
    ):
        raise Fault("user and assistant do not take turns, the user first")
    if roles[-1] != "assistant":
        raise Fault("it ends without a reply of the assistant, so there is nothing to learn")
    if all(message.get("weight", 1) == 0 for message in messages if message["role"] == "assistant"):
        raise Fault("every reply has weight 0, so there is nothing to learn")
    return messages
