"""Document: a text with its source, title, date and headings, as every reader gives it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from adaptlab.errors import AdaptLabError


class Heading(NamedTuple):
    """A heading of level 1 to 9; its lines are `text[start:end]`."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """A text and where it comes from; `date` is the last change, as far as the file says.

    Lines end in a line feed. `headings` are places in the text, () for a text without headings;
    None means that the text is Markdown, whose headings follow from it.

    Raises:
        AdaptLabError: if `headings` are given for a text that is not clean, since places shift.
    """

    text: str
    source: str
    title: str
    date: date
    headings: tuple[Heading, ...] | None = None

    def __post_init__(self):
        if self.headings and clean(self.text) != self.text:
            raise AdaptLabError("The text is not clean. Call `clean` before you note its headings.")
        for name in ("text", "source", "title"):
            object.__setattr__(self, name, clean(getattr(self, name)))


class Read(NamedTuple):
    """What a reader gives: title and stated date if the file has them; `left_out` names lost parts."""

    text: str
    title: str | None = None
    stated: date | None = None
    headings: tuple[Heading, ...] | None = None
    left_out: tuple[str, ...] = ()


def clean(text: str) -> str:
    """One kind of line end, no byte-order mark, and only what UTF-8 can hold.

    Half of a surrogate pair becomes a question mark.
    """
    ends = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff"))
    return ends.encode(errors="replace").decode()


def assemble(parts: Iterable[tuple[int, str]]) -> tuple[str, tuple[Heading, ...]]:
    """(text, headings) of parts (level, text), an empty line between them; level 0 is no heading.

    A heading is one line, marked as in Markdown, so that a reader of the text sees it too.
    """
    pieces: list[str] = []
    headings: list[Heading] = []
    start = 0
    for level, part in parts:
        text = clean(part)
        if not text.strip():
            continue
        title = " ".join(text.split())
        piece = f"{'#' * level} {title}" if level else text
        if level:
            headings.append(Heading(level, title, start, start + len(piece)))
        pieces.append(piece)
        start += len(piece) + 2
    return "\n\n".join(pieces), tuple(headings)
