"""Each kind of text is read by its own rules: what is a heading, what is code, what is shown."""

import json
from datetime import date

import docx
import nbformat
import pytest
from test_load import write_pdf

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import MANY, Chunk, chunk
from adaptlab.rag.document import Document, Heading
from adaptlab.rag.loaders import load
from adaptlab.rag.read_html import html_text, read_html

DAY = date(2026, 1, 2)


def chunks_of(path, text: str | None = None) -> list[Chunk]:
    if text is not None:
        path.write_text(text)
    return chunk([load(path)])


def contexts(path, text: str | None = None) -> list[str]:
    return [piece.in_context() for piece in chunks_of(path, text)]


MAIL = (
    "Returns are free within thirty days of delivery\nif you keep the receipt and the box.\n-----"
)
ORDER = "Order list\n# 1 lamp\n# 2 desk"


@pytest.mark.parametrize("text", [MAIL, ORDER, "a\n===\nb", "---\ntitle: x\n---\nb", "## only"])
def test_plain_text_has_no_headings(tmp_path, text):
    assert contexts(tmp_path / "mail.txt", text) == [f"mail: {text}"]


def test_a_word_document_has_the_headings_of_its_styles_only(tmp_path):
    document = docx.Document()
    for line in ("# 1 lamp", "text", "-----"):
        document.add_paragraph(line)
    document.add_heading("Terms", 1)
    document.add_heading("Ret\nurns", 2)
    document.add_paragraph("# 30 days")
    document.save(str(tmp_path / "order.docx"))
    pieces = chunks_of(tmp_path / "order.docx")
    assert [piece.in_context() for piece in pieces] == [
        "order: # 1 lamp\n\ntext\n\n-----",
        "Terms > Ret urns: # 30 days",
    ]


def test_a_pdf_has_no_headings(tmp_path):
    write_pdf(tmp_path / "a.pdf", "# 1 lamp")
    assert contexts(tmp_path / "a.pdf") == ["a: # 1 lamp"]


MANUAL = """# Model X200

## Battery

It lasts 8 hours.

# Model X300

## Battery

It lasts 10 hours.
"""


def test_the_path_of_headings_is_in_context(tmp_path):
    pieces = chunks_of(tmp_path / "manual.md", MANUAL)
    assert [piece.in_context() for piece in pieces] == [
        "Model X200 > Battery: It lasts 8 hours.",
        "Model X300 > Battery: It lasts 10 hours.",
    ]
    assert [piece.section for piece in pieces] == ["Battery", "Battery"]
    deep = "# A\n\nintro\n\n### B\n\n#### C\n\ntext\n\n## D\n\nmore\n\nE\n=\n\nlast"
    assert contexts(tmp_path / "deep.md", deep) == [
        "A: intro",
        "A > B > C: text",
        "A > D: more",
        "E: last",
    ]


def test_ids_follow_the_path(tmp_path):
    before = chunks_of(tmp_path / "manual.md", MANUAL)
    after = chunks_of(tmp_path / "manual.md", MANUAL.replace("X300", "X400"))
    assert before[0].id == after[0].id and before[1].id != after[1].id


def test_a_heading_without_text_of_its_own_stays(tmp_path):
    text = "# Order list\n\n## 1 lamp\n\n## 2 desk\n\n# Notes\n\n# Call\n\nus\n\nNow\n---"
    path = tmp_path / "order.md"
    assert contexts(path, text) == [
        "Order list: 1 lamp",
        "Order list: 2 desk",
        "Order list: Notes",
        "Call: us",
        "Call: Now",
    ]
    document = load(path)
    assert all(document.text[c.start : c.end] == c.text for c in chunk([document]))
    assert contexts(path, "# Only\n") == ["Only"]
    assert contexts(path, "#\n\n##\n\ntext") == ["order: text"]


@pytest.mark.parametrize("n, path", [(MANY - 1, "Handbook > Part 3"), (MANY, "Part 3")])
def test_the_title_of_many_sections_is_in_no_path(n, path):
    text = "# Handbook\n\n" + "\n\n".join(f"## Part {i}\n\ntext" for i in range(n))
    pieces = chunk([Document(text, "s", "Handbook", DAY)])
    assert pieces[3].in_context() == f"{path}: text" and pieces[3].title == "Handbook"
    other = chunk([Document(text, "s", "Other", DAY)])
    assert other[3].in_context() == "Handbook > Part 3: text", (
        "a heading that is not the title stays"
    )


