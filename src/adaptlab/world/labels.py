"""Invented labels: reviews sorted into two classes, whose names mean nothing without examples."""

import random
from dataclasses import dataclass

from adaptlab.messages import user
from adaptlab.world import words
from adaptlab.world.case import CONTEXT, NOWHERE, Case
from adaptlab.world.reviews import review
from adaptlab.world.wording import combine

INSTRUCTIONS = combine(
    [
        "~.",
        "Your task: ~.",
        "Please help: ~.",
        "For our archive, ~.",
        "Look at the examples, then ~.",
    ],
    [
        "sort the text into {a} or {b}",
        "label the text {a} or {b}",
        "say which label fits, {a} or {b}",
        "choose {a} or {b}",
        "put the text into the bin {a} or the bin {b}",
        "answer with {a} or {b}",
    ],
)


@dataclass(frozen=True)
class Layout:
    """The format of an example: name of the input, name of the label, separator, and end of an
    example.
    """

    text: str
    label: str
    between: str
    after: str

    def example(self, text: str, label: str) -> str:
        return f"{self.text}{text}{self.between}{self.label}{label}"


_LAYOUTS = [
    Layout(f"{text}{colon}", f"{label}{colon}", between, after)
    for text, label in (
        ("Text", "Label"),
        ("Review", "Bin"),
        ("Input", "Output"),
        ("Customer", "Class"),
    )
    for colon in (": ", " - ")
    for between, after in (("\n", "\n\n"), ("\n", "\n"), (" | ", "\n"))
]
LAYOUTS = {
    "train": tuple(x for i, x in enumerate(_LAYOUTS) if i % 4 != 3),
    "held_out": tuple(_LAYOUTS[3::4]),
}


@dataclass(frozen=True)
class Episode:
    """Two labels with a hidden meaning: `meaning` maps each label to the property that its reviews
    share.
    """

    by: str
    meaning: dict[str, str]
    topic: str
    sentiment: str | None

    def item(self, rng: random.Random, label: str, split: str) -> str:
        """Return a review that belongs to the label."""
        if self.by == "sentiment":
            return review(rng, split, topic=self.topic, sentiment=self.meaning[label]).text
        return review(rng, split, topic=self.meaning[label]).text


def episode(rng: random.Random) -> Episode:
    """Return two labels that mean the sentiment within one topic, or two topics with any
    sentiment.
    """
    labels = rng.sample(words.LABELS, 2)
    by = rng.choice(("sentiment", "topic"))
    meanings = rng.sample(words.SENTIMENTS if by == "sentiment" else words.TOPICS, 2)
    return Episode(by, dict(zip(labels, meanings)), rng.choice(words.TOPICS), None)


def label_case(
    rng: random.Random, split: str = "train", k: int | None = None, layout: Layout | None = None
) -> Case:
    """Return k labelled examples, balanced as far as k allows, then a text to label. k = None
    samples k from 0 to 8.
    """
    k = rng.choice((0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8)) if k is None else k
    layout = layout or rng.choice(LAYOUTS[split])
    ep = episode(rng)
    a, b = ep.meaning
    shown = [(a, b)[i % 2] for i in range(k)]
    rng.shuffle(shown)
    examples = [layout.example(ep.item(rng, label, split), label) for label in shown]
    gold = rng.choice((a, b))
    query = layout.example(ep.item(rng, gold, split), "").rstrip()
    instruction = INSTRUCTIONS.pick(rng, split).format(a=a, b=b)
    content = instruction + "\n\n" + layout.after.join([*examples, query])
    fields = {"k": k, "labels": (a, b), "by": ep.by, "layout": layout, "episode": ep}
    return Case("label", (user(content),), gold, CONTEXT if k else NOWHERE, fields)
