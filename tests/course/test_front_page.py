"""The README is short, and its picture and findings are those of the recorded results."""

import re
from pathlib import Path

import pytest
from PIL import Image

from adaptlab.course.front_page import PICTURE, as_png, findings, picture, with_findings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
UPDATE = "run: python -m adaptlab.course.front_page"


def test_the_readme_has_the_present_findings():
    assert with_findings(README) == README, UPDATE


def test_the_picture_in_the_repository_shows_the_present_results(tmp_path):
    with Image.open(ROOT / PICTURE) as kept:
        assert kept.text["Description"] == picture().alt, UPDATE
    (tmp_path / "again.png").write_bytes(as_png(picture()))
    with Image.open(tmp_path / "again.png") as again:
        assert again.size[0] > 1000 and again.text["Description"] == picture().alt


def test_the_readme_has_at_most_700_words():
    text = re.sub(r"```.*?```|<!--.*?-->", "", README, flags=re.S)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    assert len(re.findall(r"\S*\w\S*", text)) <= 700


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https:)([^)#]+)", README))))
def test_what_the_readme_links_to_exists(link):
    assert (ROOT / link).exists()


def test_every_lesson_is_in_the_readme():
    for lesson in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        assert f"(notebooks/{lesson.name})" in README


def test_each_finding_has_its_n():
    assert len(findings()) == 5
    assert all(re.search(r"n = \d+|Of \d+ claims", finding) for finding in findings())
