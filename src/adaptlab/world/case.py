"""The basic unit of the data: a case is a conversation with a known correct answer."""

from dataclasses import dataclass, field

WEIGHTS = "weights"
CONTEXT = "context"
NOWHERE = "nowhere"


@dataclass(frozen=True)
class Case:
    """One question with its gold answer.

    `messages` is a list of {"role", "content"} that ends with a user turn. `source` says where the
    facts are: in the weights, in the context, or nowhere. `fields` holds the values from which the
    case was made.
    """

    kind: str
    messages: tuple[dict, ...]
    answer: str
    source: str
    fields: dict = field(default_factory=dict)
