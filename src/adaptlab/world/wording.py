"""Wordings: the many ways of saying one thing, split into training and held-out wordings.

A wording is a *frame* around a *phrase*. Every frame and every phrase occurs in training, but 1/4
of their combinations never does. So a held-out wording is a sentence pattern that no model has
seen, made of parts that it has seen.
"""

import random
from dataclasses import dataclass

SPLITS = ("train", "held_out")


@dataclass(frozen=True)
class Wordings:
    """Templates with named slots, by split."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]

    def pick(self, rng: random.Random, split: str) -> str:
        """Return one template of the split, sampled uniformly."""
        return rng.choice(self.train if split == "train" else self.held_out)

    @property
    def all(self) -> tuple[str, ...]:
        """Return the templates of both splits."""
        return self.train + self.held_out

    def __len__(self) -> int:
        return len(self.all)


def combine(frames: list[str], phrases: list[str]) -> Wordings:
    """Put all frames around all phrases; those with (i + j) mod 4 = 3 are held out.

    `~` in a frame marks the place of the phrase. A sentence starts with a capital letter.
    """
    if len(frames) < 2 or len(phrases) < 2 or len(frames) + len(phrases) < 5:
        raise ValueError(
            "combine needs at least two frames and two phrases, five in all, to hold some out and"
            " keep each in training"
        )
    split: dict[str, list] = {"train": [], "held_out": []}
    for i, frame in enumerate(frames):
        for j, phrase in enumerate(phrases):
            starts_sentence = frame.startswith("~") or ". ~" in frame or "\n~" in frame
            text = frame.replace("~", phrase[0].upper() + phrase[1:] if starts_sentence else phrase)
            split["held_out" if (i + j) % 4 == 3 else "train"].append(text[0].upper() + text[1:])
    return Wordings(tuple(split["train"]), tuple(split["held_out"]))
