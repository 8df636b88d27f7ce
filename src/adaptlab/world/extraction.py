"""Extraction: a customer's message, the requested fields, and a JSON object with exactly these
fields.
"""

import json
import random
from dataclasses import dataclass

from adaptlab.messages import user
from adaptlab.world import words
from adaptlab.world.case import CONTEXT, Case
from adaptlab.world.entities import subjects
from adaptlab.world.wording import combine

_FRAMES = [
    "~.",
    "Just so you know, ~.",
    "By the way, ~.",
    "To be clear, ~.",
    "For your files: ~.",
    "As I said, ~.",
]

# For each field of a message, the sentences that state it.
MESSAGES = {
    "name": combine(
        _FRAMES,
        [
            "my name is {v}",
            "I am {v}",
            "this is {v} speaking",
            "{v} is writing to you",
            "you can call me {v}",
        ],
    ),
    "city": combine(
        _FRAMES,
        [
            "I live in {v}",
            "I write from {v}",
            "send it to {v}",
            "my home is in {v}",
            "{v} is my city",
        ],
    ),
    "product": combine(
        _FRAMES,
        [
            "I bought the {v}",
            "it is about the {v}",
            "my question is on the {v}",
            "I ordered the {v}",
            "the {v} is what I got",
        ],
    ),
    "order": combine(
        _FRAMES,
        [
            "my order is {v}",
            "the number of the order is {v}",
            "it was order {v}",
            "please check order {v}",
            "order {v} is mine",
        ],
    ),
    "quantity": combine(
        _FRAMES,
        [
            "I took {v} of them",
            "I need {v} pieces",
            "there were {v} in the box",
            "I paid for {v} of them",
            "{v} pieces came",
        ],
    ),
    "day": combine(
        _FRAMES,
        [
            "it came on {v}",
            "I wrote to you on {v}",
            "that was on {v}",
            "I called on {v}",
            "{v} was the day",
        ],
    ),
    "colour": combine(
        _FRAMES,
        [
            "the colour is {v}",
            "I chose the {v} one",
            "it is the {v} model",
            "mine is {v}",
            "I wanted it in {v}",
        ],
    ),
}
FIELDS = tuple(MESSAGES)

ASK_FIELDS = combine(
    [
        "~\n\nMessage: {t}",
        "Message: {t}\n\n~",
        "Read the message. ~\n\n{t}",
        "{t}\n\n~",
        "A customer wrote: {t}\n\n~",
    ],
    [
        "Give {f} as JSON.",
        "Extract {f} as JSON.",
        "Return a JSON object with {f}.",
        "Write {f} in JSON.",
        "Answer in JSON with the fields {f}.",
        "Reply with JSON that holds {f}.",
    ],
)


@dataclass(frozen=True)
class Message:
    text: str
    values: dict[str, str | int]


def draw_value(rng: random.Random, field: str, group: str) -> str | int:
    if field == "name":
        return rng.choice(subjects("person", group))
    if field == "product":
        return rng.choice(subjects("product", group))
    if field == "order":
        return int(rng.choice(subjects("order", group)))
    if field == "quantity":
        return rng.randint(2, 20)
    return rng.choice({"city": words.CITIES, "day": words.DAYS, "colour": words.COLOURS}[field])


def message(
    rng: random.Random, split: str = "train", group: str = "fresh", n_fields: int | None = None
) -> Message:
    """Return a message that states `n_fields` of FIELDS, each in its own sentence, in random
    order.
    """
    fields = rng.sample(FIELDS, n_fields or rng.randint(3, 6))
    values = {field: draw_value(rng, field, group) for field in fields}
    return Message(
        " ".join(
            MESSAGES[field].pick(rng, split).format(v=value) for field, value in values.items()
        ),
        values,
    )


def listing(names: list[str]) -> str:
    """Join names as in "name, city and day"."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def extraction_case(
    rng: random.Random, split: str = "train", group: str = "fresh", n_asked: int | None = None
) -> Case:
    """Ask for some of the fields that a message states, in another random order."""
    item = message(rng, split, group)
    asked = rng.sample(list(item.values), min(n_asked or rng.randint(1, 4), len(item.values)))
    gold = {field: item.values[field] for field in asked}
    content = ASK_FIELDS.pick(rng, split).format(t=item.text, f=listing(asked))
    return Case(
        "extraction",
        (user(content),),
        json.dumps(gold),
        CONTEXT,
        {"text": item.text, "asked": tuple(asked), "record": gold},
    )


def parse_object(text: str) -> dict | None:
    """Parse a reply that is a JSON object; None for other replies."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
