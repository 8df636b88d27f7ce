"""Marks by hand: look at them, give them one by one or by a worksheet, answer requests."""

from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.grade.kept import kept_marks, write_pages
from adaptlab.cli.grade.options import LabName, Out
from adaptlab.cli.options import Folder
from adaptlab.errors import AdaptLabError


def grade_show(lab: LabName, out: Out, folder: Folder = Path(".")) -> None:
    """Print the present marks, what waits for a person, and who asks for a second look."""
    from adaptlab.grading.records.feedback import in_a_line

    for sheet in kept_marks(lab, out, folder)[1]:
        days = f"{sheet.days_late} day{'s' * (sheet.days_late > 1)} late"
        marked = " (late)" if sheet.owner.late else ""
        late = f" ({100 * sheet.factor:g}%, as it is {days})" if sheet.days_late else marked
        waits = f"; to be marked: {', '.join(sheet.waiting)}" if sheet.waiting else ""
        outdated = (
            f"; marked by hand before this submission came: {', '.join(sheet.outdated)}"
            if sheet.outdated
            else ""
        )
        print(
            f"{in_a_line(sheet.student)}: {sheet.points:g} of {sheet.of:g}{late}{waits}{outdated}"
        )
        for request in (
            sheet.open_requests
        ):  # on one line, whatever is in it, lest it look like another student's
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
    author: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why; the student reads it.")],
    folder: Folder = Path("."),
) -> None:
    """Give a mark by hand. It counts before the grader's, whatever is graded later, and answers a
    request; all are kept, with author and reason.
    """
    from adaptlab.grading.records.feedback import in_a_line

    ledger, sheets = kept_marks(lab, out, folder)
    ledger.decide(student, sheets[0].lab, exercise, points, reason, author)
    write_pages(ledger, sheets[0].lab, out)
    print(
        f"{in_a_line(student)}, {exercise}: {points:g}, by {in_a_line(author)}; the pages are"
        " written anew."
    )


def grade_worksheet(lab: LabName, out: Out, folder: Folder = Path(".")) -> None:
    """Write one CSV file with all that waits for a person: answers, what points are given for, and
    columns to fill in."""
    from adaptlab.files import write_whole
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.worksheet import to_worksheet

    _, sheets = kept_marks(lab, out, folder)
    path = out / f"{sheets[0].lab}-to-mark.csv"
    write_whole(path, to_worksheet(sheets, read_lab_named(folder, lab)[0]))
    print(path)


def grade_marks(
    worksheet: Annotated[Path, typer.Argument(help="The worksheet, filled in.")],
    lab: LabName,
    out: Out,
    author: Annotated[str, typer.Option(help="Who decides.")],
    folder: Folder = Path("."),
) -> None:
    """Give the marks of a worksheet by hand, all or, where a row is wrong, none."""
    from adaptlab.grading.records.worksheet import read_worksheet

    ledger, sheets = kept_marks(lab, out, folder)
    decisions = read_worksheet(worksheet, sheets)
    for one in decisions:
        ledger.decide(one.student, sheets[0].lab, one.exercise, one.points, one.reason, author)
    write_pages(ledger, sheets[0].lab, out)
    print(f"{len(decisions)} marks by {author}; the pages are written anew.")


def grade_request(
    student: str,
    exercise: str,
    lab: LabName,
    out: Out,
    reason: Annotated[str, typer.Option(help="Why the student asks for a second look.")] = "",
    decline: Annotated[str, typer.Option(help="Why the mark stays; the student reads it.")] = "",
    author: Annotated[str, typer.Option(help="Who declines.")] = "",
    folder: Folder = Path("."),
) -> None:
    """Keep a student's request for a second look at an exercise. A later mark by hand answers it,
    or --decline with --author.
    """
    from adaptlab.grading.records.feedback import in_a_line

    if bool(reason) == bool(decline):
        raise AdaptLabError(
            "Give --reason to keep a request, or --decline and --author to answer one."
        )
    ledger, sheets = kept_marks(lab, out, folder)
    if reason:
        ledger.request(student, sheets[0].lab, exercise, reason)
    else:
        ledger.decline(student, sheets[0].lab, exercise, decline, author)
    write_pages(ledger, sheets[0].lab, out)
    print(f"{in_a_line(student)}, {exercise}: the request is {'kept' if reason else 'declined'}.")
