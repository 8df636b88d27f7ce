"""The property of loading and cutting: the words that go in come out, in order.

Each case is a random document of a kind with numbered words, by a seed that a failure names.
"""

import itertools
import random
import re
import warnings
from dataclasses import replace
from datetime import date

import docx
import nbformat
import pytest
from test_read_docx import box, cell, par, run, table
from test_read_docx import write as write_docx
from test_read_pdf import write as write_pdf

from adaptlab.rag.chunk import UNITS, chunk
from adaptlab.rag.document import Document
from adaptlab.rag.load import READERS, load

SEEDS = range(25)


class Words:
    """Random text of words w0, w1, ... and of what other kinds of text read as marks."""

    def __init__(self, seed: int):
        self.rng, self._number = random.Random(seed), itertools.count()

    def word(self) -> str:
        return f"w{next(self._number)}"

    def line(self) -> str:
        return " ".join(self.word() for _ in range(self.rng.randint(1, 6)))

    def some(self, make, most: int = 4) -> list[str]:
        return [make() for _ in range(self.rng.randint(1, most))]

    def marked(self) -> str:
        mark = self.rng.choice(["", "# ", "## ", "- ", "> ", "1. ", "    ", "```\n", "|", "+++\n"])
        return mark + self.line() + self.rng.choice(["", "\n---", "\n===", ".", "! ", "\n```", "  "])


def plain(w: Words, path) -> None:
    path.write_text("\n".join(w.some(w.marked, 12)))


def markdown(w: Words, path) -> None:
    def block() -> str:
        level = w.rng.randint(1, 6)
        return w.rng.choice([
            lambda: f"{'#' * level} {w.line()}", lambda: f"{'#' * level} {w.line()} {'#' * level}",
            lambda: f"{w.line()}\n{w.line()}\n{w.rng.choice('=-') * 3}", w.line, w.marked,
            lambda: "\n".join(f"- {line}" for line in w.some(w.line)), lambda: f"> # {w.line()}\n> {w.line()}",
            lambda: f"```py\n# {w.line()}\n\n{w.line()}\n```", lambda: f"| {w.word()} | {w.word()} |\n|---|---|\n| {w.word()} | x |",
            lambda: f"<div>\n{w.line()}\n</div>", lambda: f"[{w.word()}]: http://{w.word()}", lambda: "---", lambda: "#", lambda: f"    {w.line()}",
        ])()  # fmt: skip

    path.write_text(w.rng.choice(["", "\ufeff", "\n"]) + "\n\n".join([*w.some(block, 14), w.line()]))


NAMES = """
p div li ul ol dl dt dd table tr td th pre blockquote figure figcaption section article header footer main nav aside form fieldset
legend label button select option textarea details summary address center h1 h2 h3 h4 h5 h6 b i a span code em strong u mark q
small ruby rt svg text x-card caption tbody body html font math mi video canvas dialog hgroup menu
"""
ELEMENTS = NAMES.split()
INLINE = frozenset(["b", "i", "a", "span", "code", "em", "strong", "u", "mark", "q", "small", "font", "math", "mi"])


def html(w: Words, path) -> None:
    def tree(depth: int) -> str:
        if depth == 0 or w.rng.random() < 0.3:
            return w.line() + w.rng.choice([" ", "\n", " <br>", " <!-- c -->", " &amp; "])
        name = w.rng.choice(ELEMENTS)
        inside = "".join(tree(depth - 1) for _ in range(w.rng.randint(1, 3)))
        apart = " " if name in INLINE else ""  # words that a browser shows as one are one
        return f"{apart}<{name}>{inside}</{name}>{apart}"

    path.write_text(f"<html><head><title>T</title></head><body>{''.join(tree(5) for _ in range(4))}</body></html>")


def word(w: Words, path) -> None:
    def paragraph() -> str:
        inside = [
            run(w.line()), f"<w:ins>{run(' ' + w.line())}</w:ins>", f"<w:hyperlink>{run(' ' + w.line())}</w:hyperlink>",
            f"<w:sdt><w:sdtContent>{run(' ' + w.line())}</w:sdtContent></w:sdt>", f"<w:r><w:tab/><w:t>{w.line()}</w:t><w:br/></w:r>",
            "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>",
        ]  # fmt: skip
        style = f"<w:pPr><w:pStyle w:val='Heading{w.rng.randint(1, 9)}'/></w:pPr>" if w.rng.random() < 0.3 else ""
        held = box("".join(w.some(paragraph, 2))) if w.rng.random() < 0.2 else ""
        return par(style, *inside[: w.rng.randint(0, len(inside))], run(" " + w.line()), held)

    def blocks(depth: int) -> str:
        if depth == 0 or w.rng.random() < 0.4:
            return paragraph()
        inside = "".join(blocks(depth - 1) for _ in range(w.rng.randint(1, 3)))
        return w.rng.choice([
            lambda: f"<w:sdt><w:sdtContent>{inside}</w:sdtContent></w:sdt>", lambda: f"<w:ins>{inside}</w:ins>",
            lambda: table(cell(inside) + cell(paragraph()), cell(paragraph(), '<w:gridSpan w:val="2"/>')),
        ])()  # fmt: skip

    write_docx(path, *(blocks(4) for _ in range(5)))


def pdf(w: Words, path) -> None:
    write_pdf(path, *(w.rng.choice(["# ", ""]) + w.line() for _ in range(w.rng.randint(1, 5))))


def notebook(w: Words, path) -> None:
    def made():
        kind = w.rng.choice([nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell])
        return kind("\n".join(w.some(w.marked, 5)))

    nbformat.write(nbformat.v4.new_notebook(cells=w.some(made, 6)), path)


KINDS = {".txt": plain, ".md": markdown, ".html": html, ".htm": html, ".docx": word, ".pdf": pdf, ".ipynb": notebook}


def words_of(text: str) -> list[str]:
    return re.findall(r"w\d+", text)


def put_in(path) -> list[str]:
    """The words of a file: of its text, or of the XML that holds it, in order."""
    if path.suffix == ".docx":
        return words_of(" ".join(re.findall(r"<w:t(?: [^>]*)?>(.*?)</w:t>", docx.Document(str(path)).element.xml)))
    return words_of(path.read_bytes().decode("latin-1"))


def test_every_kind_that_can_be_loaded_is_tried():
    assert set(KINDS) == set(READERS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_words_that_go_in_come_out_in_order(tmp_path, seed, kind):
    path = tmp_path / f"a{kind}"
    KINDS[kind](Words(seed), path)
    words = put_in(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = load(path)
    assert words and words_of(document.text) == words
    # The path of a chunk begins with the headings that come before it, so that words keep their order.
    untitled = replace(document, title="")
    for unit, size, by_heading in itertools.product(UNITS, (12, 400), (True, False)):
        pieces = chunk([untitled], size, 0, unit, by_heading)
        assert all(untitled.text[piece.start : piece.end] == piece.text for piece in pieces)
        found = " ".join(piece.in_context() for piece in pieces)
        assert list(dict.fromkeys(words_of(found))) == words, (unit, size, by_heading)


@pytest.mark.parametrize("seed", SEEDS)
def test_chunks_that_overlap_keep_all_words(seed):
    w = Words(seed)
    text = "\n\n".join(w.some(w.marked, 20))
    document = Document(text, "s", "", date(2026, 1, 1))
    pieces = chunk([document], w.rng.randint(12, 60), 10)
    kept = {word for piece in pieces for word in words_of(piece.in_context())}
    assert kept == set(words_of(text))