def test_headings_are_places_in_a_clean_text():
    with pytest.raises(AdaptLabError, match="not clean"):
        Document("a\r\nb", "s", "t", DAY, (Heading(1, "a", 0, 2),))


PAGE = "---\ntitle: Returns policy\ndate: 2024-03-01\n---\nSend it back in 30 days.\n"


@pytest.mark.parametrize(
    "text",
    [
        PAGE,
        "\ufeff" + PAGE.replace("\n", "\r\n"),
        PAGE.replace("---\nSend", "...\nSend").replace("2024-03-01", '"2024-03-01T10:00:00"'),
        '+++\ntitle = "Returns policy"\ndate = 2024-03-01\n+++\nSend it back in 30 days.',
    ],
)
def test_front_matter_gives_title_and_date_and_no_chunk(tmp_path, text, recwarn):
    (tmp_path / "page.md").write_bytes(text.encode())
    document = load(tmp_path / "page.md")
    assert (document.title, document.date) == ("Returns policy", date(2024, 3, 1))
    assert [c.in_context() for c in chunk([document])] == [
        "Returns policy: Send it back in 30 days."
    ]
    assert not recwarn


def test_front_matter_that_is_not_used_is_named(tmp_path):
    with pytest.warns(UserWarning, match="the keys author, tags, date of its front matter"):
        pieces = chunks_of(
            tmp_path / "a.md", "---\nauthor: Vera\ntags: [x]\ndate: in May\n---\n# Fees\n\n4 euros"
        )
    assert [piece.in_context() for piece in pieces] == ["Fees: 4 euros"]
    with pytest.warns(UserWarning, match="front matter is not valid"):
        pieces = chunks_of(tmp_path / "b.md", "---\ntitle: a: b\n---\n# Fees\n\n4 euros")
    assert [(piece.title, piece.section) for piece in pieces] == [
        ("Fees", "Fees"),
        ("Fees", "Fees"),
    ]
    assert pieces[0].text == "---\ntitle: a: b\n---"


def test_a_title_that_is_no_text_is_named_and_empty_keys_are_not(tmp_path):
    with pytest.warns(UserWarning, match="the keys title of its front matter"):
        (piece,) = chunks_of(tmp_path / "a.md", "---\ntitle: [a, b]\ndate:\n---\n# Fees\n\n4")
    assert piece.title == "Fees"


def test_text_between_rules_is_no_front_matter(tmp_path):
    assert contexts(tmp_path / "b.md", "---\n# Fees\n---\n\n4 euros") == [
        "Fees: ---",
        "Fees: ---\n\n4 euros",
    ]
    assert contexts(tmp_path / "c.md", "---\n---\ntext") == ["c: text"]
    assert contexts(tmp_path / "a.md", "---\n\nJust text\n\n---\n\nmore") == [
        "a: ---\n\nJust text\n\n---\n\nmore"
    ]


@pytest.mark.parametrize(
    "html, text",
    [
        ("<dl><dt>lamp</dt><dd>40</dd><dt>desk</dt><dd>90</dd></dl>", "lamp\n\n40\n\ndesk\n\n90"),
        (
            "<blockquote>one</blockquote><figure>two<figcaption>three</figcaption></figure>",
            "one\n\ntwo\nthree",
        ),
        (
            "<header>a</header><main>b</main><footer>c</footer><nav>d</nav><aside>e</aside>",
            "a\n\nb\n\nc\n\nd\n\ne",
        ),
        ("<select><option>red<option>blue</select><label>x</label>", "red\nblue\n\nx"),
        ("<x-card>a</x-card><x-card>b</x-card>", "a\n\nb"),
        ("<button>a</button><button>b</button>", "a\n\nb"),
        ("a<hr>b<br>c", "a\n\nb\n\nc"),
        ("<b>30</b> days<sup>2</sup>", "30 days2"),
        ("10<sup>6</sup> to 10<sup>−3</sup>, 1<sup>st</sup>", "10^6 to 10^−3, 1st"),
        ("101<sub>2</sub>, H<sub>2</sub>O", "101_2, H2O"),
        (
            "<p>The law<img alt='E = mc^2'>, of 1905</p><img src=x><img alt>",
            "The law E = mc^2 , of 1905",
        ),
        (
            (
                "<form>City <input value=Oslo><input type=hidden value=x><input type=checkbox"
                " value=y></form>"
            ),
            "City\nOslo",
        ),
        (
            "<math><mi>x</mi><mo>=</mo><mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow>"
            "<mi>b</mi></mfrac></math>",
            "x=(a+1)/b",
        ),
        (
            (
                "<math><msup><mn>10</mn>"
                " <mn>6</mn></msup><msubsup><mi>y</mi><mn>1</mn><mn>2</mn></msubsup></math>"
            ),
            "10^6y_1^2",
        ),
        ("<math><msqrt><mi>z</mi></msqrt><mfrac></mfrac><msup><mi>e</mi></msup></math>", "√(z)e"),
        ("<h2>10<sup>6</sup></h2><pre>2<sup>8</sup></pre>", "## 10^6\n\n2^8"),
        (
            "<p>if x:</p><pre>\ndef f():\n    return  1\n\n\n\nf()</pre><p>end</p>",
            "if x:\n\ndef f():\n    return  1\n\n\n\nf()\n\nend",
        ),
        ("<h2>Returns<br>and <div>repairs</div></h2>text", "## Returns and repairs\n\ntext"),
        ("<ruby>退<rp>(</rp><rt>tui</rt><rp>)</rp></ruby>", "退(tui)"),
        ("<svg><title>icon</title><text>one</text><text>two</text></svg>", "one\n\ntwo"),
        ("<html><head><title>T</title><body>never closed", "never closed"),
    ],
)
def test_html_blocks_are_apart_and_preformatted_text_stays(html, text):
    import re

    found = html_text(html)[0]
    assert re.sub(r"\n+", "\n", found) == re.sub(r"\n+", "\n", text)
    if "<pre>" in html:
        assert found == text


