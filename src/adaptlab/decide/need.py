"""What somebody wants of a model, in the terms in which the guides decide, and the levers between
which they choose.
"""

from dataclasses import dataclass, fields
from enum import StrEnum

from adaptlab.errors import AdaptLabError


class Lever(StrEnum):
    """Every one of them has a prompt; the last three have something besides."""

    PROMPT = "prompt"
    RETRIEVE = "retrieve"
    TUNE = "fine-tune"
    BOTH = "retrieve and fine-tune"

    @property
    def retrieves(self) -> bool:
        return self in (Lever.RETRIEVE, Lever.BOTH)

    @property
    def tunes(self) -> bool:
        return self in (Lever.TUNE, Lever.BOTH)


def lever(retrieves: bool, tunes: bool) -> Lever:
    """The lever with these parts."""
    return {
        (False, False): Lever.PROMPT,
        (True, False): Lever.RETRIEVE,
        (False, True): Lever.TUNE,
        (True, True): Lever.BOTH,
    }[retrieves, tunes]


@dataclass(frozen=True)
class Need:
    """A case as its owner would describe it before anything is built.

    `lacks_facts`: it has to state facts that the model does not hold. `prompt_falls_short`: the
    best prompt was tried, and form, tone or skill is still not as wanted. `n_documents`: texts in
    which the facts stand. `n_updates`: changes of those facts a month. `n_examples`: requests with
    the reply that is wanted. `least`: the share of right replies that is asked for. `budget`: money
    a month. `n_queries`: a day. `prompt_tokens`: of the best prompt.
    """

    lacks_facts: bool = False
    prompt_falls_short: bool = False
    n_documents: int = 0
    n_updates: float = 0.0
    n_examples: int = 0
    least: float = 0.9
    budget: float = 100.0
    n_queries: float = 1000.0
    prompt_tokens: int = 100

    def __post_init__(self):
        for field in fields(self):
            if (value := getattr(self, field.name)) < 0:
                raise AdaptLabError(f"{field.name} is {value}; it cannot be less than zero.")
        if self.least > 1:
            raise AdaptLabError(
                f"least is {self.least}; it is a share of right replies, from 0 to 1."
            )
