"""A user's need, in the terms in which the guides decide, and the levers to choose from."""

from dataclasses import dataclass, fields
from enum import StrEnum

from adaptlab.errors import AdaptLabError


class Lever(StrEnum):
    """A way to build the system. Every lever has a prompt; the last three have more."""

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
    """Return the lever with these parts."""
    return {
        (False, False): Lever.PROMPT,
        (True, False): Lever.RETRIEVE,
        (False, True): Lever.TUNE,
        (True, True): Lever.BOTH,
    }[retrieves, tunes]


@dataclass(frozen=True)
class Need:
    """A case as its owner would describe it before anything is built.

    `lacks_facts`: it has to state facts that the model does not know. `prompt_falls_short`: with
    the best prompt, form, tone or skill is still not as wanted. `n_documents`: texts with the
    facts. `n_updates`: changes of those facts a month. `n_examples`: requests with the wanted
    reply. `least`: the required accuracy. `budget`: money a month. `n_queries`: a day.
    `prompt_tokens`: of the best prompt.
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
                raise AdaptLabError(f"{field.name} is {value}. Give a number of 0 or more.")
        if self.least > 1:
            raise AdaptLabError(f"least is {self.least}. Give an accuracy from 0 to 1.")
