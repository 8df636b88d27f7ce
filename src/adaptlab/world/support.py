"""The support assistant of the shop: a letter that answers from the handbook, with its source, and
a record for the files.

Four things are wanted of a reply, each judged by an exact rule: the right value, or that it is not
there; the chunk that states it, and no other; the form of the record; and the tone of the house.
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
    """What a reply got right."""

    right: bool
    cited: bool
    form: bool
    tone: bool

    @property
    def all_four(self) -> bool:
        return all(astuple(self))


def support_reply(value: str | None, number: int | None) -> str:
    """The reply that the house wants: `value` from chunk `number`, or None for both where no chunk
    has it.
    """
    said = NOT_FOUND if value is None else f"the answer is {value} [{number}]."
    return (
        f"{GREETING} {said} {CLOSING} {json.dumps({'answered': 'no' if value is None else 'yes'})}"
    )


def aspects(reply: str, value: str | None, gold: Group[int]) -> Aspects:
    """Judge a reply to a question whose value is `value` (None: the handbook has none), which the
    chunks numbered in `gold` state.

    A citation counts if a right chunk was there to be cited; where there is no value, citing
    nothing is right. The record must be an object with the one key `answered`, "yes" or "no", that
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
    """The letter, and the record behind it; None for what is no JSON object."""
    letter, brace, rest = reply.partition("{")
    return letter.strip(), parse_object(brace + rest)
