"""Chatting: messages in, text with token counts and seconds out, the same for every kind of model."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from adaptlab.errors import AdaptLabError

Messages = list[dict]


@dataclass(frozen=True)
class Reply:
    """What a model said. `seconds` is wall time; for a batch, the batch's time divided by its size.

    Token counts that a server does not tell are 0, with a warning (`answers.NoUsage`).
    """

    text: str
    n_prompt_tokens: int
    n_completion_tokens: int
    seconds: float


class Chat(Protocol):
    """One conversation or many in, one reply for each out; `stream` yields pieces of one reply's text."""

    name: str

    def batch(self, conversations: list[Messages], *, max_new_tokens: int = 128, temperature: float = 0.0, seed: int = 0) -> list[Reply]: ...

    def stream(self, messages: Messages, *, max_new_tokens: int = 128, temperature: float = 0.0, seed: int = 0) -> Iterator[str]: ...


def ask(chat: Chat, messages: Messages | str, **options) -> Reply:
    """One reply to one conversation, or to one question."""
    return chat.batch([[{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)], **options)[0]


def check_messages(messages: Messages) -> None:
    """Refuse what no chat model could answer."""
    if not messages or any(set(m) != {"role", "content"} for m in messages):
        raise AdaptLabError('A conversation is a list of {"role": ..., "content": ...}; this one is empty or has other keys.')
    if messages[-1]["role"] == "assistant":
        raise AdaptLabError("The last message must come from the user, not from the assistant.")


@dataclass
class ScriptedChat:
    """Answers from a list or a function: for unit tests only."""

    script: object
    name: str = "scripted"
    calls: list[Messages] = field(default_factory=list)

    def batch(self, conversations, *, max_new_tokens=128, temperature=0.0, seed=0):
        replies = []
        for messages in conversations:
            check_messages(messages)
            text = self.script(messages) if callable(self.script) else self.script[len(self.calls)]
            self.calls.append(messages)
            replies.append(Reply(text, sum(len(m["content"].split()) for m in messages), len(text.split()), 0.0))
        return replies

    def stream(self, messages, *, max_new_tokens=128, temperature=0.0, seed=0):
        yield from self.batch([messages])[0].text.split(" ")


def load_chat(model_id: str) -> Chat:
    """The chat model that an id names."""
    kind, _, name = model_id.partition(":")
    if kind == "openai":
        from adaptlab.models.api import OpenAIChat

        return OpenAIChat(name)
    if kind == "anthropic":
        from adaptlab.models.api import AnthropicChat

        return AnthropicChat(name)
    from adaptlab.models.local import LocalChat

    return LocalChat(model_id)


def timed(call):
    """(result, seconds) of a call."""
    began = time.perf_counter()
    return call(), time.perf_counter() - began


def texts(chat: Chat, conversations: list[Messages], **options) -> list[str]:
    """The texts of a batch of replies."""
    return [reply.text for reply in chat.batch([list(messages) for messages in conversations], **options)]
