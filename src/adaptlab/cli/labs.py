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
    help="The labs: build them from their sources, or check your own as the grader will.",
)


@labs_app.command("build")
def labs_build(
    labs: Annotated[
        list[str], typer.Argument(help="Labs by the start of their name; all if none is named.")
    ] = [],
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; exit status 1 if a lab is not what its source makes."
        ),
    ] = False,
    folder: Folder = Path("."),
) -> None:
    """Make labs/ from solutions/, by nbgrader: the same notebooks without their answers."""
    from adaptlab.course.labs import build_labs, find_sources, out_of_step

    sources = find_sources(folder / "solutions", labs)
    target = folder / "labs"
    if not check:
        print("\n".join(map(str, build_labs(sources, target))))
    elif stale := out_of_step(sources, target):
        print(
            f"{', '.join(stale)} in {target} is not what its source makes; run: adaptlab labs build"
        )
        raise typer.Exit(1)


@labs_app.command("release")
def labs_release(
    to: Annotated[Path, typer.Argument(help="An empty folder, or that of an earlier release.")],
    folder: Folder = Path("."),
) -> None:
    """Make the copy for students: labs, lessons without outputs, and a package without answers."""
    from adaptlab.grading.release import release

    print(f"{to}: {len(release(folder, to))} files")


@labs_app.command("check")
def labs_check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook of a lab.")],
    lab: Annotated[
        str, typer.Option(help="The lab, as in 04; by the notebook itself if not given.")
    ] = "",
    box: Annotated[
        str, typer.Option(help="Level of the box: bwrap, podman, docker or landlock.")
    ] = "",
    folder: Folder = Path("."),
) -> None:
    """Restart and run all, in the grader's own box: what passes here passes there.

    Where there is no box, in a process, and it says what that leaves out. Exit status 1 if an
    exercise does not pass.
    """
    from adaptlab.grading.batch import read_lab_named, run_whole
    from adaptlab.grading.exercises import files_of
    from adaptlab.grading.records.feedback import visible
    from adaptlab.grading.sandbox.bare_process import LEFT_OUT
    from adaptlab.grading.sandbox.levels import level_of_own
    from adaptlab.grading.submissions.find import find_submissions

    if not notebook.is_file() or notebook.suffix.lower() == ".zip":
        raise AdaptLabError(
            f"There is no notebook {notebook}; give the path of your copy of a lab."
        )
    # By its name, or by the ids that its cells came with.
    found = (
        lab
        or re.search(r"lab(\d\d)", notebook.name)
        or re.search(r'"id":\s*"lab(\d\d)-', notebook.read_text(errors="replace"))
    )
    if not found:
        raise AdaptLabError(f"Of which lab {notebook} is cannot be seen; say it, as in --lab 01.")
    assignment = read_lab_named(folder, lab or found[1])[0]
    (submission,) = find_submissions(notebook, assignment.name, files_of(assignment.name))
    chosen = level_of_own(box)
    if chosen == "process":
        print(LEFT_OUT, file=sys.stderr)
    graded = run_whole(assignment, submission, chosen)
    if all(
        mark.status == "invalid" for mark in graded.marks
    ):  # of the whole file, so one sentence stands for all
        raise AdaptLabError(f"{notebook}: {visible(graded.marks[0].sentence)}")
    for mark in graded.marks:
        print(f"{mark.exercise}: {mark.status}. {visible(mark.sentence)}")
    for cell, error in graded.errors.items():
        print(f"The cell {visible(cell)} stops with {visible(error)}")
    print(
        f"{graded.points:g} points without what a person marks; you predicted"
        f" {visible(graded.prediction) or 'nothing'}, measured"
        f" {visible(graded.measured) or 'nothing'}"
    )
    if any(mark.status not in ("pass", "needs a person") for mark in graded.marks) or graded.errors:
        raise typer.Exit(1)
