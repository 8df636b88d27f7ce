"""The unit of everything: a case is a conversation whose right answer is known."""

from dataclasses import dataclass, field

WEIGHTS = "weights"
CONTEXT = "context"
NOWHERE = "nowhere"


@dataclass(frozen=True)
class Case:
    """One question with its gold answer.

    `messages` is a list of {"role", "content"} that ends with a user turn; `source` says where the
    facts stand: in the weights, in the context, or nowhere. `fields` holds what the case was made
    from.
    """

    kind: str
    messages: tuple[dict, ...]
    answer: str
    source: str
    fields: dict = field(default_factory=dict)
