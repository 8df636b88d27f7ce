"""Call the answers of lab 01."""

from collections.abc import Callable
from typing import Any


def counter(start: int, per_message: int) -> Callable[[list[dict]], int]:
    """Return a token counter for an invented chat template: `start` tokens for a conversation,
    `per_message` for each message, and one for each word.
    """
    return lambda messages: (
        start + sum(per_message + len(message["content"].split()) for message in messages)
    )


def fitted(
    answer: Callable, system: str, examples: list, question: str, marks: list[int], budget: int
) -> Any:
    """Return the messages that an answer makes, with tokens counted by `counter(*marks)`."""
    return answer(system, examples, question, counter(*marks), budget)
