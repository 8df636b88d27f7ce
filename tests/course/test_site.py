"""The site, built once from a small run: its links and anchors, its size, its figures, and that it
asks no other machine for anything.
"""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pytest
from bs4 import BeautifulSoup
from docutils.utils.math.latex2mathml import tex2mathml
from markdown_it import MarkdownIt

from adaptlab import plots
from adaptlab.course.glossary import LINK, terms
from adaptlab.course.pictures import gate
from adaptlab.course.site import build_site
from adaptlab.course.site.notebooks import notebook_page
from adaptlab.course.site.places import OF_THE_COURSE
from adaptlab.course.site.tables import TableCell, sortable_table
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claim, claims
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.ledger import RECORD_MIME

ROOT = Path(__file__).parents[2]
RECORD = {
    "id": "P1",
    "value": 0.5,
    "low": 0.4,
    "high": 0.6,
    "n": 10,
    "seeds": [0, 1],
    "notebook": "01_a",
    "cell": "0-first",
    "verdict": "holds",
    "published": "64 < 71",
}
BARS = {"none": Estimate(0.25, 0.2, 0.3, 10), "eight": Estimate(0.75, 0.7, 0.8, 10)}


def shown(metadata={}, /, **data):
    return nbformat.v4.new_output(
        "execute_result",
        {"text/plain": "as text", **data},
        execution_count=1,
        metadata=metadata,
    )


