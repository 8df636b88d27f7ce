"""Chunk: split documents into pieces that fit a prompt, each with its place in the source."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from numbers import Integral
from typing import Any, NamedTuple

from adaptlab.errors import AdaptLabError
from adaptlab.rag.document import Document, Heading
from adaptlab.rag.embed import Embedder, Prompts, cut_texts, minilm_folder
from adaptlab.rag.read_markdown import headings

UNITS = ("characters", "tokens", "sentences")

# A title above more sections than these names a collection, such as a handbook. In the path of
# every chunk it would blur their vectors, so it is only in `Chunk.title`.
MANY = 40

MOST = 2**31  # largest size of a chunk, in units: longer ones are whole texts anyway

BLOCK = 50_000  # characters that are cut at once


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `document.text[start:end]`; `section` is its heading, or the document's title.

    `parents` are the headings above `section`, the outermost first; `metadata` are the document's.
    """

    id: int
    text: str
    source: str
    title: str
    section: str
    date: date
    start: int
    end: int
    parents: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict, hash=False)

    def in_context(self) -> str:
        """Return the text after the path of its headings: "Model X200 > Battery: It lasts 8 hours."

        A chunk that says "it" is retrieved and read better with the noun in front.
        """
        path = _path(self.parents, self.section)
        return f"{path}: {self.text}" if path else self.text


def chunk(
    documents: Iterable[Document],
    size: int = 1000,
    overlap: int = 200,
    unit: str = "characters",
    by_heading: bool = True,
    embedder: Embedder | None = None,
) -> list[Chunk]:
    """Split documents into chunks of at most `size` units, with up to `overlap` units repeated.

    Cuts are at the largest boundary that fits (paragraph, sentence, word). With `by_heading`, no
    chunk crosses a heading. Headings are in the path of `section`, not in the text; a heading with
    nothing below it is its own text. With an `embedder`, a chunk that is longer in context than its
    window is split again, without overlap.

    Raises:
        AdaptLabError: if size, overlap or unit are not valid, or the embedder does not state its
            window.
    """
    if isinstance(documents, str | Document):
        raise AdaptLabError("The documents are a single document. Give a list of documents.")
    if not isinstance(documents, Iterable):
        kind = type(documents).__name__
        raise AdaptLabError(f"The documents are {kind}. Give a list of documents.")
    if not all(isinstance(number, Integral) for number in (size, overlap)):
        given = f"The size {size!r} or the overlap {overlap!r}"
        raise AdaptLabError(f"{given} is not a whole number. Give whole numbers.")
    if size < 1 or not 0 <= overlap < size:
        raise AdaptLabError(
            f"The size is {size} and the overlap {overlap}. Give a size of at least 1 and an"
            " overlap below it."
        )
    if embedder is not None and getattr(embedder, "window", None) is None:
        name = getattr(embedder, "name", repr(embedder))
        raise AdaptLabError(f"The embedder {name} does not state its window. Give a size instead.")
    splitter = _splitter(min(size, MOST), min(overlap, MOST - 1), unit)
    pieces: list = []
    for document in documents:
        if not isinstance(document, Document):
            kind = type(document).__name__
            raise AdaptLabError(
                f"A document is {kind}, not a Document. Load it, or make a Document of it."
            )
        pieces += _pieces(document, splitter, size, by_heading, embedder)
    return pieces


class _Section(NamedTuple):
    """`text[start:end]` of a document, under a heading and its parent headings."""

    title: str
    parents: tuple[str, ...]
    start: int
    end: int


def _pieces(
    document: Document,
    splitter,
    size: int,
    by_heading: bool,
    embedder: Embedder | None,
) -> Iterator[Chunk]:
    whole = _Section(document.title, (), 0, len(document.text))
    met: Counter[tuple[str, str]] = Counter()
    for title, parents, start, stop in _sections(document) if by_heading else [whole]:
        path = _path(parents, title)
        found = _cut(document.text[start:stop], splitter, size)
        for offset, text in found if embedder is None else _cut_to_window(found, path, embedder):
            at = start + offset
            number = met[path, text]
            met[path, text] += 1
            source = document.source
            about = document.title
            identity = _identity(source, about, path, text, str(number))
            end = at + len(text)
            yield Chunk(
                identity,
                text,
                source,
                about,
                title,
                document.date,
                at,
                end,
                parents,
                document.metadata,
            )


def _cut(text: str, splitter, size: int) -> Iterator[tuple[int, str]]:
    """Return (offset, text) of the pieces.

    The splitter's time grows with the square of a text without paragraphs (minutes for 5 MB). So a
    very long text is split into blocks first.
    """
    longest = max(BLOCK, 20 * size)
    start = 0
    while start < len(text):
        stop = _block_end(text, start, longest)
        yield from ((start + at, piece) for at, piece in splitter.chunk_indices(text[start:stop]))
        start = stop


