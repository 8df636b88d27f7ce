"""Product reviews: each says one positive or negative thing about one topic."""

import random
from dataclasses import dataclass

from adaptlab.messages import user
from adaptlab.world import words
from adaptlab.world.case import CONTEXT, Case
from adaptlab.world.wording import Wordings, combine

_FRAMES = [
    "~.",
    "Honest opinion: ~.",
    "My verdict: ~.",
    "After a week I can say that ~.",
    "To be fair, ~.",
    "In short, ~.",
]

_PHRASES = {
    ("price", "positive"): [
        "the {g} was a bargain",
        "I paid little for this {g}",
        "the {g} is cheap for what it is",
        "such a low price for a {g}",
        "this {g} saved me money",
    ],
    ("price", "negative"): [
        "the {g} is far too expensive",
        "I paid too much for this {g}",
        "the {g} is not worth the money",
        "such a high price for a {g}",
        "this {g} cost me a fortune",
    ],
    ("delivery", "positive"): [
        "the {g} arrived a day early",
        "the parcel with the {g} came fast",
        "my {g} was at the door the next day",
        "quick shipping of the {g}",
        "the courier brought the {g} on time",
    ],
    ("delivery", "negative"): [
        "the {g} arrived a week late",
        "the parcel with the {g} got lost",
        "my {g} was stuck in the depot",
        "slow shipping of the {g}",
        "the courier dropped the {g} in the rain",
    ],
    ("quality", "positive"): [
        "the {g} is solid and well made",
        "the {g} works like a charm",
        "this {g} will last for years",
        "the finish of the {g} is lovely",
        "the {g} feels sturdy",
    ],
    ("quality", "negative"): [
        "the {g} is flimsy and badly made",
        "the {g} broke on the first day",
        "this {g} fell apart",
        "the finish of the {g} is awful",
        "the {g} feels weak",
    ],
    ("service", "positive"): [
        "the staff helped me with the {g} at once",
        "support answered my question on the {g} kindly",
        "the shop was friendly about the {g}",
        "a polite agent replaced the {g}",
        "they were patient about my {g}",
    ],
    ("service", "negative"): [
        "the staff ignored my call about the {g}",
        "support never answered my question on the {g}",
        "the shop was rude about the {g}",
        "a grumpy agent refused the {g}",
        "they hung up on me about my {g}",
    ],
}

REVIEWS: dict[tuple[str, str], Wordings] = {
    key: combine(_FRAMES, phrases) for key, phrases in _PHRASES.items()
}

ASK_SENTIMENT = combine(
    [
        "~\nReview: {t}",
        "Review: {t}\n~",
        "Read this review. ~\n{t}",
        "{t}\n~",
        "Here is a review: {t}\n~",
    ],
    [
        "Is it positive or negative?",
        "Is the customer positive or negative?",
        "Say positive or negative.",
        "Classify the sentiment: positive or negative.",
        "What is the mood, positive or negative?",
        "Choose positive or negative.",
    ],
)
ASK_TOPIC = combine(
    [
        "~\nReview: {t}",
        "Review: {t}\n~",
        "Read this review. ~\n{t}",
        "{t}\n~",
        "Here is a review: {t}\n~",
    ],
    [
        "Is it about price, delivery, quality or service?",
        "Name the topic: price, delivery, quality or service.",
        "Classify the topic: price, delivery, quality or service.",
        "What is it about, price, delivery, quality or service?",
        "Choose price, delivery, quality or service.",
        "Say if it is about price, delivery, quality or service.",
    ],
)


@dataclass(frozen=True)
class Review:
    text: str
    topic: str
    sentiment: str
    good: str


def review(
    rng: random.Random, split: str = "train", topic: str | None = None, sentiment: str | None = None
) -> Review:
    """Return a review; parameters that are None are sampled."""
    topic = topic or rng.choice(words.TOPICS)
    sentiment = sentiment or rng.choice(words.SENTIMENTS)
    good = rng.choice(words.GOODS)
    return Review(REVIEWS[topic, sentiment].pick(rng, split).format(g=good), topic, sentiment, good)


def review_case(rng: random.Random, split: str = "train", ask: str | None = None) -> Case:
    """Classify one review by `ask`: sentiment or topic."""
    ask = ask or rng.choice(("sentiment", "topic"))
    item = review(rng, split)
    wordings = ASK_SENTIMENT if ask == "sentiment" else ASK_TOPIC
    fields = {"ask": ask, "topic": item.topic, "sentiment": item.sentiment, "text": item.text}
    return Case(
        "review",
        (user(wordings.pick(rng, split).format(t=item.text)),),
        getattr(item, ask),
        CONTEXT,
        fields,
    )
