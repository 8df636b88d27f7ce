"""Chunks: inside their size, with exact places, under their headings, and the same ids
everywhere.
"""

import time
from datetime import date

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import _embedder_tokenizer, chunk, n_sentences
from adaptlab.rag.loaders import Document

TEXT = (
    "Before.\n\n# One\n\n"
    + "The lamp is red. It costs 40 euros! Is it on shelf 3? " * 12
    + "\n\n## Two\n\n```\n# no heading\n```\n\nEnd of text."
)
DOCUMENT = Document(TEXT, "book.md", "Book", date(2026, 1, 2))


def size_of(text: str, unit: str) -> int:
    sizes = {
        "characters": len,
        "tokens": lambda t: len(_embedder_tokenizer().encode(t, add_special_tokens=False)),
        "sentences": n_sentences,
    }
    return sizes[unit](text)


@pytest.mark.parametrize(
    "unit, size, overlap",
    [("characters", 120, 0), ("characters", 120, 40), ("tokens", 30, 8), ("sentences", 3, 1)],
)
def test_chunks_fit_and_stand_where_they_say(unit, size, overlap):
    chunks = chunk([DOCUMENT], size, overlap, unit)
    assert len(chunks) > 5 and len({piece.id for piece in chunks}) == len(chunks)
    for piece in chunks:
        assert TEXT[piece.start : piece.end] == piece.text and size_of(piece.text, unit) <= size
        assert (piece.source, piece.title, piece.date) == ("book.md", "Book", date(2026, 1, 2))
    covered = {i for piece in chunks for i in range(piece.start, piece.end)}
    headings = {
        i
        for heading in ("# One", "## Two")
        for i in range(TEXT.index(heading), TEXT.index(heading) + len(heading))
    }
    assert all(TEXT[i].isspace() for i in set(range(len(TEXT))) - covered - headings)
    repeated = sum(len(piece.text) for piece in chunks) - len(covered)
    assert (repeated > 0) == (overlap > 0)


def test_headings_are_sections_and_a_comment_in_code_is_none():
    chunks = chunk([DOCUMENT], 200, 0)
    assert list(dict.fromkeys(piece.section for piece in chunks)) == ["Book", "One", "Two"]
    assert "# no heading" in chunks[-1].text and chunks[-1].in_context().startswith("One > Two: ")
    flat = chunk([DOCUMENT], 200, 0, by_heading=False)
    assert {piece.section for piece in flat} == {"Book"} and "# One" in "".join(
        piece.text for piece in flat
    )


def test_ids_follow_what_is_embedded_and_not_its_place():
    def ids(text: str, title: str = "Book") -> set[int]:
        return {
            piece.id
            for piece in chunk([Document(text, "book.md", title, date(2026, 1, 2))], 120, 0)
        }

    first = chunk([DOCUMENT], 120, 0)
    assert ids(TEXT) == {piece.id for piece in first}
    assert len(ids(TEXT) ^ ids(TEXT.replace("Before.", "Before that."))) == 2, (
        "what only moved has another id"
    )
    last = {first[-1].id}
    assert (
        last <= ids(TEXT.replace("40", "4000"))
        and not last & ids(TEXT.replace("## Two", "## Six"))
        and not ids(TEXT) & ids(TEXT, "Other")
    )
    assert all(0 <= piece.id < 2**63 for piece in first)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"size": 0}, "size of at least 1"),
        ({"size": 10, "overlap": 10}, "overlap below it"),
        ({"unit": "pages"}, "pages"),
    ],
)
def test_bad_sizes_are_refused(options, sentence):
    with pytest.raises(AdaptLabError, match=sentence):
        chunk([DOCUMENT], **options)


@pytest.mark.parametrize(
    "documents, sentence",
    [
        (DOCUMENT, "are a single"),
        ("text", "are a single"),
        (["text"], "A document is str"),
        ([DOCUMENT, None], "A document is NoneType"),
    ],
)
def test_what_is_no_list_of_documents_is_refused(documents, sentence):
    with pytest.raises(AdaptLabError, match=sentence):
        chunk(documents)


@pytest.mark.parametrize("options", [{"size": 10.5}, {"overlap": "2"}, {"size": None}])
def test_sizes_are_whole_numbers(options):
    with pytest.raises(AdaptLabError, match="not a whole number"):
        chunk([DOCUMENT], **options)


def test_line_ends_of_all_kinds_and_marks_keep_places_and_headings():
    for text in ("a\rb\rc\r# H\nx", "\ufeffintro\r\n\r\n# H\r\nx", "# H\x0bb\u2028c\n\nx \ud800"):
        document = Document(text, "s", "t", date(2026, 1, 1))
        chunks = chunk([document], 50, 0)
        assert chunks[-1].section.startswith("H") and all(
            document.text[c.start : c.end] == c.text for c in chunks
        )


def test_sentences_are_counted():
    assert [
        n_sentences(text) for text in ("", "One.", "One. Two", "3.5 euros. Really?! Yes.", "no end")
    ] == [0, 1, 2, 3, 1]


@pytest.mark.parametrize(
    "text", ["a" * 2_000_000, "lamp " * 200_000, "退" * 300_000, "line\n" * 100_000]
)
def test_a_text_without_paragraphs_is_cut_in_time_and_whole(text):
    start = time.perf_counter()
    pieces = chunk([Document(text, "s", "", date(2026, 1, 1), ())], 1000, 0)
    assert time.perf_counter() - start < 20, "the time grows with the square of the length"
    assert "".join("".join(piece.text.split()) for piece in pieces) == "".join(text.split())
    assert all(
        text[piece.start : piece.end] == piece.text and len(piece.text) <= 1000 for piece in pieces
    )
