"""HTML: the text that a browser shows, its headings, and preformatted text unchanged."""

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from adaptlab.files import read_text
from adaptlab.rag.document import Read, assemble, clean
from adaptlab.rag.formulas import LOWERED, RAISED, with_signs

# Phrasing elements flow within a line. Every other element, known or not, has lines of its own:
# an extra break separates words, but a missing break joins two words.
_PHRASING = """
a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label map mark
math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle
msub msubsup msup mtext munder munderover nobr output q rb rp rt rtc ruby s samp small span strike
strong
sub sup time tspan tt u var wbr
"""
_INLINE = frozenset(_PHRASING.split())
_PLACES = {"sup": RAISED, "sub": LOWERED}
_FIELDS = {"text", "search", "email", "tel", "url", "number", "date", "button", "submit", "reset"}
_CELLS = {"td", "th"}
_VERBATIM = {"pre", "textarea", "listing", "xmp"}
_NO_TEXT = {"title", "script", "style", "desc", "metadata"}
_NOT_SHOWN = {"template", "noscript", "iframe", "object"}


@dataclass(eq=False)
class _Block:
    """Text with one layout: a heading of some level, verbatim text, or lines."""

    level: int = 0
    verbatim: bool = False


@dataclass(eq=False)
class _End:
    """A separator between the contents of elements, or after their end."""

    text: str


def read_html_file(path: Path) -> Read:
    return read_html(clean(read_text(path)))


def html_text(html: str) -> tuple[str, str | None, date | None]:
    """Return (text, title, date) of a page: `read_html` in short."""
    return read_html(html)[:3]


def read_html(html: str) -> Read:
    """Return the visible text of a page, its headings marked as in Markdown; pictures by their
    `alt`.

    Text that a browser does not show is left out. Scripts and comments are always left out; hidden
    parts with words are counted in `left_out`.
    """
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    with warnings.catch_warnings():  # that XHTML is XML: it is read as a browser reads it anyway
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        page = BeautifulSoup(html, "html.parser")
    hidden: list = []
    pieces = groupby(_visible(page, hidden), key=lambda piece: piece[0])
    parts = [(block.level, _laid_out(block, _joined(group))) for block, group in pieces]
    text, headings = assemble(parts)
    n_hidden = sum(map(_has_words, hidden))
    left_out = (f"{n_hidden} parts that a browser does not show",) if n_hidden else ()
    return Read(text, _title(page), None, headings, left_out)


def _title(page) -> str | None:
    """Return the page's title, not a drawing's."""
    found = (tag for tag in page.find_all("title") if not tag.find_parent("svg"))
    return next((" ".join("".join(tag.strings).split()) for tag in found), None)


def _joined(pieces: Iterable[tuple[_Block, str]]) -> str:
    return with_signs("".join(text for _, text in pieces))


def _laid_out(block: _Block, text: str) -> str:
    if block.verbatim:
        return text.strip("\n").rstrip()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _visible(page, hidden: list) -> Iterator[tuple[_Block, str]]:
    """Yield pieces of text in order, each with its block; hidden elements go into `hidden`.

    It uses its own stack, since pages may nest deeper than Python's limit.
    """
    from bs4 import CData, NavigableString, Tag
    from bs4.element import RubyParenthesisString, RubyTextString

    # Not comments and scripts. CDATA is text in XHTML, as help systems write it.
    shown = (NavigableString, CData, RubyTextString, RubyParenthesisString)
    stack: list = [(page, _Block())]
    while stack:
        node, block = stack.pop()
        if isinstance(node, _End):
            yield block, node.text
        elif isinstance(node, Tag):
            if node.name in _NO_TEXT:
                continue
            if _is_hidden(node):
                hidden.append(node)
                continue
            around = _around(node.name, block)
            before = _PLACES.get(node.name, "") + around
            inner = _inner(node.name, block)
            yield block, before + _in_attributes(node)
            children = ((child, inner) for child in reversed(_children(node)))
            stack += [(_End(around), block), *children]
        elif type(node) in shown:
            yield block, str(node)


def _in_attributes(tag) -> str:
    """Return words in an attribute: of a picture, as older pages show formulas, or of a field."""
    is_field = tag.name == "input" and str(tag.get("type") or "text").lower() in _FIELDS
    words = tag.get("alt") if tag.name == "img" else is_field and tag.get("value")
    return f" {words} " if words else ""


# Signs between the parts of a MathML formula, which a browser shows by position.
_JOINTS = {
    "mfrac": "/",
    "mover": "^",
    "msub": "_",
    "msubsup": "_^",
    "msup": "^",
    "munder": "_",
    "munderover": "_^",
}
_TERMS = {"mi", "mn", "mo", "mtext"}


def _children(node) -> list:
    """Return the contents of an element, those of a formula with their signs: (a+b)/c."""
    from bs4 import Tag

    if node.name == "msqrt":
        return [_End("√("), *node.contents, _End(")")]
    if node.name not in _JOINTS:
        return node.contents
    made: list = []
    parts: list[Any] = [child for child in node.contents if isinstance(child, Tag)]
    joints: list[Any] = [*_JOINTS[node.name][: len(parts) - 1]]
    joints += [""] * (len(parts) - len(joints))
    for part, joint in zip(parts, joints):
        made += [part] if part.name in _TERMS else [_End("("), part, _End(")")]
        made.append(_End(joint))
    return made


def _around(name: str, block: _Block) -> str:
    if name in _INLINE:
        return ""
    return " " if name in _CELLS or block.level else "\n"


def _inner(name: str, block: _Block) -> _Block:
    """Return the block of an element's text; a heading or verbatim text includes nested
    elements.
    """
    heading = re.fullmatch(r"h([1-6])", name)
    if block.level or block.verbatim or not (heading or name in _VERBATIM):
        return block
    return _Block(level=int(heading[1])) if heading else _Block(verbatim=True)


def _has_words(tag) -> bool:
    """Whether a hidden element has words; `get_text` alone skips those of ruby and templates."""
    from bs4 import NavigableString
    from bs4.element import RubyParenthesisString, RubyTextString, TemplateString

    kinds = (NavigableString, RubyTextString, RubyParenthesisString, TemplateString)
    return re.search(r"\w", tag.get_text(types=kinds)) is not None


def _is_hidden(tag) -> bool:
    style = str(tag.get("style", "")).replace(" ", "").lower()
    unseen = "display:none" in style or "visibility:hidden" in style
    return tag.name in _NOT_SHOWN or tag.has_attr("hidden") or unseen