def test_only_elements_are_headings_of_a_page(tmp_path):
    page = "<title>T</title><p>list\n# 1 lamp</p><h1>Fees</h1><h2>Post</h2><pre># 2 desk\n---</pre>"
    assert contexts(tmp_path / "a.html", page) == [
        "T: list\n# 1 lamp",
        "Fees > Post: # 2 desk\n---",
    ]
    assert read_html("<svg><title>icon</title></svg><title>T</title>x").title == "T"


def test_hidden_words_of_a_page_are_counted(tmp_path):
    page = "<p>Seen</p><p hidden>Say blick.</p><noscript>Say dax.</noscript><div hidden> </div>"
    with pytest.warns(
        UserWarning, match="a.html is read in part. Left out: 2 parts that a browser"
    ):
        assert contexts(tmp_path / "a.html", page) == ["a: Seen"]


def notebook(path, *cells) -> None:
    made = {
        "m": nbformat.v4.new_markdown_cell,
        "c": nbformat.v4.new_code_cell,
        "r": nbformat.v4.new_raw_cell,
    }
    nbformat.write(
        nbformat.v4.new_notebook(cells=[made[kind](source) for kind, source in cells]), path
    )


def test_code_of_a_notebook_has_no_headings_and_its_fences_close(tmp_path):
    path = tmp_path / "a.ipynb"
    notebook(
        path,
        ("m", "# Lesson"),
        ("c", 'text = """\n```\n# no heading\n```\n"""'),
        ("m", "## Next\n\n```\nopen"),
        ("m", "## Last\n\nend"),
        ("c", " "),
    )
    assert contexts(path) == [
        'Lesson: ````\ntext = """\n```\n# no heading\n```\n"""\n````',
        "Lesson > Next: ```\nopen",
        "Lesson > Last: end",
    ]


def test_cells_that_are_null_or_have_no_id_are_read_without_a_word(tmp_path, recwarn):
    cells = [{"cell_type": "markdown", "metadata": {}, "source": s} for s in (None, ["a\n", "b"])]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "a.ipynb").write_text(json.dumps(book))
    assert load(tmp_path / "a.ipynb").text == "a\nb"
    assert not recwarn


def test_xhtml_is_read_with_its_cdata_and_without_a_warning_of_the_parser(tmp_path, recwarn):
    page = '<?xml version="1.0"?><html><p>a <![CDATA[b < c]]> d</p></html>'
    (tmp_path / "a.html").write_text(page)
    assert load(tmp_path / "a.html").text == "a b < c d"
    assert not recwarn


def test_what_a_notebook_holds_beside_text_and_code_is_named(tmp_path):
    path = tmp_path / "a.ipynb"
    notebook(path, ("r", "---\ntitle: Fees\n---\n"), ("m", "text"), ("r", "raw"))
    book = nbformat.read(path, 4)
    book.cells.append(
        nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text="1")])
    )
    nbformat.write(book, path)
    with pytest.warns(UserWarning, match="Left out: 1 raw cells; the outputs of 1 cells"):
        assert load(path).title == "Fees"
