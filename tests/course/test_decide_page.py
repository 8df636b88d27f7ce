"""The page for decisions: the command's answers, without a package that a browser lacks."""

import json
import re
import shutil
import subprocess
import sys
from html import unescape

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptlab.course.decisions import WORLD, baselines, matrix_of
from adaptlab.course.site.decide_page import modules, recorded_numbers
from adaptlab.decide import in_page
from adaptlab.decide.advice import advise, headline
from adaptlab.decide.task_bank import Condition

MEASURED = recorded_numbers()
FIELDS = {name: str(first) for name, _, first in in_page.CONDITIONS + in_page.PRICES}
FIELDS |= {"model": WORLD, "like": "handbook"}


def answer(**changed):
    fields = FIELDS | changed
    return in_page.answer(fields, MEASURED["models"], MEASURED["baselines"])


@pytest.mark.parametrize("model", MEASURED["models"])
def test_the_page_answers_as_the_command_does(model):
    matrix, described = matrix_of(model)
    for task in described:
        expected = advise(task, Condition("mine"), matrix, described, baselines=baselines())
        page = BeautifulSoup(answer(model=model, like=task), "html.parser")
        assert page.h2.text == f"The answer: {headline(expected)}"
        costs = [row.find_all("td")[-1].text for row in page.table.tbody.find_all("tr")]
        paid = [*expected.case.costs.values(), *([0.0] if expected.without_model else [])]
        numbers = [float(cost.replace(",", "")) for cost in costs]
        assert numbers == pytest.approx(sorted(paid), abs=0.006)
        drawn = page.svg["aria-label"]
        assert all(str(lever) in drawn for lever in expected.case.scores)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("n_queries", "many", "Queries a day is 'many'. Give a number."),
        ("least", "1.5", "least is 1.5. Give a number from 0 to 1."),
        ("budget", "-1", "budget is -1.0. Give a number of 0 or more."),
        ("n_examples", "", "Labelled examples that you have is ''. Give a number."),
        ("prompt", "nan", "prompt is nan. Give a number of 0 or more."),
        ("like", "<poem>", "There is no measured task '<poem>'"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_in_place_of_the_answer(field, value, says):
    assert says in unescape(answer(**{field: value})) and "<table>" not in answer(**{field: value})


@settings(max_examples=30, deadline=None)
@given(
    queries=st.floats(0, 1e9),
    updates=st.integers(0, 1000),
    price=st.floats(0, 1e3),
    hosting=st.floats(0, 1e5),
)
def test_the_curves_stay_on_the_sheet_and_their_names_apart(queries, updates, price, hosting):
    page = answer(
        n_queries=str(queries), n_updates=str(updates), prompt=str(price), hosting=str(hosting)
    )
    drawing = BeautifulSoup(page, "html.parser").svg
    for line in drawing.find_all("polyline"):
        for point in line["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= in_page.WIDTH - in_page.RIGHT + 1 and 0 <= y <= in_page.HEIGHT
    at_ends = [t for t in drawing.find_all("text") if float(t["x"]) > in_page.WIDTH - in_page.RIGHT]
    heights = sorted(float(text["y"]) for text in at_ends if not text.get("text-anchor"))
    assert all(below - above >= 15.9 for above, below in zip(heights, heights[1:]))


def test_free_levers_have_no_curve():
    free = dict.fromkeys([name for name, _, _ in in_page.PRICES], "0")
    assert "every lever is free" in answer(**free)


def test_the_modules_of_the_page_run_without_any_package(tmp_path):
    for name, source in modules().items():
        path = tmp_path / name.replace(".", "/")
        is_package = any(other.startswith(f"{name}.") for other in modules())
        path = path / "__init__.py" if is_package else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    data = {"fields": FIELDS, **MEASURED}
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from adaptlab.decide.in_page import answer\n"
        "given = json.load(sys.stdin)\n"
        "print(answer(given['fields'], given['models'], given['baselines']))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path)]
    alone = subprocess.run(command, input=json.dumps(data), capture_output=True, text=True)
    assert alone.stdout.strip() == answer(), alone.stderr


@pytest.mark.slow
def test_the_page_answers_in_a_browser(tmp_path):
    """From a file, as a reader opens it."""
    from adaptlab.course.site.decide_page import decide_form, static_files

    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium or Chrome is installed")
    (tmp_path / "_static").mkdir()
    for name, content in static_files():
        (tmp_path / "_static" / name).write_bytes(content)
    page = tmp_path / "decide.html"
    page.write_text(
        "<!DOCTYPE html><meta charset='utf-8'><title>Decide</title>"
        # The runtime keeps compiled modules there, for which the browser's clock does not wait.
        "<script>Object.defineProperty(window, 'indexedDB', {value: undefined})</script>"
        f"{decide_form()}"
    )
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    options = ["--virtual-time-budget=60000", f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run([*command, *options, page.as_uri()], capture_output=True, text=True)
    found = BeautifulSoup(shown.stdout, "html.parser").find(id="answer")
    expected = BeautifulSoup(answer(), "html.parser")
    assert re.sub(r"\s+", "", found.text) == re.sub(r"\s+", "", expected.text)
