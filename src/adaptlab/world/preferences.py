"""Preferences: replies to the same question of which one is better, and the exact judge that says
so.

A house wants four things of a reply to a question on numbered chunks: the right value, the number
of its chunk, the tone that the system prompt asks for, and no padding. Each is a rule, so how good
a reply is can be counted: a stand-in for people, whose errors are then known.
"""

import random
import re
from dataclasses import dataclass, replace

from adaptlab.world.case import Case
from adaptlab.world.tone import CLOSING, GREETING, TONES, tone_reading_case

ASPECTS = ("right", "cited", "in tone", "brief")
PADDING = (
    "Thank you for the question.",
    "We are always glad to help.",
    "Please tell us if you need more.",
    "We hope this helps.",
)
_CITATION = re.compile(r"\[(\d+)\]")
MAX_WORDS = 10  # the longest reply without padding has nine

# How often people who write replies for the house get each aspect right: what a model that imitates
# them learns too.
HABITS = {"right": 0.9, "cited": 0.4, "in tone": 0.6, "brief": 0.4}


@dataclass(frozen=True)
class Draft:
    """A reply before it is written: `value` and `chunk` as it gives them (0: no chunk), its tone,
    and what pads it.
    """

    value: str
    chunk: int
    tone: str
    padding: tuple[str, ...] = ()

    def text(self) -> str:
        cited = f"{self.value} [{self.chunk}]" if self.chunk else self.value
        if self.tone == "brief":
            return " ".join([f"{cited}.", *self.padding]) if self.padding else cited
        if self.tone == "plain":
            return " ".join([f"The answer is {cited}.", *self.padding])
        return " ".join([GREETING, f"the answer is {cited}.", *self.padding, CLOSING])


def preference_case(
    rng: random.Random, split: str = "train", group: str = "fresh", tone: str | None = None
) -> Case:
    """A question on three chunks, under a tone; the answer is the reply that has every aspect."""
    case = tone_reading_case(rng, split, group, tone, n_chunks=3)
    return replace(
        case,
        kind="preference",
        answer=Draft(case.fields["value"], case.fields["chunk"], case.fields["tone"]).text(),
    )


def aspects(case: Case, text: str) -> dict[str, bool]:
    """Which of ASPECTS a reply has, each by a rule of its own."""
    cited = _CITATION.findall(text)
    return {
        "right": case.fields["value"] in re.findall(r"\w+", _CITATION.sub("", text)),
        "cited": cited == [str(case.fields["chunk"])],
        "in tone": _tone(text) == case.fields["tone"],
        "brief": 0 < len(text.split()) <= MAX_WORDS,
    }


def _tone(text: str) -> str | None:
    """The tone in which a reply is written, padded or not."""
    if text.startswith(GREETING) and text.endswith(CLOSING):
        return "formal"
    if GREETING in text or CLOSING in text:
        return None
    first = text.partition(".")[0].split()
    return None if not first else "brief" if len(first) <= 2 else "plain"


def quality(case: Case, text: str) -> float:
    """The exact judge: the share of ASPECTS that a reply has."""
    found = aspects(case, text)
    return sum(found.values()) / len(found)


def draft(rng: random.Random, case: Case, habits: dict[str, float] = HABITS) -> str:
    """A reply as people write it, each aspect kept with the probability of their habits."""
    kept = {aspect: rng.random() < habits[aspect] for aspect in ASPECTS}
    fields = case.fields
    others = [value for value in _values(case) if value != fields["value"]]
    return Draft(
        value=fields["value"] if kept["right"] or not others else rng.choice(others),
        chunk=fields["chunk"] if kept["cited"] else 0,
        tone=(
            fields["tone"]
            if kept["in tone"]
            else rng.choice([tone for tone in TONES if tone != fields["tone"]])
        ),
        padding=() if kept["brief"] else tuple(rng.sample(PADDING, 2)),
    ).text()


def _values(case: Case) -> list[str]:
    return [fact.value for fact, _ in case.fields["passage"].facts]


@dataclass(frozen=True)
class Preference:
    """A case and two replies to it; `chosen` is the one that was preferred, rightly or not."""

    case: Case
    chosen: str
    rejected: str

    @property
    def margin(self) -> float:
        """Quality of the chosen reply minus that of the rejected one: below 0 where the label is
        wrong.
        """
        return quality(self.case, self.chosen) - quality(self.case, self.rejected)


def preference(
    rng: random.Random,
    split: str = "train",
    group: str = "fresh",
    noise: float = 0.0,
    length_bias: float = 0.0,
) -> Preference:
    """Two drafts of unlike quality, the better one chosen, unless whoever judged erred.

    `noise`: the probability that the label is turned round. `length_bias`: the probability that the
    longer reply is chosen without a look.
    """
    case = preference_case(rng, split, group)
    better = draft(rng, case)
    worse = draft(rng, case)
    while quality(case, better) == quality(case, worse):
        better = draft(rng, case)
        worse = draft(rng, case)
    if quality(case, better) < quality(case, worse):
        better, worse = worse, better
    if rng.random() < length_bias:
        better, worse = sorted((better, worse), key=len, reverse=True)
    elif rng.random() < noise:
        better, worse = worse, better
    return Preference(case, better, worse)
