"""The page of `adaptlab decide`: the answer, the measurements, what would change it, and the cost
curves.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from adaptlab import plots
from adaptlab.course.decisions import QUERIES, WORLD, matrix_of
from adaptlab.decide.advice import Advice, headline
from adaptlab.decide.costs import Prices, curve
from adaptlab.decide.guides import GUIDES

TEMPLATES = Path(__file__).parent / "templates"


def decision_page(advice: Advice, prices: Prices, model: str = WORLD) -> str:
    """Return the page as text; it needs no other file. The measurements are those of `model`."""
    matrix, described = matrix_of(model)
    measured = matrix[advice.case.task]
    case = advice.case
    series = {
        str(lever): (
            QUERIES,
            curve(lever, measured[lever].usage, QUERIES, case.need.n_updates, prices),
        )
        for lever in case.scores
    }
    drawing = plots.lines(
        "Cost by traffic", "queries a day", "money a month", series, logarithmic=True
    )
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.get_template("decide.html").render(
        advice=advice,
        case=case,
        headline=headline(advice),
        measured=measured,
        prices=prices,
        guides=GUIDES,
        described=described[case.task],
        model=model,
        drawing=Markup(drawing.html()),
    )
