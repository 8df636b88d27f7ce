"""The page of the regression store: each skill's score by run, with intervals and lost skills."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from adaptlab import plots
from adaptlab.course.site.places import TEMPLATES
from adaptlab.errors import AdaptLabError
from adaptlab.evals.store import EvalRun, read_runs
from adaptlab.evals.suite import PROSE
from adaptlab.files import write_whole


def build_dashboard(store: Path, page: Path) -> Path:
    """Write the page from the store's runs; return its path."""
    runs = read_runs(store)
    if not runs:
        raise AdaptLabError(
            f"{store} has no runs yet. Run `adaptlab evals suite` or `adaptlab evals gate` first."
        )
    skills = list(dict.fromkeys(skill for run in runs for skill in run.scores))
    drawings = [Markup(_drawing(skill, runs).html()) for skill in skills]
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    write_whole(
        page,
        environment.get_template("evals.html").render(
            runs=list(enumerate(runs, 1)), skills=skills, drawings=drawings
        ),
    )
    return page


def _drawing(skill: str, runs: list[EvalRun]) -> plots.Figure:
    measured = {number: run for number, run in enumerate(runs, 1) if skill in run.scores}
    lost = {number for number, run in measured.items() if skill in run.failed}
    unit = "bits per byte (less is better)" if skill == PROSE else "share of right replies"
    return plots.history(
        skill, unit, {number: run.scores[skill] for number, run in measured.items()}, lost
    )
