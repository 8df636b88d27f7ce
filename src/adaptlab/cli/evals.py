"""adaptlab evals suite · gate · dashboard: measure a model's skills, compare it with its base, and
plot all runs.
"""

from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.options import Folder

evals_app = typer.Typer(
    no_args_is_help=True,
    help=(
        "The base suite: measure a model, reject a fine-tuning run that lost a skill, plot all"
        " runs."
    ),
)

Cases = Annotated[int, typer.Option("--n", min=20, help="Cases of each skill.")]


@evals_app.command()
def suite(
    model: Annotated[str, typer.Argument(help="embedded:chat, hub:org/name or a path.")],
    n: Cases = 500,
    seed: int = 1,
    folder: Folder = Path("."),
) -> None:
    """Measure a model's base skills; the same command resumes an interrupted suite."""
    from adaptlab.evals.regression import measure

    for skill, score in measure(model, n, seed, folder).items():
        print(f"{skill:<12} {score}{' bits per byte' if skill == 'prose' else ''}")


@evals_app.command()
def gate(
    base: Annotated[
        str, typer.Argument(help="The model before: embedded:chat, hub:org/name or a path.")
    ],
    adapter: Annotated[
        str,
        typer.Argument(
            help=("The model after: the folder of a run or of an adapter, or a model id.")
        ),
    ],
    margin: Annotated[
        float,
        typer.Option(
            min=0,
            help="Largest accepted loss: in accuracy, or for prose as a share of the bits.",
        ),
    ] = 0.02,
    n: Cases = 500,
    seed: int = 1,
    folder: Folder = Path("."),
) -> None:
    """Compare two models on the same cases. The exit status is 1 if a skill lost significantly more
    than the margin.
    """
    from adaptlab.evals.gate import passes, table
    from adaptlab.evals.regression import gate as run_gate

    rows = run_gate(base, adapter, margin, n, seed, folder)
    print(table(rows))
    if not passes(rows):
        print(f"rejected: {', '.join(row.skill for row in rows if row.fails)}")
        raise typer.Exit(1)
    print(f"passed: no significant loss above {margin:g}")


@evals_app.command()
def dashboard(folder: Folder = Path(".")) -> None:
    """Write build/evals.html: each skill's score by run, with the lost skills."""
    from adaptlab.course.dashboard import build_dashboard
    from adaptlab.evals.store import STORE

    print(build_dashboard(folder / STORE, folder / "build" / "evals.html"))
