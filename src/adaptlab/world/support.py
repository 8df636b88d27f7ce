"""The shop's support assistant: a letter that answers from the handbook with a source, and a record
for the files.

Four aspects of a reply are judged, each by an exact rule:
- the correct value, or an abstention
- a citation of exactly the chunk that states it
- the form of the record
- the house tone
"""

import json
import re
from collections.abc import Set as Group
from dataclasses import astuple, dataclass

from adaptlab.messages import NOT_FOUND
from adaptlab.world.extraction import parse_object
from adaptlab.world.tone import CLOSING, GREETING, keeps_tone

_CITED = re.compile(r"\s*\[(\d+)\]")


@dataclass(frozen=True)
class Aspects:
    """The aspects that a reply got right."""

    right: bool
    cited: bool
    form: bool
    tone: bool

    @property
    def all_four(self) -> bool:
        return all(astuple(self))


def support_reply(value: str | None, number: int | None) -> str:
    """Return the desired reply: `value` from chunk `number`, or None for both if no chunk states
    it.
    """
    said = NOT_FOUND if value is None else f"the answer is {value} [{number}]."
    return (
        f"{GREETING} {said} {CLOSING} {json.dumps({'answered': 'no' if value is None else 'yes'})}"
    )


def aspects(reply: str, value: str | None, gold: Group[int]) -> Aspects:
    """Judge a reply to a question with the value `value` (None: the handbook has none), which the
    chunks numbered in `gold` state.

    A citation counts if a gold chunk was among the given chunks. Without a value, the correct reply
    cites nothing. The record must be an object with the one key `answered`, "yes" or "no", that
    agrees with the letter.
    """
    letter, record = split(reply)
    numbers = {int(number) for number in _CITED.findall(letter)}
    spoken = _CITED.sub("", letter)
    declines = NOT_FOUND in letter
    states = (
        value is not None and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", spoken) is not None
    )
    return Aspects(
        right=declines if value is None else states and not declines,
        cited=not numbers if value is None else bool(numbers) and numbers <= gold,
        form=record == {"answered": "no" if declines else "yes"},
        tone=keeps_tone(letter, "formal"),
    )


def split(reply: str) -> tuple[str, dict | None]:
    """Return the letter and the record after it; None for a record that is not a JSON object."""
    letter, brace, rest = reply.partition("{")
    return letter.strip(), parse_object(brace + rest)
