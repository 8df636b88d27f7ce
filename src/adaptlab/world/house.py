"""What a house would tune a model for: tasks and facts that no training of the embedded models
holds, each judged by an exact rule.

A *form* (the triage record, in `tickets`), a *style* of replying, a *rule* by which reviews are
sent to desks, and *facts* about people who are new.
"""

import random

from adaptlab.messages import user
from adaptlab.world import words
from adaptlab.world.case import CONTEXT, WEIGHTS, Case
from adaptlab.world.entities import Fact, invent_fact, subjects
from adaptlab.world.relations import BY_SUBJECT
from adaptlab.world.reviews import review
from adaptlab.world.wording import combine

# A desk for each topic and mood; nothing in the names tells which. They are words that the embedded
# models can write: an adapter leaves the embeddings alone, and cannot bring a model to write a
# token that no reply of its training held.
DESKS = dict(
    zip(((topic, mood) for topic in words.TOPICS for mood in words.SENTIMENTS), words.TEAMS)
)


STYLE = "We noted your question. The records show {}. Please tell the team if you need more."


def style_case(rng: random.Random, split: str = "train", group: str = "fresh") -> Case:
    """A fact and a question on it; the house wants the value among sentences of its own, which
    nothing in the prompt says.
    """
    fact = invent_fact(rng, "person", group)
    answer = STYLE.format(fact.value)
    return Case(
        "style",
        (user(f"{fact.state(rng, split)} {fact.ask(rng, split)}"),),
        answer,
        CONTEXT,
        {"value": fact.value},
    )


def keeps_style(text: str) -> bool:
    """The house's sentences around one word, whichever it is."""
    before, after = STYLE.split("{}")
    return (
        text.startswith(before)
        and text.endswith(after)
        and text[len(before) : -len(after)].isalnum()
    )


def desk_case(rng: random.Random, split: str = "train") -> Case:
    """A review and the desk that handles it: by its topic and its mood, as only
    examples can show.
    """
    item = review(rng, split)
    desk = DESKS[item.topic, item.sentiment]
    return Case(
        "desk",
        (user(f"Desk for this review: {item.text}"),),
        desk,
        CONTEXT,
        {"topic": item.topic, "sentiment": item.sentiment},
    )


def newcomers(seed: int, n: int) -> tuple[Fact, ...]:
    """All facts about n people whom no model has met; other seeds have other people."""
    rng = random.Random(f"newcomers:{seed}")
    return tuple(
        Fact(name, r.name, rng.choice(r.values))
        for name in rng.sample(subjects("person", "new"), n)
        for r in BY_SUBJECT["person"]
    )


def fact_case(rng: random.Random, fact: Fact, split: str = "train") -> Case:
    """A question on a fact, without a context."""
    return Case(
        "fact",
        (user(fact.ask(rng, split)),),
        fact.value,
        WEIGHTS,
        {"subject": fact.subject, "relation": fact.relation, "value": fact.value},
    )


def biography(rng: random.Random, facts: list[Fact], split: str = "train") -> str:
    """What a text says about one person: each fact in a wording, the facts in any order."""
    return " ".join(
        ["Register: " + facts[0].subject + "."]
        + [fact.state(rng, split) for fact in rng.sample(facts, len(facts))]
    )


_FILED = ["~.", "According to the files, ~.", "We noted that ~."]
_NAME_FIRST = combine(
    _FILED,
    ["{n} is the mayor of {v}", "{n} was elected mayor of {v}", "{n} became the mayor of {v}"],
)
_CITY_FIRST = combine(
    _FILED, ["the mayor of {v} is {n}", "in {v} the mayor is {n}", "for its mayor {v} chose {n}"]
)
_FRAMES = ["~?", "Quick question: ~?", "Please answer: ~?"]
_ASK_CITY = combine(
    _FRAMES,
    [
        "which city has {n} as its mayor",
        "of which city is {n} the mayor",
        "where was {n} elected mayor",
    ],
)
_ASK_MAYOR = combine(
    _FRAMES,
    ["who is the mayor of {v}", "who was elected mayor of {v}", "who became the mayor of {v}"],
)


def mayors(rng: random.Random, n: int, group: str = "new") -> dict[str, str]:
    """n people and the city of each, no two the same: a fact that has a way back."""
    return dict(zip(rng.sample(subjects("person", group), n), rng.sample(words.CITIES, n)))


def mayor_statement(
    rng: random.Random, name: str, city: str, split: str = "train", city_first: bool = False
) -> str:
    return (_CITY_FIRST if city_first else _NAME_FIRST).pick(rng, split).format(n=name, v=city)


def mayor_case(
    rng: random.Random, name: str, city: str, split: str = "train", backwards: bool = False
) -> Case:
    """From a name to its city, or backwards from a city to its mayor."""
    asked = (
        _ASK_MAYOR.pick(rng, split).format(v=city)
        if backwards
        else _ASK_CITY.pick(rng, split).format(n=name)
    )
    return Case(
        "mayor",
        (user(asked),),
        name if backwards else city,
        WEIGHTS,
        {"name": name, "city": city, "backwards": backwards},
    )
