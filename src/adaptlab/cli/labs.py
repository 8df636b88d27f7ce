"""The command line for labs: adaptlab labs build · release · check."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.options import Folder
from adaptlab.errors import AdaptLabError

labs_app = typer.Typer(
    no_args_is_help=True,
    help="The labs: build them from their sources, or check your own notebook like the grader.",
)


@labs_app.command("build")
def labs_build(
    labs: Annotated[
        list[str], typer.Argument(help="Labs by the start of their name. Default: all.")
    ] = [],
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; exit status 1 if a lab is out of date with its source."
        ),
    ] = False,
    folder: Folder = Path("."),
) -> None:
    """Build labs/ from solutions/ with nbgrader: the same notebooks without their answers."""
    from adaptlab.course.labs import build_labs, find_sources, out_of_step

    sources = find_sources(folder / "solutions", labs)
    target = folder / "labs"
    if not check:
        print("\n".join(map(str, build_labs(sources, target))))
    elif stale := out_of_step(sources, target):
        print(
            f"{', '.join(stale)} in {target} is out of date with its source. Run: adaptlab labs"
            " build"
        )
        raise typer.Exit(1)


@labs_app.command("release")
def labs_release(
    to: Annotated[Path, typer.Argument(help="An empty folder, or one with an earlier release.")],
    folder: Folder = Path("."),
) -> None:
    """Make the students' copy: labs, lessons without outputs, and a package without answers."""
    from adaptlab.grading.release import release

    print(f"{to}: {len(release(folder, to))} files")


@labs_app.command("check")
def labs_check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook of a lab.")],
    lab: Annotated[
        str, typer.Option(help="The lab, for example 04. Default: as named in the notebook.")
    ] = "",
    box: Annotated[
        str, typer.Option(help="The sandbox level: bwrap, podman, docker or landlock.")
    ] = "",
    folder: Folder = Path("."),
) -> None:
    """Restart and run all cells in the grader's sandbox, then run the checks as the grader does.

    On a machine without a sandbox, the notebook runs in a process, and the command prints what
    differs. Exit status 1 if an exercise does not pass.
    """
    from adaptlab.grading.batch import read_lab_named, run_whole
    from adaptlab.grading.exercises import files_of
    from adaptlab.grading.records.feedback import visible
    from adaptlab.grading.sandbox.bare_process import LEFT_OUT
    from adaptlab.grading.sandbox.levels import level_of_own
    from adaptlab.grading.submissions.find import find_submissions

    if not notebook.is_file() or notebook.suffix.lower() == ".zip":
        raise AdaptLabError(
            f"There is no notebook {notebook}. Give the path of your copy of a lab."
        )
    # By the file name, or by the ids of its cells.
    found = (
        lab
        or re.search(r"lab(\d\d)", notebook.name)
        or re.search(r'"id":\s*"lab(\d\d)-', notebook.read_text(errors="replace"))
    )
    if not found:
        raise AdaptLabError(f"The lab of {notebook} is unknown. Give it, for example --lab 01.")
    assignment = read_lab_named(folder, lab or found[1])[0]
    (submission,) = find_submissions(notebook, assignment.name, files_of(assignment.name))
    chosen = level_of_own(box)
    if chosen == "process":
        print(LEFT_OUT, file=sys.stderr)
    graded = run_whole(assignment, submission, chosen)
    # A fault of the whole file: all marks have the same sentence.
    if all(mark.status == "invalid" for mark in graded.marks):
        raise AdaptLabError(f"{notebook}: {visible(graded.marks[0].sentence)}")
    for mark in graded.marks:
        print(f"{mark.exercise}: {mark.status}. {visible(mark.sentence)}")
    for cell, error in graded.errors.items():
        print(f"The cell {visible(cell)} raises {visible(error)}")
    print(
        f"{graded.points:g} points, without manual grading; you predicted"
        f" {visible(graded.prediction) or 'nothing'}, measured"
        f" {visible(graded.measured) or 'nothing'}"
    )
    if any(mark.status not in ("pass", "needs a person") for mark in graded.marks) or graded.errors:
        raise typer.Exit(1)
