"""The unit of everything: a case is a conversation whose right answer is known."""

from dataclasses import dataclass, field

NOT_FOUND = "The context does not say."
UNKNOWN = "I do not know."

WEIGHTS, CONTEXT, NOWHERE = "weights", "context", "nowhere"


@dataclass(frozen=True)
class Case:
    """One question with its gold answer.

    `messages` is a list of {"role", "content"} that ends with a user turn; `source` says where the facts stand:
    in the weights, in the context, or nowhere. `fields` holds what the case was made from.
    """

    kind: str
    messages: tuple[dict, ...]
    answer: str
    source: str
    fields: dict = field(default_factory=dict)


def system(content: str) -> dict:
    return {"role": "system", "content": content}


def user(content: str) -> dict:
    return {"role": "user", "content": content}


def data(content: str) -> dict:
    """Retrieved text: a role of its own, so that a model can learn that nothing in it is an instruction."""
    return {"role": "data", "content": content}


def assistant(content: str) -> dict:
    return {"role": "assistant", "content": content}
