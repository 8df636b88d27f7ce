"""Marks by hand: look at them, give them one by one or by a worksheet, answer requests."""

from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.grade.kept import kept_marks, write_pages
from adaptlab.cli.grade.options import LabName, Out
from adaptlab.cli.options import Folder
from adaptlab.errors import AdaptLabError


def grade_show(lab: LabName, out: Out, folder: Folder = Path(".")) -> None:
    """Print the current marks, missing marks, and requests for a second look."""
    from adaptlab.grading.records.feedback import in_a_line

    for sheet in kept_marks(lab, out, folder)[1]:
        days = f"{sheet.days_late} day{'s' * (sheet.days_late > 1)} late"
        marked = " (late)" if sheet.owner.late else ""
        late = f" ({100 * sheet.factor:g}%, {days})" if sheet.days_late else marked
        waits = f"; not graded yet: {', '.join(sheet.waiting)}" if sheet.waiting else ""
        outdated = (
            f"; graded manually before this submission: {', '.join(sheet.outdated)}"
            if sheet.outdated
            else ""
        )
        print(
            f"{in_a_line(sheet.student)}: {sheet.points:g} of {sheet.of:g}{late}{waits}{outdated}"
        )
        for request in sheet.open_requests:
            # On one line, so that its text cannot look like the line of another student.
            print(
                f"  asks for a second look at {request.exercise} ({request.at[:10]}):"
                f" {in_a_line(request.reason)}"
            )


def grade_mark(
    student: str,
    exercise: str,
    points: float,
    lab: LabName,
    out: Out,
    author: Annotated[str, typer.Option(help="Name of the instructor.")],
    reason: Annotated[str, typer.Option(help="Reason, shown to the student.")],
    folder: Folder = Path("."),
) -> None:
    """Give a manual mark. It replaces the grader's, also after grading again, and answers a
    request.

    All manual marks are kept, with author and reason.
    """
    from adaptlab.grading.records.feedback import in_a_line

    ledger, sheets = kept_marks(lab, out, folder)
    ledger.decide(student, sheets[0].lab, exercise, points, reason, author)
    write_pages(ledger, sheets[0].lab, out)
    print(
        f"{in_a_line(student)}, {exercise}: {points:g}, by {in_a_line(author)}; the feedback pages"
        " are updated."
    )


def grade_worksheet(lab: LabName, out: Out, folder: Folder = Path(".")) -> None:
    """Write one CSV file with all answers that need manual grading, their rubrics, and columns to
    fill in.
    """
    from adaptlab.files import write_whole
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.worksheet import to_worksheet

    _, sheets = kept_marks(lab, out, folder)
    path = out / f"{sheets[0].lab}-to-mark.csv"
    write_whole(path, to_worksheet(sheets, read_lab_named(folder, lab)[0]))
    print(path)


def grade_marks(
    worksheet: Annotated[Path, typer.Argument(help="The filled-in worksheet.")],
    lab: LabName,
    out: Out,
    author: Annotated[str, typer.Option(help="Name of the instructor.")],
    folder: Folder = Path("."),
) -> None:
    """Read manual marks from a worksheet. If one row is wrong, no mark is changed."""
    from adaptlab.grading.records.worksheet import read_worksheet

    ledger, sheets = kept_marks(lab, out, folder)
    decisions = read_worksheet(worksheet, sheets)
    for one in decisions:
        ledger.decide(one.student, sheets[0].lab, one.exercise, one.points, one.reason, author)
    write_pages(ledger, sheets[0].lab, out)
    print(f"{len(decisions)} marks by {author}; the feedback pages are updated.")


def grade_request(
    student: str,
    exercise: str,
    lab: LabName,
    out: Out,
    reason: Annotated[str, typer.Option(help="The student's reason for a second look.")] = "",
    decline: Annotated[str, typer.Option(help="Why the mark stays, shown to the student.")] = "",
    author: Annotated[str, typer.Option(help="Name of the instructor who declines.")] = "",
    folder: Folder = Path("."),
) -> None:
    """Store a student's request for a second look at an exercise.

    To answer it, give a manual mark, or decline it with --decline and --author.
    """
    from adaptlab.grading.records.feedback import in_a_line

    if bool(reason) == bool(decline):
        raise AdaptLabError(
            "--reason and --decline are both given or both missing. Give --reason to store a"
            " request, or --decline and --author to answer one."
        )
    ledger, sheets = kept_marks(lab, out, folder)
    if reason:
        ledger.request(student, sheets[0].lab, exercise, reason)
    else:
        ledger.decline(student, sheets[0].lab, exercise, decline, author)
    write_pages(ledger, sheets[0].lab, out)
    print(f"{in_a_line(student)}, {exercise}: the request is {'stored' if reason else 'declined'}.")
