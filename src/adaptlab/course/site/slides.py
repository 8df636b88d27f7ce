"""Slides of each lesson, made from its takeaway, predictions, figures and captions."""

import base64
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

CAPTION = re.compile(r"^\*(?!\*)(.+?)\*$", re.MULTILINE)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
TAKEAWAY = re.compile(r"^\*\*Takeaway: (.+?)\*\*$", re.MULTILINE)
PRACTICE = re.compile(r"^## In practice\n+(.+?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
RESULT = re.compile(r"^Result: (.+)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\([^)]*\)")
PREDICTION = "Predict ("  # how the text of a prediction begins


@dataclass
class Deck:
    """The slides of a lesson as Markdown, and its figures, bytes by file name."""

    name: str
    title: str
    text: str = ""
    figures: dict[str, bytes] = field(default_factory=dict)


def deck(path: Path) -> Deck:
    """Return the slides of an executed lesson: its takeaway, then each prediction and each figure
    under the heading of its section, then what to do in practice.
    """
    notebook = nbformat.read(path, as_version=4)
    markdown = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    title = markdown.partition("\n")[0].removeprefix("# ")
    made = Deck(path.stem, title)
    slides = [f"# {title}\n\n{_first(TAKEAWAY, markdown)}"]
    slides += _slides(notebook.cells, made)
    if practice := _first(PRACTICE, markdown):
        slides.append(f"## In practice\n\n{practice.strip()}")
    made.text = "\n\n".join(LINK.sub(r"\1", slide) for slide in slides) + "\n"
    return made


def _first(pattern: re.Pattern, text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _slides(cells: list[NotebookNode], made: Deck) -> Iterator[str]:
    heading = ""
    for cell, following in zip(cells, [*cells[1:], None]):
        if cell.cell_type == "markdown":
            heading = (HEADING.findall(cell.source) or [heading])[-1]
            continue
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            asked = data.get("text/plain", "")
            if asked.startswith(PREDICTION):
                yield f"## {heading}\n\n{_question(asked)}"
            if "image/png" in data:
                said = _caption(following) or _result(cell)
                yield f"## {heading}\n\n{_figure(output, cell.id, made)}\n\n{said}"


def _caption(following: NotebookNode | None) -> str:
    """Return the caption, in italics at the start of the cell below a figure."""
    if following is None or following.cell_type != "markdown":
        return ""
    return _first(CAPTION, following.source)


def _result(cell: NotebookNode) -> str:
    """Return the first result that the cell prints."""
    printed = "".join(one.get("text", "") for one in cell.outputs if one.output_type == "stream")
    return _first(RESULT, printed)


def _question(asked: str) -> str:
    """Return the question and its options, without the student's choice."""
    question, *options = asked.splitlines()
    question = question.partition(": ")[2]
    listed = [re.sub(r"^\s*\d+\. ", "- ", one) for one in options if re.match(r"\s*\d+\. ", one)]
    return "\n".join([f"**Predict.** {question}", "", *listed])


def _figure(output: NotebookNode, cell_id: str, made: Deck) -> str:
    name = f"{made.name}-{cell_id}-{len(made.figures)}.png"
    made.figures[name] = base64.b64decode("".join(output.data["image/png"].split()))
    about = output.metadata.get("image/png", {}).get("alt", "")
    alternative = re.sub(r"[\[\]\n]", " ", about.partition(": ")[0])
    return f"![{alternative}](figures/{name})"


THEME = "white"
CONF = f"""project = "AdaptLab"
extensions = ["myst_parser", "sphinx_revealjs"]
suppress_warnings = ["toc.not_included"]
revealjs_style_theme = "{THEME}"
revealjs_static_path = ["static"]
revealjs_css_files = ["slides.css"]
revealjs_script_conf = {{"hash": True, "transition": "none"}}
revealjs_script_plugins = []
"""

# A figure leaves room for its heading and its caption.
CSS = """:root { --r-heading-text-transform: none; --r-main-font-size: 32px; }
.reveal { --r-heading1-size: 1.9em; --r-heading2-size: 1.3em; }
.reveal section img { max-height: 440px; width: auto; margin: .3em auto; display: block; }
"""


def slide_sources(lessons: Sequence[Path]) -> Iterator[tuple[str, str | bytes]]:
    """Return every file from which Sphinx builds the decks, by its path."""
    yield "conf.py", CONF
    decks = [deck(path) for path in lessons]
    yield "static/slides.css", CSS
    half = -(-len(decks) // 2)  # two slides hold the list
    parts = ["\n".join(f"- [{one.title}]({one.name}.md)" for one in decks[:half])]
    parts += ["\n".join(f"- [{one.title}]({one.name}.md)" for one in decks[half:])]
    yield "index.md", "# Slides\n\n" + "".join(f"## Lessons\n\n{part}\n\n" for part in parts)
    for one in decks:
        yield f"{one.name}.md", one.text
        yield from ((f"figures/{name}", content) for name, content in one.figures.items())


def drop_unused_assets(slides: Path) -> None:
    """Remove what the builder copies and no deck uses; some other themes ask a server for fonts."""
    assets = slides / "_static" / "revealjs"
    for unused in ("plugin", "css"):
        shutil.rmtree(assets / unused, ignore_errors=True)
    for theme in (assets / "dist" / "theme").glob("*.css"):
        if theme.stem != THEME:
            theme.unlink()