def _block_end(text: str, start: int, longest: int) -> int:
    """Return the last paragraph, line or word that ends in the second half of a block, or the
    block's end.
    """
    if len(text) - start <= longest:
        return len(text)
    for boundary in ("\n\n", "\n", " "):
        at = text.rfind(boundary, start + longest // 2, start + longest)
        if at >= 0:
            return at + len(boundary)
    return start + longest


def _cut_to_window(
    found: Iterable[tuple[int, str]],
    path: str,
    embedder: Any,
) -> Iterator[tuple[int, str]]:
    """Return the pieces (offset, text); split those again that are too long with their path."""
    from semantic_text_splitter import TextSplitter

    before = getattr(embedder, "prompts", Prompts()).document + (f"{path}: " if path else "")
    n_marks, n_before = embedder.n_tokens(["", before])
    # A path that fills the window leaves a quarter to the text; embedding warns of it.
    room = max(embedder.window - n_before, embedder.window // 4, 1)

    def size_of(text: str) -> int:
        return embedder.n_tokens([text])[0] - n_marks

    splitter = TextSplitter.from_callback(size_of, int(room))
    for offset, text in found:
        if cut_texts(embedder, [before + text]):
            yield from ((offset + at, part) for at, part in splitter.chunk_indices(text))
        else:
            yield offset, text


def _path(parents: tuple[str, ...], section: str) -> str:
    return " > ".join([*parents, section]) if section else " > ".join(parents)


def _identity(*parts: str) -> int:
    """Return a 63-bit number that depends on the embedded text, not on its place.

    It is the same in every store, and on every machine.
    """
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def _splitter(size: int, overlap: int, unit: str):
    from semantic_text_splitter import TextSplitter

    if unit == "characters":
        return TextSplitter(size, overlap)
    if unit == "tokens":
        return TextSplitter.from_huggingface_tokenizer(_embedder_tokenizer(), size, overlap)
    if unit == "sentences":
        return TextSplitter.from_callback(n_sentences, size, overlap)
    raise AdaptLabError(f"The unit {unit} is not supported. Choose one of {', '.join(UNITS)}.")


_ENDS = ".!?"  # before a space or at the end of the text
_WIDE_ENDS = "。！？｡．।॥؟۔։።။។"  # of other scripts: anywhere
_CLOSERS = "」』”’）》】〉"


def n_sentences(text: str) -> int:
    """Count the marks that end a sentence; a rest without a mark counts as one more sentence.

    A full stop, ! or ? ends a sentence before a space or at the end of the text. The marks of
    Chinese, Japanese, Hindi, Arabic and others end a sentence anywhere; several in a row end one.
    """
    text = text.strip()
    after = [*text[1:], " "] if text else []
    ends = sum(_ends_sentence(mark, following) for mark, following in zip(text, after))
    inner = text.rstrip(_CLOSERS)
    closed = text.endswith(tuple(_ENDS)) or inner.endswith(tuple(_WIDE_ENDS))
    return ends + (bool(text) and not closed)


def _ends_sentence(mark: str, following: str) -> bool:
    if mark in _ENDS:
        return following.isspace()
    return mark in _WIDE_ENDS and following not in _WIDE_ENDS


@cache
def _embedder_tokenizer():
    """Return the embedder's tokenizer: text beyond its window is not searched."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _sections(document: Document) -> Iterator[_Section]:
    """Return the text under each heading; the text before the first heading has the document's
    title.
    """
    found = headings(document.text) if document.headings is None else document.headings
    yield _Section(document.title, (), 0, found[0].start if found else len(document.text))
    shown = found[1:] if _is_title_of_many(found, document.title) else found
    above: list[Heading] = []  # the heading and its parents
    ends = [heading.start for heading in found[1:]] + [len(document.text)]
    for heading, end, after in zip(found, ends, [*found[1:], None]):
        above = [higher for higher in above if higher.level < heading.level]
        parents = tuple(higher.title for higher in above if higher.title and higher in shown)
        above.append(heading)
        if document.text[heading.end : end].strip():
            yield _Section(heading.title or document.title, parents, heading.end, end)
        elif after is None or after.level <= heading.level:
            yield _alone(document, heading, parents)


def _is_title_of_many(found: Sequence[Heading], title: str) -> bool:
    """Whether the document's title is a heading above all others, and there are many others."""
    is_title = bool(found) and found[0].title == title
    return is_title and len(found) > MANY and all(h.level > found[0].level for h in found[1:])


def _alone(document: Document, heading: Heading, parents: tuple[str, ...]) -> _Section:
    """Return a heading with nothing below it, as the text of its section."""
    at = document.text.find(heading.title, heading.start, heading.end)
    start, end = (at, at + len(heading.title)) if at >= 0 else (heading.start, heading.end)
    *outer, section = parents or (document.title,)
    return _Section(section if section != heading.title else "", tuple(outer), start, end)
