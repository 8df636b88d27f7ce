"""Options that several commands of `adaptlab grade` share."""

from pathlib import Path
from typing import Annotated

import typer

LabName = Annotated[str, typer.Option("--lab", help="The lab, as in 04.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the marks and the feedback.")]
BoxLevel = Annotated[
    str,
    typer.Option(
        "--box",
        help=(
            "The box: bwrap, podman, docker or landlock; if not given the first that is there, but"
            " never landlock."
        ),
    ),
]
Gradebook = Annotated[
    Path | None,
    typer.Option(
        help="nbgrader's gradebook; gradebook.db in the folder of the marks if not given."
    ),
]

ROSTER = "The class list: a CSV file of any platform's, or a name on each line."
PLATFORM_FILE = (
    "The gradebook of Canvas, Brightspace or Blackboard, or Moodle's grading worksheet, to write"
    " the marks into."
)
RosterFile = Annotated[Path | None, typer.Option("--roster", help=ROSTER)]
