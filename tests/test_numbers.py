"""No measurement is typed by hand: what prose says in figures stands in a file of results, from
which a page is made. Prose counts, and names versions.
"""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROSE = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "solutions/README.md",
    *sorted((ROOT / "src/adaptlab/course/site/pages").rglob("*.md*")),
]
UNIT = r"(?:times|percent|per cent|seconds?|minutes?|hours?|ms|s|[KMG]i?B|points?|FLOPs?)"
WORDS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|"
    "(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-\\w+)?|(?:a )?hundred"
)
MEASURED = re.compile(rf"\d+\.\d+|\d+\s?%|\b\d[\d,]*\s{UNIT}\b|\b(?:{WORDS})\s{UNIT}\b")
NAMES = r"Python 3\.\d+(?: to 3\.\d+)?"


def measurements(text: str) -> list[str]:
    """What looks measured in Markdown, outside of code and of what a template fills in."""
    generated = r"<!-- findings.*?<!-- end of findings -->"  # tests/course/test_front_page.py
    for aside in (generated, r"```.*?```", r"`[^`]*`", r"\{[{%].*?[}%]\}", NAMES):
        text = re.sub(aside, "", text, flags=re.S)
    return MEASURED.findall(text)


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_prose_holds_no_measurement(path):
    assert measurements(path.read_text()) == []


@pytest.mark.parametrize(
    "typed",
    [
        "takes 1.02 times as long",
        "in 94% of cases",
        "took 12 seconds",
        "twenty-one minutes",
        "peaks at 900 MiB",
        "1,200 ms",
    ],
)
def test_a_typed_measurement_is_found(typed):
    assert measurements(f"The new index {typed}, they say.")


@pytest.mark.parametrize(
    "allowed",
    [
        "ten claims",
        "`--least 0.6`",
        "with Python 3.11 to 3.14",
        "```\nadaptlab doctor  # 24 min\n```",
        "{{ '%.1f' | format(x) }} minutes",
    ],
)
def test_counts_versions_and_code_are_no_measurements(allowed):
    assert not measurements(f"Here are {allowed}.")


def test_the_page_of_benchmarks_is_what_the_results_say():
    folder = ROOT / "benchmarks"
    spec = importlib.util.spec_from_file_location("tell", folder / "render_report.py")
    tell = sys.modules["tell"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tell)
    assert (folder / "README.md").read_text() == tell.told(), (
        "run: python benchmarks/render_report.py"
    )
