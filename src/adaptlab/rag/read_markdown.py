"""Markdown: its headings by CommonMark, and the front matter that many tools put first."""

import re
import tomllib
from datetime import date, datetime
from pathlib import Path

import yaml

from adaptlab.files import read_text
from adaptlab.rag.document import Heading, Read, clean

_FENCES = {
    "yaml": re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE),
    "toml": re.compile(r"\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE),
}
_KEY = re.compile(r"[\w-]+[ \t]*[:=]")


def headings(text: str, offset: int = 0) -> tuple[Heading, ...]:
    """Return the headings outside lists, quotations and code; `offset` is where the text starts."""
    from markdown_it import MarkdownIt

    starts = [0]
    for line in text.split("\n"):
        starts.append(min(starts[-1] + len(line) + 1, len(text)))
    tokens = MarkdownIt().parse(text)
    return tuple(
        Heading(
            int(token.tag[1]),
            inline.content,
            offset + starts[token.map[0]],
            offset + starts[token.map[1]],
        )
        for token, inline in zip(tokens, tokens[1:])
        if token.map and token.type == "heading_open" and token.level == 0
    )


def first_title(found: tuple[Heading, ...]) -> str | None:
    """Return the first heading of level 1."""
    return next((heading.title for heading in found if heading.level == 1), None)


def read_markdown(path: Path) -> Read:
    return markdown_document(clean(read_text(path)))


def markdown_document(text: str) -> Read:
    """Return the text without its front matter, which gives title and date; other keys are
    named.
    """
    about, end = front_matter(text)
    if about is None:  # its lines stay in the text, but not as headings
        found = headings(text[end:], end)
        lost = ("title and date, since its front matter is not valid",)
        return Read(text, first_title(found), None, found, lost)
    body = text[end:]
    found = headings(body)
    title = about.get("title")
    stated = _as_date(about.get("date"))
    title = None if isinstance(title, list | dict) else title
    used = {key for key, value in (("title", title), ("date", stated)) if value}
    unused = (key for key, value in about.items() if key not in used and value is not None)
    others = ", ".join(map(str, unused))
    left_out = (f"the keys {others} of its front matter",) if others else ()
    return Read(body, str(title) if title else first_title(found), stated, found, left_out)


def front_matter(text: str) -> tuple[dict | None, int]:
    """Return (values, where the text after them starts); None for front matter that cannot be
    parsed.
    """
    for kind, fence in _FENCES.items():
        match = fence.match(text)
        values = _parsed(kind, match[1]) if match else None
        if match and (values is not None or _KEY.match(match[1])):
            return values, match.end()
    return {}, 0


def _parsed(kind: str, block: str) -> dict | None:
    """Return the block's values; None if it is not a mapping, such as text between two rules."""
    try:
        values = yaml.safe_load(block) if kind == "yaml" else tomllib.loads(block)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError):
        return None
    if values is None and not block.strip():
        return {}
    return values if isinstance(values, dict) else None


def _as_date(value) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        return None
