"""Options that several commands of `adaptlab grade` share."""

from pathlib import Path
from typing import Annotated

import typer

LabName = Annotated[str, typer.Option("--lab", help="The lab, for example 04.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the marks and the feedback.")]
BoxLevel = Annotated[
    str,
    typer.Option(
        "--box",
        help=(
            "The sandbox level: bwrap, podman, docker or landlock. Default: the first available"
            " one, but never landlock."
        ),
    ),
]
Gradebook = Annotated[
    Path | None,
    typer.Option(help="nbgrader's gradebook. Default: gradebook.db in the folder of the marks."),
]

ROSTER = "The class list: a platform's CSV file, or a text file with a name on each line."
PLATFORM_FILE = (
    "File to write the marks into: the gradebook of Canvas, Brightspace or Blackboard, or Moodle's"
    " grading worksheet."
)
RosterFile = Annotated[Path | None, typer.Option("--roster", help=ROSTER)]
