"""Loading and cutting: the words that go in come out, in order, or a warning says so.

Strategies write § for a word; `numbered` makes w0, w1, ... of them, in the order of the text.
"""

import itertools
import re
import warnings
from dataclasses import replace
from datetime import date

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_read_docx import box, cell, par, run, table
from test_read_docx import write as write_docx
from test_read_pdf import write as write_pdf

from adaptlab.rag.chunk import UNITS, chunk, n_sentences
from adaptlab.rag.document import Document, Heading, clean
from adaptlab.rag.loaders import READERS, load

DAY = date(2026, 1, 1)


def one_of(*values):
    return st.sampled_from(values)


def joined(separator: str, part, most: int = 4):
    return st.lists(part, min_size=1, max_size=most).map(separator.join)


def numbered(text: str) -> str:
    number = itertools.count()
    return re.sub("§", lambda _: f"w{next(number)}", text)


def words_of(text: str) -> list[str]:
    return re.findall(r"w\d+", text)


LINE = joined(" ", st.just("§"), 6)
MARKS = one_of("", "# ", "## ", "- ", "> ", "1. ", "    ", "```\n", "|", "+++\n", "\t", "[^1]: ")
ENDS = one_of("", "\n---", "\n===", ".", "! ", "\n```", "  ", "\\", "\n~~~", "。", "[^1]")
MARKED = st.tuples(MARKS, LINE, ENDS).map("".join)


def indented(first: str, other: str = ""):
    """A block inside a quotation, an entry of a list or the like: a mark before each line."""
    return lambda block: first + block.replace("\n", f"\n{other or first}")


BLOCK = one_of(
    "# §",
    "###### § § ##",
    "§ §\n§\n===",
    "§\n---",
    "§ § §",
    "| § | § |\n|---|---|\n| § | x |",
    "```py\n# §\n\n§\n```",
    "~~~~\n```\n§\n~~~~",
    "    §\n\n    §",
    "<div>\n§\n</div>",
    "<!-- § -->",
    "<details><summary>§</summary>\n\n# §\n\n</details>",
    "<pre>\n# §\n\n§</pre>",
    "[§]: http://§",
    "[^1]: §\n    §",
    "§[^1]",
    "---",
    "#",
    "* * *",
    "§\n: §",
    ":::note\n# §\n:::",
    "$$\n§\n$$",
)
NESTED = st.recursive(
    BLOCK | MARKED,
    lambda inside: st.one_of(
        joined("\n\n", inside),
        joined("\n", inside),
        inside.map(indented("> ")),
        inside.map(indented("- ", "  ")),
        inside.map(indented("10. ", "    ")),
        inside.map(indented("    ")),
        inside.map(lambda block: f"````\n{block}\n````"),
        inside.map(lambda block: f"<details>\n\n{block}\n\n</details>"),
    ),
    max_leaves=12,
)
MARKDOWN = st.tuples(one_of("", "\ufeff", "\n", "\r\n"), NESTED, st.just("\n\n§")).map("".join)

NAMES = """
p div li ul ol dl dt dd table tr td th pre blockquote figure figcaption section article header
footer main nav aside form fieldset legend label button select option textarea details summary
address center h1 h2 h3 h4 h5 h6 b i a span code em strong u mark q small ruby rt svg text x-card
caption tbody body html font math mi video canvas dialog hgroup menu
"""
PHRASING = re.findall(r"\w+", "b i a span code em strong u mark q small font math mi")
UNSEEN = '<b style="display: none">h <i>h</i></b>'
RUBY = "<div hidden><rt>h</rt></div>"
HIDDEN = one_of("<template>h</template>", "<p hidden>h</p>", UNSEEN, RUBY)


def element(name: str, inside: str) -> str:
    apart = " " if name in PHRASING else ""  # words that a browser shows as one are one
    return f"{apart}<{name}>{inside}</{name}>{apart}"


ELEMENT = one_of(*NAMES.split())
TEXT = st.tuples(LINE, one_of(" ", "\n", " <br>", " <!-- c -->", " &amp; ", "<hr>")).map("".join)
HTML = st.recursive(
    TEXT | HIDDEN,
    lambda inside: st.builds(element, ELEMENT, joined("", inside, 3)),
    max_leaves=14,
).map(lambda body: f"<html><head><title>T</title></head><body>{body}<p>§</p></body></html>")
TAG = st.builds("<{}{}> ".format, one_of("", "/"), ELEMENT)
SOUP = joined("", TEXT | TAG, 14).map(lambda tags: f"§ {tags}")  # tags that nobody closed or opened