def write(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def code(source, name, *outputs):
    return nbformat.v4.new_code_cell(source, id=name, outputs=list(outputs))


def lesson(path):
    """A lesson as papermill leaves one that failed, with every kind of output."""
    banner = (
        '<span style="color:red; font-family:Helvetica Neue, Helvetica, Arial, sans-serif;'
        " font-size:2em;\">An Exception was encountered at 'In [3]'.</span>"
    )
    figure, about = plots.bars("Accuracy by examples", "accuracy", BARS)._repr_mimebundle_()
    picture, about_picture = gate()._repr_mimebundle_()
    head = "<thead><tr><th></th><th>score</th></tr></thead>"
    body = "<tbody><tr><th>a</th><td>1</td></tr></tbody>"
    table = (
        '<div><style scoped>td {color: red}</style><table border="1"'
        f' class="dataframe">{head}{body}</table></div>'
    )
    write(
        path,
        nbformat.v4.new_markdown_cell(banner, id="banner"),
        nbformat.v4.new_markdown_cell(
            f"# 01 Lamps: what they do\n\nA [hallucination]({LINK}#hallucination).", id="title"
        ),
        nbformat.v4.new_markdown_cell(
            "The mean $\\bar x$ is\n\n$$\\frac{1}{n} \\sum_i x_i.$$", id="mean"
        ),
        code(
            "record('P1')",
            "0-first",
            shown(**{"text/html": "<b>P1: holds</b>", RECORD_MIME: RECORD}),
        ),
        nbformat.v4.new_markdown_cell("## Part one\n\n~~~python\nfenced = 1\n~~~", id="part"),
        code("%pip list\nplots.bars(scores)", "drawn", shown(about, **figure)),
        code("pictures.gate()", "picture", shown(about_picture, **picture)),
        code("frame", "frame", shown(**{"text/html": table})),
        code(
            "bar()",
            "bar",
            shown(
                **{
                    "application/vnd.jupyter.widget-view+json": {"model_id": "1"},
                    "text/plain": "training: 0%",
                }
            ),
        ),
        code(
            "print('~~~\\n```')",
            "printed",
            nbformat.v4.new_output("stream", text="~~~\n```\n<i>no tag</i>\n"),
        ),
        code(
            "1 / 0",
            "failed",
            nbformat.v4.new_output(
                "error",
                ename="ZeroDivisionError",
                evalue="",
                traceback=["\x1b[31mZeroDivisionError\x1b[0m: division"],
            ),
        ),
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a course whose site was built, warnings being errors."""
    course = tmp_path_factory.mktemp("course")
    build = course / "build" / "cpu"
    lesson(build / "notebooks" / "01_a.ipynb")
    write(
        course / "labs" / "lab01_a.ipynb",
        nbformat.v4.new_markdown_cell(
            "# Lab 01: a lab\n\n<details><summary>Hint</summary>Look.</details>"
        ),
        code("x = 1", "x"),
    )
    for name in OF_THE_COURSE.values():
        (course / name).parent.mkdir(exist_ok=True)
        (course / name).write_text((ROOT / name).read_text())
    for figure in ROOT.glob("benchmarks/results/*.svg"):
        (course / "benchmarks" / "results").mkdir(exist_ok=True)
        shutil.copy(figure, course / "benchmarks" / "results")
    (build / "ledger.json").write_text(json.dumps([RECORD]))
    with pytest.MonkeyPatch.context() as patch:
        # Reading all of them takes a minute.
        patch.setattr("adaptlab.course.site.api.packages", lambda: ["prompts"])
        build_site(build, strict=True)
    return course


@pytest.fixture(scope="module")
def pages(built):
    site = built / "build" / "cpu" / "site"
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(path.read_text(), "html.parser")
        for path in site.rglob("*.html")
    }


def test_every_page_is_there(pages):
    expected = {
        "index.html",
        "ledger.html",
        "lessons/01_a.html",
        "labs/lab01_a.html",
        "search.html",
        "contributing.html",
        "benchmarks.html",
    }
    expected |= {
        "instructors.html",
        "documents.html",
        "hub.html",
        "devices.html",
        "scale.html",
        "api/prompts.html",
        "api/adaptlab.html",
    }
    assert expected <= set(pages)


def test_internal_links_and_anchors_resolve(pages, built):
    site = built / "build" / "cpu" / "site"
    broken = []
    for name, page in pages.items():
        for link in page.find_all(href=True) + page.find_all(src=True):
            path, anchor = urldefrag(link.get("href") or link.get("src"))
            if re.match(r"[a-z]+:", path):
                continue
            target = (site / name).parent / unquote(path.partition("?")[0]) if path else site / name
            key = target.resolve().relative_to(site.resolve()).as_posix()
            if (
                not target.exists()
                or anchor
                and link.get("href")
                and key in pages
                and not pages[key].find(id=unquote(anchor))
            ):
                broken.append((name, path, anchor))
    assert broken == []


def test_nothing_is_fetched_from_another_machine(pages, built):
    elsewhere = re.compile(r"(https?:)?//")
    for name, page in pages.items():
        fetched = [
            tag.get("src") or tag.get("href") or tag.get("data")
            for tag in page.find_all(
                ["script", "img", "link", "iframe", "source", "object", "video", "audio"]
            )
        ]
        assert not [address for address in fetched if address and elsewhere.match(address)], name
    for style in (built / "build" / "cpu" / "site").rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", style.read_text()), style


def test_pages_are_small_and_titled_with_headings_in_order(pages, built):
    for name, page in pages.items():
        assert (built / "build" / "cpu" / "site" / name).stat().st_size < 1e6, name
        assert page.html["lang"] == "en" and page.title.get_text(strip=True)
        levels = [int(heading.name[1]) for heading in page.find_all(re.compile(r"h[1-6]$"))]
        assert levels[0] == 1 and levels.count(1) == 1, name
        assert all(later - earlier <= 1 for earlier, later in zip(levels, levels[1:])), name


def test_every_claim_has_an_anchor_and_its_verdict_leads_to_its_cell(pages):
    ledger = pages["ledger.html"]
    assert [key for key in claims() if not ledger.find(id=key)] == []
    row = ledger.find(id="P1")
    assert row.find("a", href="lessons/01_a.html#cell-0-first").get_text() == "0.500 [0.400, 0.600]"
    assert (
        "holds" in row.get_text()
        and "64 < 71" in row.get_text()
        and str(claim("P1").rule) in row.get_text()
    )
    assert pages["lessons/01_a.html"].find(id="cell-0-first")
    # Of the whole run, and of the one lesson.
    assert pages["index.html"].get_text().count("1 claim: 1 ✓ holds") == 2


def test_a_figure_is_a_file_with_its_data_as_text(pages, built):
    page = pages["lessons/01_a.html"]
    images = page.select("article img")
    alternatives = [image["alt"] for image in images]
    assert alternatives == ["Accuracy by examples, accuracy", gate().alt]
    for image in images:
        drawing = built / "build" / "cpu" / "site" / "lessons" / image["src"]
        content = drawing.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert (int(image["width"]), int(image["height"])) == plots.css_size(content)
    told = [item.get_text() for item in page.select("figcaption li")]
    assert told == [
        "none 0.25 (95% interval 0.20 to 0.30)",
        "eight 0.75 (95% interval 0.70 to 0.80)",
    ]
    for name, other in pages.items():
        assert all(image.get("alt") for image in other.find_all("img")), name
        assert not other.find(src=re.compile("^data:")), name


def test_a_lesson_keeps_what_was_printed_and_drops_what_is_dead(pages):
    page = pages["lessons/01_a.html"]
    text = page.article.get_text()
    assert page.h1.get_text().startswith("01 Lamps") and "An Exception was encountered" in text
    assert "<i>no tag</i>" in text and "ZeroDivisionError: division" in text and "\x1b" not in text
    assert "training: 0%" not in text and "td {color: red}" not in text
    assert page.find("a", href="../ledger.html#P1") and page.find("th", scope="row", string="a")


def test_the_glossary_has_every_term_and_lessons_lead_to_it(pages, built):
    glossary = pages["glossary.html"]
    assert [anchor for anchor in terms().values() if not glossary.find(id=anchor)] == []
    assert pages["lessons/01_a.html"].find("a", href="../glossary.html#hallucination")
    index = (built / "build" / "cpu" / "site" / "searchindex.js").read_text()
    for term in (
        "hallucination",
        "catastrophic forgetting",
        "overfitting",
        "prompt injection",
        "quantization",
        "KV cache",
    ):
        assert f'"{term.lower()}"' in index.lower(), term


def test_formulas_are_mathml_that_needs_no_script(pages):
    page = next(page for name, page in pages.items() if "01_a" in str(name))
    inline, block = page.find_all("math")
    assert block.get("display") == "block" and block.find("mfrac")
    assert inline.get("display") != "block"
    assert "$" not in page.find("article").get_text().replace("$ ", "")


@pytest.mark.parametrize(
    "path",
    [*sorted(ROOT.glob("notebooks/*.ipynb")), *sorted(ROOT.glob("labs/*.ipynb"))],
    ids=lambda path: path.stem,
)
def test_every_formula_can_be_shown(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"`[^`]*`", "", cell.source)
            for formula in re.findall(r"\$\$?([^$]+)\$\$?", text):
                assert tex2mathml(formula).startswith("<math"), cell.id


def test_an_unchanged_site_is_not_built_again_and_a_lesson_that_is_gone_leaves_it(
    built, tmp_path, monkeypatch
):
    build = built / "build" / "cpu"
    started = []
    monkeypatch.setattr(
        "adaptlab.course.site.build._run_sphinx",
        lambda source, site, options, builder="html": started.append((builder, options)),
    )
    monkeypatch.setattr("adaptlab.course.site.api.packages", lambda: ["prompts"])
    page = build / "site-source" / "lessons" / "01_a.md"
    gone = build / "notebooks" / "02_b.ipynb"
    before = page.stat().st_mtime_ns
    build_site(build)
    assert started == [] and (build / "site" / "index.html").exists()
    (built / "labs" / "lab01_a.ipynb").touch()
    build_site(build)
    assert started == []
    write(built / "labs" / "lab01_a.ipynb", nbformat.v4.new_markdown_cell("# Lab 01: another lab"))
    build_site(build)
    assert page.stat().st_mtime_ns == before and started == [("html", ["-a"])]
    write(gone, nbformat.v4.new_markdown_cell("# 02 Gone"))
    copy = tmp_path / "build" / "cpu"
    copy.mkdir(parents=True)
    (copy / "ledger.json").write_text("[]")
    (copy / "notebooks").mkdir()
    gone.rename(copy / "notebooks" / "02_b.ipynb")
    build_site(copy)
    (copy / "notebooks" / "02_b.ipynb").unlink()
    build_site(copy)
    assert (
        not (copy / "site-source" / "lessons").exists()
        and "No lesson has run yet" in (copy / "site-source" / "index.md").read_text()
    )
    assert "make run" in (copy / "site-source" / "ledger.md").read_text()


def test_what_cannot_be_built_is_said_in_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(AdaptLabError, match="make run"):
        build_site(tmp_path)
    (tmp_path / "ledger.json").write_text(json.dumps([RECORD | {"id": "P99"}]))
    with pytest.raises(AdaptLabError, match="ledger.json has P99, but .*claims.toml has not"):
        build_site(tmp_path)
    (tmp_path / "ledger.json").write_text("[]")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_a.ipynb").write_text("{")
    with pytest.raises(AdaptLabError, match="01_a.ipynb"):
        build_site(tmp_path)
    monkeypatch.setattr("adaptlab.course.site.find_spec", lambda name: None)
    with pytest.raises(AdaptLabError, match=r"pip install 'adaptlab\[site\]'"):
        build_site(tmp_path)


def test_a_table_carries_what_it_is_sorted_by_and_nothing_unescaped():
    soup = BeautifulSoup(
        sortable_table(
            "Scores",
            ["who", "score"],
            [("a & <b>", 0.5), ("c", TableCell("two", 2))],
            ["one", "two"],
        ),
        "html.parser",
    )
    assert [cell["data-key"] for cell in soup.select("tbody [data-key]")] == [
        "a & <b>",
        "0.5",
        "c",
        "2",
    ]
    assert (
        soup.find(id="one").th.get_text(strip=True) == "a & <b>"
        and soup.caption.get_text() == "Scores"
    )
    with pytest.raises(ValueError, match="needs 2 cells"):
        sortable_table("Scores", ["who", "score"], [("a",)])
    with pytest.raises(ValueError, match="1 rows and 2 anchors"):
        sortable_table("Scores", ["who"], [("a",)], ["one", "two"])


def test_every_lab_becomes_a_page():
    labs = sorted((ROOT / "labs").glob("*.ipynb"))
    assert labs
    for lab in labs:
        page = notebook_page(lab)
        assert page.text.startswith(f"# {page.title}") and "NotImplementedError" in page.text


def test_the_development_container_installs_by_the_makefile():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    target = container["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "setup.mk").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "path",
    sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "labs").glob("*.ipynb")]),
    ids=lambda path: path.stem,
)
def test_no_markdown_stands_where_html_is_shown_as_it_is(path):
    """A block of HTML goes on to the next blank line (CommonMark 0.31, 4.6), and its asterisks and
    backticks are shown as such.
    """
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            raw = "".join(
                token.content
                for token in MarkdownIt().parse(cell.source)
                if token.type == "html_block"
            )
            left = re.search(r"[^\n]*[*`][^\n]*", re.sub(r"<code>.*?</code>", "", raw, flags=re.S))
            assert not left, (
                f"{cell.id}: set a blank line after <summary> and before </details>, or write"
                f" <code>: {left[0]!r}"
            )
