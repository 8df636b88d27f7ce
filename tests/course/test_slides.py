"""Slides have what a lesson has: its takeaway, predictions, figures with their captions."""

import re
from pathlib import Path

import nbformat
import pytest

from adaptlab.course.site.slides import deck

LESSONS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_slides_of_a_lesson(path):
    cells = nbformat.read(path, as_version=4).cells
    outputs = [one for cell in cells for one in cell.get("outputs", [])]
    asked = [one for one in outputs if one.get("data", {}).get("text/plain", "")[:9] == "Predict ("]
    figures = [one for one in outputs if "image/png" in one.get("data", {})]
    made = deck(path)
    first, *slides = made.text.split("\n## ")
    assert first.startswith("# ") and len(first.splitlines()[-1]) > 20, "no takeaway"
    assert made.text.count("**Predict.**") == len(asked)
    assert len(made.figures) == len(figures) == len(re.findall(r"!\[[^\]]+\]\(figures/", made.text))
    has_practice = any("## In practice" in cell.source for cell in cells)
    assert len(slides) == len(asked) + len(figures) + has_practice
    assert has_practice == slides[-1].startswith("In practice")
    assert "](../" not in made.text and "Your prediction" not in made.text


def test_a_slide_has_the_caption_or_the_printed_result(tmp_path):
    figure = {"image/png": "iVBORw0KGgo="}
    shown = nbformat.v4.new_output("display_data", figure)
    printed = nbformat.v4.new_output("stream", text="Result: accuracy 0.4\n")
    cells = [
        nbformat.v4.new_markdown_cell("# 99 Test\n\n**Takeaway: count first.**"),
        nbformat.v4.new_markdown_cell("## One\n\nText with [a link](../glossary.md)."),
        nbformat.v4.new_code_cell("1", outputs=[shown]),
        nbformat.v4.new_markdown_cell("*A caption.* More text.\n\n*Counting is enough.*"),
        nbformat.v4.new_code_cell("2", outputs=[printed, shown]),
    ]
    path = tmp_path / "99.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    first, one, two = deck(path).text.split("\n## ")
    assert first == "# 99 Test\n\ncount first.\n"
    assert one.rstrip().endswith("Counting is enough.") and one.startswith("One")
    assert two.rstrip().endswith("accuracy 0.4")
