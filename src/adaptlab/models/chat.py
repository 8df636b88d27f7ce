"""Chat: messages in, text with token counts and seconds out, the same for every kind of model."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Protocol

from adaptlab.errors import AdaptLabError
from adaptlab.messages import ROLES, Messages


@dataclass(frozen=True)
class Reply:
    """A model's reply. `seconds` is wall time; for a batch, the batch's time divided by its size.

    Token counts that a server does not report are 0, with a warning (`answers.NoUsage`).
    """

    text: str
    n_prompt_tokens: int
    n_completion_tokens: int
    seconds: float


class Chat(Protocol):
    """A chat model: one conversation or many in, one reply for each out. `stream` yields pieces of
    one reply.
    """

    name: str

    def batch(
        self,
        conversations: list[Messages],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> list[Reply]: ...

    def stream(
        self,
        messages: Messages,
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Iterator[str]: ...


def ask(chat: Chat, messages: Messages | str, **options) -> Reply:
    """Return one reply to one conversation, or to one question."""
    asked = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    return chat.batch([asked], **options)[0]


def check_messages(messages: Messages) -> None:
    """Check a conversation.

    Raises:
        AdaptLabError: if no chat model could answer it.
    """
    keys = [set(m) if isinstance(m, dict) else None for m in messages or ()]
    if not keys or any(found != {"role", "content"} for found in keys):
        raise AdaptLabError(
            'The conversation is empty or has other keys. Give a list of {"role": ...,'
            ' "content": ...}.'
        )
    for number, message in enumerate(messages, 1):
        for key in ("role", "content"):
            check_text(message[key], f"The {key} of message {number}")
        if message["role"] not in ROLES:
            roles = f"Use one of {', '.join(ROLES)}"
            raise AdaptLabError(f"The role of message {number} is {message['role']!r}. {roles}.")
    if messages[-1]["role"] == "assistant":
        raise AdaptLabError(
            "The last message is from the assistant. End the conversation with a message"
            " from the user."
        )


def check_text(text: object, name: str) -> None:
    """Check that `text`, which messages call `name`, consists of whole characters.

    Raises:
        AdaptLabError: if it does not.
    """
    if not isinstance(text, str):
        raise AdaptLabError(f"{name} is not a text. Give a string.")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise AdaptLabError(f"{name} contains half of a character. Cut texts between characters.")


def check_options(max_new_tokens: Any, temperature: Any, seed: Any) -> None:
    """Check the options of generation.

    Raises:
        AdaptLabError: if an option has a value that no model can follow.
    """
    if not _is_whole(max_new_tokens) or max_new_tokens < 1:
        fix = "Give a whole number of 1 or more."
        raise AdaptLabError(f"max_new_tokens is {max_new_tokens!r}. {fix}")
    is_number = isinstance(temperature, Real) and not isinstance(temperature, bool)
    if not is_number or not 0 <= temperature <= sys.float_info.max:
        raise AdaptLabError(f"temperature is {temperature!r}. Give a number of 0 or more.")
    if not _is_whole(seed) or not -(2**63) <= seed < 2**64:
        raise AdaptLabError(f"seed is {seed!r}. Give a whole number of 64 bits.")


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


@dataclass
class ScriptedChat:
    """A chat model that answers from a list or a function: for unit tests only."""

    script: object
    name: str = "scripted"
    calls: list[Messages] = field(default_factory=list)

    def batch(self, conversations, *, max_new_tokens=128, temperature=0.0, seed=0):
        replies = []
        for messages in conversations:
            check_messages(messages)
            text = self.script(messages) if callable(self.script) else self.script[len(self.calls)]
            self.calls.append(messages)
            replies.append(
                Reply(
                    text, sum(len(m["content"].split()) for m in messages), len(text.split()), 0.0
                )
            )
        return replies

    def stream(self, messages, *, max_new_tokens=128, temperature=0.0, seed=0):
        yield from self.batch([messages])[0].text.split(" ")


def timed(call):
    """Return (result, seconds) of a call."""
    began = time.perf_counter()
    return call(), time.perf_counter() - began


def texts(chat: Chat, conversations: list[Messages], **options) -> list[str]:
    """Return the texts of a batch of replies."""
    return [
        reply.text
        for reply in chat.batch([list(messages) for messages in conversations], **options)
    ]
