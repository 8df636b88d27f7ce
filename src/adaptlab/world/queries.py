"""Search queries: the same question in other words, or a sentence that would answer it."""

import random

from adaptlab.messages import user
from adaptlab.world.case import NOWHERE, Case
from adaptlab.world.entities import Fact, invent_fact
from adaptlab.world.relations import BY_SUBJECT, RELATIONS
from adaptlab.world.wording import combine

_FRAMES = ["~: {q}", "Please ~: {q}", "For a search, ~: {q}", "{q}\nNow ~.", "Your task: ~.\n{q}"]
REPHRASE = combine(
    _FRAMES,
    [
        "ask this in other words",
        "write the question another way",
        "put the question differently",
        "say this question anew",
        "find other words for the question",
        "give a second wording",
    ],
)
SUPPOSE = combine(
    _FRAMES,
    [
        "write a sentence that would answer this",
        "guess what the files say",
        "make up an answer in one sentence",
        "write the line that a handbook would hold",
        "invent a note that answers the question",
        "write a likely answer",
    ],
)


def _drawn(rng: random.Random, group: str) -> Fact:
    return invent_fact(rng, rng.choice(tuple(BY_SUBJECT)), group)


def rephrase_case(rng: random.Random, split: str = "train", group: str = "fresh") -> Case:
    """Ask to rephrase a question; any other of its wordings is correct (`is_rephrased`)."""
    fact = _drawn(rng, group)
    question = fact.ask(rng, split)
    other = next(text for text in iter(lambda: fact.ask(rng, "train"), None) if text != question)
    return Case(
        "rephrase",
        (user(REPHRASE.pick(rng, split).format(q=question)),),
        other,
        NOWHERE,
        {"fact": fact, "question": question},
    )


def is_rephrased(case: Case, text: str) -> bool:
    """Whether a text is a wording of the case's question that the case does not show."""
    fact = case.fields["fact"]
    return text != case.fields["question"] and text in {
        wording.format(n=fact.subject) for wording in RELATIONS[fact.relation].questions.all
    }


def suppose_case(rng: random.Random, split: str = "train", group: str = "fresh") -> Case:
    """Ask to answer a question by a plausible sentence: a hypothetical document, whose value is a
    guess.
    """
    fact = _drawn(rng, group)
    return Case(
        "suppose",
        (user(SUPPOSE.pick(rng, split).format(q=fact.ask(rng, split))),),
        fact.state(rng, "train"),
        NOWHERE,
        {"fact": fact},
    )


def is_supposed(case: Case, text: str) -> bool:
    """Whether a text states the requested relation about the correct subject, with any value."""
    fact = case.fields["fact"]
    relation = RELATIONS[fact.relation]
    return text in {
        wording.format(n=fact.subject, v=value)
        for wording in relation.statements.all
        for value in relation.values
    }
