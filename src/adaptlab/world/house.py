"""Tasks for which a company would fine-tune a model: none of them is in the training data of the
bundled models, and each has an exact rule for evaluation.

There are four: a *form* (the triage record, in `tickets`), a *style* of replies, a *rule* that
routes reviews to desks, and *facts* about new people.
"""

import random

from adaptlab.messages import user
from adaptlab.world import words
from adaptlab.world.case import CONTEXT, WEIGHTS, Case
from adaptlab.world.entities import Fact, invent_fact, subjects
from adaptlab.world.relations import BY_SUBJECT
from adaptlab.world.reviews import review
from adaptlab.world.wording import combine

# A desk for each topic and mood; the names give no hint. They are words that the bundled models can
# write: an adapter does not change the embeddings, so a model cannot learn to write a token that no
# reply in its training data contained.
DESKS = dict(
    zip(((topic, mood) for topic in words.TOPICS for mood in words.SENTIMENTS), words.TEAMS)
)


STYLE = "We noted your question. The records show {}. Please tell the team if you need more."


def style_case(rng: random.Random, split: str = "train", group: str = "fresh") -> Case:
    """Ask a question about a fact in the context. The house style puts the value among fixed
    sentences, which the prompt does not mention.
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
    """Whether a text is the sentences of the house style around one word, whatever the word."""
    before, after = STYLE.split("{}")
    return (
        text.startswith(before)
        and text.endswith(after)
        and text[len(before) : -len(after)].isalnum()
    )


def desk_case(rng: random.Random, split: str = "train") -> Case:
    """Ask for the desk that handles a review. It depends on topic and mood; only examples can show
    how.
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
    """Return all facts about n people that no model has met; other seeds give other people."""
    rng = random.Random(f"newcomers:{seed}")
    return tuple(
        Fact(name, r.name, rng.choice(r.values))
        for name in rng.sample(subjects("person", "new"), n)
        for r in BY_SUBJECT["person"]
    )


def fact_case(rng: random.Random, fact: Fact, split: str = "train") -> Case:
    """Ask a question about a fact, without a context."""
    return Case(
        "fact",
        (user(fact.ask(rng, split)),),
        fact.value,
        WEIGHTS,
        {"subject": fact.subject, "relation": fact.relation, "value": fact.value},
    )


def biography(rng: random.Random, facts: list[Fact], split: str = "train") -> str:
    """Return a text about one person: each fact in a random wording, in random order."""
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
    """Return n people and the city of each, without duplicates: a fact that can be asked in both
    directions.
    """
    return dict(zip(rng.sample(subjects("person", group), n), rng.sample(words.CITIES, n)))


def mayor_statement(
    rng: random.Random, name: str, city: str, split: str = "train", city_first: bool = False
) -> str:
    return (_CITY_FIRST if city_first else _NAME_FIRST).pick(rng, split).format(n=name, v=city)


def mayor_case(
    rng: random.Random, name: str, city: str, split: str = "train", backwards: bool = False
) -> Case:
    """Ask for a mayor's city, or backwards for a city's mayor."""
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