INLINE = one_of(
    run("§ §"),
    run(" §"),
    f"<w:ins>{run(' §')}</w:ins>",
    f"<w:hyperlink>{run(' §')}</w:hyperlink>",
    f"<w:sdt><w:sdtContent>{run(' § §')}</w:sdtContent></w:sdt>",
    "<w:r><w:tab/><w:t>§</w:t><w:br/></w:r>",
    "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>",
    "<m:oMath><m:r><m:t> §</m:t></m:r></m:oMath>",
    "<w:fldSimple w:instr='PAGE'><w:r><w:t> §</w:t></w:r></w:fldSimple>",
)
STYLE = st.one_of(
    st.just(""),
    st.integers(1, 9).map("<w:pPr><w:pStyle w:val='Heading{}'/></w:pPr>".format),
    st.integers(0, 9).map("<w:pPr><w:outlineLvl w:val='{}'/></w:pPr>".format),
)


def held(kind: str, inside: str) -> str:
    """Blocks held by a block: `note` stands for a footnote with them."""
    wrapped = {
        "control": f"<w:sdt><w:sdtContent>{inside}</w:sdtContent></w:sdt>",
        "inserted": f"<w:ins>{inside}</w:ins>",
        "table": table(cell(inside) + cell(par(run("§"))), cell(inside, '<w:gridSpan w:val="2"/>')),
        "box": par(run("§"), box(inside)),
        "note": par(run("§"), f"<note>{inside.replace('note>', 'w:custom>')}</note>"),
    }
    return wrapped[kind]


PARAGRAPH = st.tuples(STYLE, joined("", INLINE, 4)).map(lambda parts: par(*parts, run(" §")))
HOLDER = one_of("control", "inserted", "table", "box", "note")
DOCX = st.recursive(
    PARAGRAPH,
    lambda inside: st.builds(held, HOLDER, joined("", inside, 3)),
    max_leaves=8,
)

CELL = st.tuples(one_of("markdown", "code", "raw"), NESTED)
NOTEBOOK = st.lists(CELL, min_size=1, max_size=6).map(lambda cells: [*cells, ("markdown", "§")])
PAGES = st.lists(st.tuples(one_of("", "# ", "- "), LINE).map("".join), min_size=1, max_size=5)
EOL = one_of("\n", "\r\n", "\r")
PLAIN = st.tuples(joined("\n", MARKED, 12), EOL).map(lambda made: made[0].replace("\n", made[1]))


def write_text(path, text: str) -> list[str]:
    path.write_bytes(numbered(text).encode())
    return words_of(numbered(text))


def write_word(path, body: str) -> list[str]:
    notes: list[str] = []

    def referred(found: re.Match) -> str:
        notes.append(f'<w:footnote w:id="{len(notes)}">{found[1]}</w:footnote>')
        return f'<w:r><w:footnoteReference w:id="{len(notes) - 1}"/></w:r>'

    whole = numbered(body)
    written = re.sub("<note>(.*?)</note>", referred, whole)
    write_docx(path, written, footnotes="".join(notes))
    return words_of(whole)


def write_notebook(path, cells: list[tuple[str, str]]) -> list[str]:
    """The words of raw cells go in too: they are named, and are no words that are to come out."""
    made = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    made["raw"] = lambda text: nbformat.v4.new_raw_cell(text.replace("w", "h"))
    sources = numbered("\0".join(text for _, text in cells)).split("\0")
    built = [made[kind](text) for (kind, _), text in zip(cells, sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=built), path)
    return words_of(" ".join(cell.source for cell in built))


def write_pages(path, pages: list[str]) -> list[str]:
    texts = numbered("\0".join(pages)).split("\0")
    write_pdf(path, *texts)
    return words_of(" ".join(texts))


KINDS = {
    ".txt": (PLAIN, write_text),
    ".text": (PLAIN, write_text),
    ".log": (PLAIN, write_text),
    ".rst": (PLAIN, write_text),
    ".md": (MARKDOWN, write_text),
    ".markdown": (MARKDOWN, write_text),
    ".html": (HTML, write_text),
    ".htm": (SOUP, write_text),
    ".docx": (DOCX, write_word),
    ".pdf": (PAGES, write_pages),
    ".ipynb": (NOTEBOOK, write_notebook),
}
# Parts that the reader must name in its warning, as the file's own bytes show that they are there.
NAMED = {".html": (r"\bh\b", "does not show"), ".ipynb": ('"cell_type": "raw"', "raw cells")}
CUTS = st.tuples(one_of(*UNITS), st.integers(1, 60) | st.just(400), st.booleans())


