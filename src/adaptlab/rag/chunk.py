"""Chunk: cut documents into pieces that fit a prompt, each with its place in the source."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from adaptlab.errors import AdaptLabError
from adaptlab.rag.load import Document, headings

UNITS = ("characters", "tokens", "sentences")


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `document.text[start:end]`; `section` is the heading it stands under, or the document's title."""

    id: int
    text: str
    source: str
    title: str
    section: str
    date: date
    start: int
    end: int

    def in_context(self) -> str:
        """The text with its section before it: a chunk that says "it" is found, and read, better with what "it" is."""
        return f"{self.section}: {self.text}" if self.section else self.text


def chunk(documents: Iterable[Document], size: int = 1000, overlap: int = 200, unit: str = "characters", by_heading: bool = True) -> list[Chunk]:
    """Chunks of at most `size` units, cut at the largest boundary that fits (paragraph, sentence, word), with up to `overlap` repeated.

    With `by_heading`, no chunk crosses a Markdown heading, and headings go into `section` and not into the text.
    """
    if size < 1 or not 0 <= overlap < size:
        raise AdaptLabError(f"A chunk needs a size of at least 1 and an overlap below it; size is {size}, overlap {overlap}.")
    splitter = _splitter(size, overlap, unit)
    return [piece for document in documents for piece in _pieces(document, splitter, by_heading)]


def _pieces(document: Document, splitter, by_heading: bool) -> Iterator[Chunk]:
    sections = _sections(document) if by_heading else [(document.title, 0, len(document.text))]
    met: Counter[tuple[str, str]] = Counter()
    for section, start, end in sections:
        for offset, text in splitter.chunk_indices(document.text[start:end]):
            at, number = start + offset, met[section, text]
            met[section, text] += 1
            identity = _identity(document.source, document.title, section, text, str(number))
            yield Chunk(identity, text, document.source, document.title, section, document.date, at, at + len(text))


def _identity(*parts: str) -> int:
    """A number of 63 bits that changes with what is embedded, not with its place: the same in every store, and on every machine."""
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
    raise AdaptLabError(f"A chunk cannot be measured in {unit}; units are {', '.join(UNITS)}.")


def n_sentences(text: str) -> int:
    """Marks that end a sentence: at the end of the text or before a space; a rest without one counts as one more."""
    text = text.strip()
    ends = sum(c in ".!?" and (i + 1 == len(text) or text[i + 1].isspace()) for i, c in enumerate(text))
    return ends + (bool(text) and text[-1] not in ".!?")


@cache
def _embedder_tokenizer():
    """The embedder's: what does not fit into its window is not searched."""
    from tokenizers import Tokenizer

    from adaptlab.rag.embed import minilm_folder

    tokenizer = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _sections(document: Document) -> Iterator[tuple[str, int, int]]:
    """(heading, start, end) of the text under each Markdown heading, in characters; what stands before the first has the title."""
    starts = [0]
    for line in document.text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    section, begin = document.title, 0
    for _, title, first, after in headings(document.text):
        yield section, begin, starts[first]
        section, begin = title or document.title, min(starts[after], len(document.text))
    yield section, begin, len(document.text)
