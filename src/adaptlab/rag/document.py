"""Document: a text with its source, title, date and headings, the result of every reader."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np

from adaptlab.errors import AdaptLabError

# Fields of every document; its metadata must use other names.
OWN_NAMES = ("source", "title", "section", "date")


class Heading(NamedTuple):
    """A heading of level 1 to 9; its lines are `text[start:end]`."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """A text and its origin; `date` is the last change, as far as the file states it.

    Lines end in a line feed. `headings` are positions in the text, () for a text without headings.
    None means that the text is Markdown, whose headings follow from it. `metadata` is further data
    for filters: texts, numbers, truth values, and lists and dicts of them. A date in it becomes
    text in ISO form.

    Raises:
        AdaptLabError: if `headings` are given for a text that is not clean, since positions shift,
            or if the metadata cannot be written as JSON, or use a document's own names.
    """

    text: str
    source: str
    title: str
    date: date
    headings: tuple[Heading, ...] | None = None
    metadata: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self):
        for name in ("text", "source", "title"):
            if not isinstance(getattr(self, name), str):
                raise AdaptLabError(f"The {name} of a document is not text. Give a string.")
        if not isinstance(self.date, date):
            raise AdaptLabError(f"The date of a document is {self.date!r}. Give a datetime.date.")
        if self.headings and clean(self.text) != self.text:
            raise AdaptLabError(
                "The text is not clean. Call `clean` before you compute its headings."
            )
        if any(not 0 <= h.start <= h.end <= len(self.text) for h in self.headings or ()):
            raise AdaptLabError("A heading is outside its text. Give positions in the clean text.")
        for name in ("text", "source", "title"):
            object.__setattr__(self, name, clean(getattr(self, name)))
        object.__setattr__(self, "metadata", checked_metadata(self.metadata))


class Read(NamedTuple):
    """The result of a reader: title and date if the file has them; `left_out` names lost parts."""

    text: str
    title: str | None = None
    stated: date | None = None
    headings: tuple[Heading, ...] | None = None
    left_out: tuple[str, ...] = ()


def checked_metadata(metadata: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of the metadata as JSON keeps it."""
    if not isinstance(metadata, Mapping):
        kind = type(metadata).__name__
        raise AdaptLabError(f"The metadata are {kind}, not a dict. Give names with values.")
    own = [name for name in metadata if name in OWN_NAMES]
    if own:
        problem = f"{own[0]!r} in the metadata is one of the document's own fields"
        raise AdaptLabError(f"{problem}. Set the document's field, or use another name.")
    return {_name(name): _kept(name, value) for name, value in metadata.items()}


def _name(name: object) -> str:
    if not isinstance(name, str) or not name or name.startswith("$"):
        problem = f"{name!r} is not a valid name for metadata"
        raise AdaptLabError(f"{problem}. Give a text that does not begin with $.")
    return name


def _kept(name: str, value: object) -> object:
    if isinstance(value, list | tuple):
        return [_kept(name, entry) for entry in value]
    if isinstance(value, Mapping):
        return {_name(inner): _kept(f"{name}.{inner}", entry) for inner, entry in value.items()}
    found = plain(value)
    if is_plain(found):
        return found
    problem = f"{name!r} in the metadata is {value!r}, which JSON cannot represent"
    raise AdaptLabError(f"{problem}. Give text, a number, a truth value, or lists of them.")


def plain(value: object) -> object:
    """Convert a date to ISO text, whose order is that of the dates, and a number of numpy to
    Python's.
    """
    if isinstance(value, np.generic):
        value = value.item()
    return value.isoformat() if isinstance(value, date) else value


def is_plain(value: object) -> bool:
    """Whether it is text, a number that is one, a truth value or None."""
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | bool | int)


def clean(text: str) -> str:
    """Normalize the text: one kind of line end, no byte-order mark, and only characters of UTF-8.

    Half of a surrogate pair becomes a question mark.
    """
    ends = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff"))
    return ends.encode(errors="replace").decode()


def assemble(parts: Iterable[tuple[int, str]]) -> tuple[str, tuple[Heading, ...]]:
    """Return (text, headings) of parts (level, text), separated by an empty line; level 0 is not a
    heading.

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