def test_every_kind_that_can_be_loaded_is_tried():
    assert set(KINDS) == set(READERS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("words")


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_the_words_that_go_in_come_out_in_order_or_are_named(folder, kind, data):
    strategy, write = KINDS[kind]
    path = folder / f"a{kind}"
    words = write(path, data.draw(strategy))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        document = load(path)
    assert words and words_of(document.text) == words
    pattern, name = NAMED.get(kind, ("$^", ""))
    is_partial = re.search(pattern, path.read_text(errors="replace")) is not None
    assert [name in str(warning.message) for warning in told] == [True] * is_partial
    # The path of a chunk begins with the headings that come before it: words keep their order.
    untitled = replace(document, title="")
    unit, size, by_heading = data.draw(CUTS)
    found = " ".join(piece.in_context() for piece in chunk([untitled], size, 0, unit, by_heading))
    if size >= 12:  # below, words themselves are cut
        assert list(dict.fromkeys(words_of(found))) == words
    assert clean(found) == found


TEXTS = st.text(st.characters(codec="utf-8") | one_of(*"  \n\n.!?。#-`>\u0301\u200d"), max_size=300)
SIZED = {"characters": len, "sentences": n_sentences}


@st.composite
def places(draw, text: str) -> tuple[Heading, ...]:
    """Headings at any lines of a text."""
    lines = re.finditer(r"[^\n]+", text)
    levels = draw(st.lists(st.integers(0, 9), max_size=20))  # 0 is no heading
    found = [(level, line) for level, line in zip(levels, lines) if level]
    return tuple(Heading(level, line[0].strip(), *line.span()) for level, line in found)


@given(data=st.data(), text=TEXTS.map(clean))
def test_chunks_of_any_size_cover_the_text_and_know_their_place(data, text):
    unit, size, by_heading = data.draw(CUTS)
    overlap = data.draw(st.integers(0, size - 1))
    headings = data.draw(st.none() | places(text))
    document = Document(text, "s", "", DAY, headings)
    pieces = chunk([document], size, overlap, unit, by_heading)
    covered: set[int] = set()
    for piece in pieces:
        assert document.text[piece.start : piece.end] == piece.text
        assert SIZED.get(unit, lambda _: 0)(piece.text) <= size
        covered.update(range(piece.start, piece.end))
    starts = [piece.start for piece in pieces]
    assert starts == sorted(starts) and len({piece.id for piece in pieces}) == len(pieces)
    paths = "".join(piece.in_context() for piece in pieces)
    lost = [letter for i, letter in enumerate(text) if i not in covered and not letter.isspace()]
    if by_heading and headings is None:  # marks of Markdown's headings are no words
        lost = [letter for letter in lost if letter.isalnum()]
    assert all(letter in paths for letter in lost) if by_heading else not lost


KEYS = st.lists(one_of("title", "date", "tags", "author", "draft", "§"), min_size=1, unique=True)
FENCES = one_of(("---", ":", "---"), ("---", ":", "..."), ("+++", " =", "+++"))


@pytest.mark.parametrize("kind", [".md", ".ipynb"])
@given(keys=KEYS, fence=FENCES, body=NESTED, eol=EOL)
def test_front_matter_is_used_named_or_kept(folder, kind, keys, fence, body, eol):
    first, sign, last = fence
    block = "".join(f'{key}{sign} "§"\n' for key in keys)
    whole = numbered(f"{first}\n{block}{last}\n§\n\n{body}")
    front, _, rest = whole.partition(f"\n{last}\n")
    path = folder / f"front{kind}"
    if kind == ".md":
        path.write_bytes(whole.replace("\n", eol).encode())
    else:
        cells = [nbformat.v4.new_raw_cell(f"{front}\n{last}"), nbformat.v4.new_markdown_cell(rest)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        document = load(path)
    assert words_of(document.text) == words_of(rest)
    said = " ".join(str(warning.message) for warning in told)
    values = dict(re.findall(rf'^(\w+){sign} "(\w+)"$', front, re.MULTILINE))
    title = values.pop("title", None)
    assert title is None or document.title == title
    assert all(key in said for key in values)
