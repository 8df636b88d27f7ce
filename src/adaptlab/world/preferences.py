"""Preferences: two replies to the same question, and an exact judge that says which one is better.

The shop wants four things of a reply to a question on numbered chunks: the correct value, the
number of its chunk, the tone that the system prompt asks for, and no padding. Each has an exact
rule, so the quality of a reply can be computed. The judge replaces human annotators, whose errors
are then known.
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

# The probability that the people who write replies get each aspect right. A model that imitates
# them learns the same habits.
HABITS = {"right": 0.9, "cited": 0.4, "in tone": 0.6, "brief": 0.4}


@dataclass(frozen=True)
class Draft:
    """A reply before it is written: its `value` and `chunk` (0 for no chunk), its tone, and its
    padding.
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
    """Ask a question on three chunks in a tone; the answer is the reply with every aspect."""
    case = tone_reading_case(rng, split, group, tone, n_chunks=3)
    return replace(
        case,
        kind="preference",
        answer=Draft(case.fields["value"], case.fields["chunk"], case.fields["tone"]).text(),
    )


def aspects(case: Case, text: str) -> dict[str, bool]:
    """Return which of ASPECTS a reply has, each by its own rule."""
    cited = _CITATION.findall(text)
    return {
        "right": case.fields["value"] in re.findall(r"\w+", _CITATION.sub("", text)),
        "cited": cited == [str(case.fields["chunk"])],
        "in tone": _tone(text) == case.fields["tone"],
        "brief": 0 < len(text.split()) <= MAX_WORDS,
    }


def _tone(text: str) -> str | None:
    """Return the tone of a reply, with or without padding."""
    if text.startswith(GREETING) and text.endswith(CLOSING):
        return "formal"
    if GREETING in text or CLOSING in text:
        return None
    first = text.partition(".")[0].split()
    return None if not first else "brief" if len(first) <= 2 else "plain"


def quality(case: Case, text: str) -> float:
    """The exact judge: return the fraction of ASPECTS that a reply has."""
    found = aspects(case, text)
    return sum(found.values()) / len(found)


def draft(rng: random.Random, case: Case, habits: dict[str, float] = HABITS) -> str:
    """Return a reply as people write it: it has each aspect with the probability in `habits`."""
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
    """A case and two replies to it; `chosen` is the preferred one, correctly or not."""

    case: Case
    chosen: str
    rejected: str

    @property
    def margin(self) -> float:
        """The quality of the chosen reply minus that of the rejected one; negative if the label is
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
    """Return two drafts of different quality. The better one is chosen, unless the annotator errs.

    `noise`: the probability that the label is swapped. `length_bias`: the probability that the
    longer reply is chosen without reading.
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
