"""Published numbers: each with a source, the same as in the claim's sentence, and drawn by a lesson
at places that it has.
"""

import re
import tomllib
from importlib import resources
from pathlib import Path

import nbformat
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claim
from adaptlab.evals.published import published
from adaptlab.studies.recorded import recorded

TABLE = tomllib.loads(
    resources.files("adaptlab.evals").joinpath("published.toml").read_text(encoding="utf-8")
)
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ALL = [(claim_id, curve) for claim_id, curves in TABLE.items() for curve in curves]


@pytest.mark.parametrize(
    "claim_id, curve", ALL, ids=lambda value: value if isinstance(value, str) else value["name"]
)
def test_a_curve_has_a_source_and_tells_what_the_claim_tells(claim_id, curve):
    assert set(curve) == {"name", "source", "x", "y"} and re.search(
        r"arXiv:\d{4}\.\d{5}", curve["source"]
    )
    said = claim(claim_id).published
    assert re.search(r"\((\w+ et al\. \d{4})\)$", curve["name"]).group(1) in said
    assert all(0 <= y <= 1 for y in curve["y"])
    told = [f"{100 * y:.1f}" in said for y in curve["y"] if y]
    assert sum(told) >= min(3, len(told)), "the same numbers as the claim's"
    assert published(claim_id)[curve["name"]] == dict(zip(curve["x"], curve["y"], strict=True))


def test_each_is_drawn_by_a_lesson_at_places_that_it_has():
    cells = [
        cell.source
        for path in NOTEBOOKS.glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]
    drawn = {
        found for source in cells for found in re.findall(r'published=published\("(\w+)"\)', source)
    }
    assert drawn == set(TABLE)
    (facts,) = [source for source in cells if 'published("F2")' in source]
    assert {x for x in TABLE["F2"][0]["x"] if f'"{x}"' not in facts} == {"untrained"}, (
        "which was not measured"
    )
    assert set(TABLE["F9"][0]["x"]) <= set(recorded("reversal")["rows"][0])


def test_a_claim_without_published_numbers_is_refused():
    with pytest.raises(AdaptLabError, match="'F10'.*F2"):
        published("F10")
