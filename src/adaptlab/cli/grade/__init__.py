"""The command line for graders: adaptlab grade SUBMISSIONS, and commands for the marks."""

from collections.abc import Callable

import typer
import typer.core

from adaptlab.cli.grade.by_hand import (
    grade_mark,
    grade_marks,
    grade_request,
    grade_show,
    grade_worksheet,
)
from adaptlab.cli.grade.platforms import grade_export, grade_feedback, grade_import
from adaptlab.cli.grade.run import grade_doctor, grade_run

__all__ = ["grade_app"]


class _RunIfNotNamed(typer.core.TyperGroup):
    """`adaptlab grade FOLDER` means `adaptlab grade run FOLDER`."""

    def parse_args(self, context, args: list[str]) -> list[str]:
        return super().parse_args(
            context,
            args if not args or args[0] in self.commands or args[0] == "--help" else ["run", *args],
        )


grade_app = typer.Typer(
    cls=_RunIfNotNamed,
    no_args_is_help=True,
    help="Grade submissions in a sandbox; store, change and export the marks.",
)
COMMANDS: dict[str, Callable] = {
    "run": grade_run,
    "show": grade_show,
    "mark": grade_mark,
    "worksheet": grade_worksheet,
    "marks": grade_marks,
    "request": grade_request,
    "export": grade_export,
    "feedback": grade_feedback,
    "import": grade_import,
    "doctor": grade_doctor,
}
for name, command in COMMANDS.items():
    grade_app.command(name)(command)
