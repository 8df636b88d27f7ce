"""The terms of the site's glossary, to which lessons link."""

import re

from adaptlab.course.site.places import PAGES
from adaptlab.files import read_text

GLOSSARY = PAGES / "glossary.md"
LINK = "../src/adaptlab/course/site/pages/glossary.md"  # in a notebook; add # and the anchor


def entries() -> dict[str, str]:
    """Return the Markdown text of every entry by its term, in the order of the page."""
    parts = re.split(r"^## (.+)\n", read_text(GLOSSARY), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def terms() -> dict[str, str]:
    """Return the anchor of every term, as GitHub derives it from a heading."""
    return {term: re.sub(r"[^\w -]", "", term).lower().replace(" ", "-") for term in entries()}
