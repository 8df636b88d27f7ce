"""The glossary is sorted, short, complete, and linked correctly."""

import re
from pathlib import Path

import nbformat
import pytest

from adaptlab.course.glossary import GLOSSARY, LINK, entries, terms
from adaptlab.files import read_text

ROOT = Path(__file__).parents[2]
MOST_WORDS = 35  # in a sentence; a formula counts as one word
NAMED = {path.stem.partition("_")[0] for path in ROOT.glob("notebooks/[0-9]*.ipynb")}
LESSON = re.compile(r" \*Lesson (\d\d[a-z]?)\*$")


def test_terms_are_sorted_and_unique():
    headings = re.findall(r"^## (.+)$", read_text(GLOSSARY), re.MULTILINE)
    assert headings == sorted(set(headings), key=str.casefold)
    assert len(set(terms().values())) == len(headings) > 100


@pytest.mark.parametrize("term", terms())
def test_an_entry_is_short_and_names_its_lesson(term):
    entry = entries()[term]
    lesson = LESSON.search(entry)
    assert lesson and lesson[1] in NAMED
    text = LESSON.sub("", re.sub(r"<[^>]*>", "", entry)).strip()
    sentences = re.split(r"(?<=[.?!])\s", re.sub(r"\$[^$]+\$", "FORMULA", text))
    assert len(sentences) <= 3
    assert max(len(sentence.split()) for sentence in sentences) <= MOST_WORDS


def test_links_inside_of_the_glossary_lead_to_a_term():
    linked = set(re.findall(r"\]\(#([^)]+)\)", read_text(GLOSSARY)))
    assert linked <= set(terms().values())


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/*.ipynb")), ids=lambda path: path.stem)
def test_links_of_a_notebook_lead_to_a_term(path):
    """A link has the one form that works on GitHub, in JupyterLab and on the site."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for address, anchor in re.findall(r"\]\(([^)#]*glossary[^)#]*)#?([^)]*)\)", text):
        assert address == LINK and (not anchor or anchor in terms().values()), anchor


def test_an_anchor_is_the_one_of_github():
    known = terms()
    assert known["pass@k"] == "passk" and known["winner's curse"] == "winners-curse"
    assert known["KL divergence"] == "kl-divergence"
