"""Short prose: small stories with a beginning, an errand and an end, whose continuation can be
predicted.
"""

import random

from adaptlab.world import words
from adaptlab.world.wording import combine

_OPENING = combine(
    ["~.", "One morning, ~.", "On a quiet day, ~.", "Last {d}, ~.", "As it happened, ~."],
    [
        "{n} walked to the {p} with {m}",
        "{n} and {m} met at the {p}",
        "{n} took a {pet} to the {p}",
        "{n} waited for {m} near the {p}",
        "{n} carried a {c} {g} to the {p}",
        "{n} hurried past the {p} without {m}",
    ],
)
_MIDDLE = combine(
    ["~.", "Soon ~.", "After a while, ~.", "Then ~.", "All at once ~."],
    [
        "it began to rain and they ran under a roof",
        "{n} found a {c} {g} on the ground",
        "{m} told a long story about a {pet}",
        "{n} was hungry and they shared some {f}",
        "{m} asked if {n} still liked {h}",
        "a {pet} came up and looked at {n}",
    ],
)
_ENDING = combine(
    ["~.", "In the end, ~.", "When the sun went down, ~.", "At last, ~.", "Before it was dark, ~."],
    [
        "{n} and {m} went home together",
        "{n} thanked {m} and smiled",
        "{m} promised to come back on {d}",
        "they sat by the {p} and talked",
        "{n} was glad that {m} had come",
        "{m} gave {n} some {f} for the way",
    ],
)


def story(rng: random.Random, split: str = "train") -> str:
    """Return three to five sentences about two people."""
    n, m = rng.sample(words.FIRST_NAMES, 2)
    slots = {
        "n": n,
        "m": m,
        "p": rng.choice(words.PLACES),
        "d": rng.choice(words.DAYS),
        "c": rng.choice(words.COLOURS[:5]),
        "g": rng.choice(words.GOODS),
        "pet": rng.choice(words.PETS),
        "f": rng.choice(words.FOODS),
        "h": rng.choice(words.HOBBIES),
    }
    parts = [_OPENING, *[_MIDDLE] * rng.randint(1, 3), _ENDING]
    return " ".join(part.pick(rng, split).format(**slots) for part in parts)
