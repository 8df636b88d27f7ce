"""Convert messages in common spellings to "role", "content" and "weight", and check them.

Supported are ShareGPT's "from" and "value", contents in parts of text, the role "developer", and
keys that are null. Tool calls are rejected: the course's models cannot write them.
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
    """Check that a row has no tool calls.

    Raises:
        Fault: if it has.
    """
    if calls := [key for key in CALLS if not is_empty(row.get(key))]:
        raise Fault(f'its "{calls[0]}" are not supported; remove the row')


def spelled(message: object, name: str = "a message") -> dict:
    """Return a message with "role" and "content", without empty keys; a Fault calls it `name`."""
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
        raise Fault(f'{message} is from {name!r}; "from" is one of {", ".join(_SPEAKERS)}')
    return _SPEAKERS[name]


def text_of_parts(parts: list, name: str) -> str:
    """Join the parts of a content, one line per part.

    Raises:
        Fault: if a part is not plain text.
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
            f"{name} has a part of the type {kind!r}, which is not supported; only text is,"
            " so remove the row"
        )
    if extra := [
        key for key, value in part.items() if key not in ("type", "text") and not is_empty(value)
    ]:
        raise Fault(f"{name} has a part with the key {min(extra)!r}, which is not supported")
    return part["text"]


def checked_message(name: str, message: object) -> dict:
    """Return a message with role, content and weight.

    Raises:
        Fault: if a model could not learn from it or answer it.
    """
    message = spelled(message, name)
    if calls := [key for key in CALLS if key in message] or ["role tool"] * (
        message.get("role") in _TOOL_ROLES
    ):
        raise Fault(
            f"{name} is part of a tool call ({calls[0]}), which is not supported; remove the row"
        )
    if message.get("role") not in ROLES:
        raise Fault(f"{name} has the role {message.get('role')!r}; use one of {', '.join(ROLES)}")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Fault(f"{name} has no text")
    if not content.isascii() and any("\ud800" <= letter <= "\udfff" for letter in content):
        raise Fault(
            f"{name} contains half of a character: the text was cut inside an emoji or"
            " another wide character"
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
        message.pop("weight", None)  # 0 is the default without it
    elif "weight" in message:
        message["weight"] = int(weight)
    return {key: message[key] for key in ("role", "content", "weight") if key in message}


_TURNS = re.compile(r"\n\n(Human|Assistant): ?")  # of Anthropic's helpful and harmless replies


def is_spoken(text: str) -> bool:
    """Whether a text is a conversation that marks its turns by "\\n\\nHuman:"."""
    return text.startswith("\n\nHuman:")


def spoken(text: str) -> Messages:
    """Split such a text into turns. A mark of the assistant at its end asks for a reply."""
    _, *parts = _TURNS.split(text)
    roles = ("user" if who == "Human" else "assistant" for who in parts[::2])
    turns = [{"role": role, "content": content} for role, content in zip(roles, parts[1::2])]
    is_open = turns[-1]["role"] == "assistant" and not turns[-1]["content"].strip()
    return turns[:-1] if is_open else turns


def is_weight(value: object) -> bool:
    """Whether a value is 0 or 1."""
    return not isinstance(value, bool) and value in (0, 1)


def checked(messages: object) -> Messages:
    """Check that the messages can be used for training: user and assistant alternate, and the last
    message is a reply.

    Raises:
        Fault: if they cannot.
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
        raise Fault("a system message is not in the first place")
    if any(
        role == "data" and after not in ("data", "user") for role, after in zip(roles, roles[1:])
    ):
        raise Fault("a data message is not followed by a user message")
    if spoken[::2] != ["user"] * len(spoken[::2]) or spoken[1::2] != ["assistant"] * len(
        spoken[1::2]
    ):
        raise Fault("user and assistant do not alternate, starting with the user")
    if roles[-1] != "assistant":
        raise Fault("it ends without a reply of the assistant; add the reply, or remove the row")
    if all(message.get("weight", 1) == 0 for message in messages if message["role"] == "assistant"):
        raise Fault("every reply has weight 0; remove the row")
    return messages
