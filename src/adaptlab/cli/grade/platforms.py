"""The marks and pages for a platform, and back from nbgrader's formgrader."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from adaptlab.cli.grade.kept import kept_marks, write_pages
from adaptlab.cli.grade.options import PLATFORM_FILE, Gradebook, LabName, Out
from adaptlab.cli.options import Folder


def grade_export(
    lab: LabName,
    out: Out,
    platform: Annotated[
        str,
        typer.Option(
            help="canvas, moodle, gradescope, brightspace, blackboard, nbgrader, or table."
        ),
    ] = "canvas",
    gradebook: Gradebook = None,
    roster: Annotated[Path | None, typer.Option(help=PLATFORM_FILE)] = None,
    folder: Folder = Path("."),
) -> None:
    """Write the marks into the CSV file that a platform imports, or into nbgrader's gradebook."""
    from adaptlab.files import write_whole
    from adaptlab.grading.records.export import into_roster, to_csv
    from adaptlab.grading.records.feedback import in_a_line
    from adaptlab.grading.submissions.roster import read_roster

    ledger, sheets = kept_marks(lab, out, folder)
    path = out / f"{sheets[0].lab}-{platform}.csv"
    if platform == "nbgrader":
        from adaptlab.grading.batch import read_lab_named
        from adaptlab.grading.records.formgrader import OPEN, write_course
        from adaptlab.grading.records.nbgrader import write_gradebook

        path = gradebook or out / "gradebook.db"
        for kept in write_gradebook(path, read_lab_named(folder, lab)[0], sheets, ledger):
            print(
                f"not changed, graded in formgrader: {in_a_line(kept.student)}, {kept.exercise}:"
                f" {kept.points:g}"
            )
        released = (folder / "labs" / f"{sheets[0].lab}.ipynb").read_bytes()
        config = write_course(path, sheets[0].lab, released, sheets)
        print(
            f"formgrader's course: {config.parent}; to grade there, run:"
            f" {OPEN.format(folder=config.parent)}"
        )
    else:
        if roster:
            text, unknown = into_roster(sheets, platform, read_roster(roster))
            if unknown:
                names = ", ".join(map(in_a_line, unknown))
                print(f"not on the roster, so not in the file: {names}", file=sys.stderr)
        else:
            text = to_csv(sheets, platform)
            if nameless := [
                sheet.student
                for sheet in sheets
                if platform == "canvas" and sheet.owner.is_nameless
            ]:
                says = "anonymous, so Canvas cannot import their marks from this file"
                print(f"{says}: {'; '.join(map(in_a_line, nameless))}", file=sys.stderr)
        write_whole(path, text)
        if waiting := sum(bool(sheet.waiting) for sheet in sheets):
            print(
                f"note: {waiting} of {len(sheets)} students have exercises without a mark, which"
                " count 0 in this file.",
                file=sys.stderr,
            )
    print(path)


def grade_feedback(
    lab: LabName,
    out: Out,
    platform: Annotated[str, typer.Option(help="moodle, canvas or brightspace.")],
    folder: Folder = Path("."),
) -> None:
    """Write the feedback pages of the whole class into the zip that a platform imports."""
    from adaptlab.files import write_whole
    from adaptlab.grading.records.feedback import in_a_line
    from adaptlab.grading.records.returns import feedback_zip

    ledger, sheets = kept_marks(lab, out, folder)
    write_pages(ledger, sheets[0].lab, out)
    content, others = feedback_zip(sheets, out / "feedback", platform)
    path = out / f"{sheets[0].lab}-{platform}-feedback.zip"
    write_whole(path, [content])
    if others:
        names = ", ".join(map(in_a_line, others))
        print(f"not from {platform}, so not in the zip: {names}", file=sys.stderr)
    print(path)


def grade_import(
    lab: LabName,
    out: Out,
    author: Annotated[str, typer.Option(help="Name of the instructor who used formgrader.")],
    gradebook: Gradebook = None,
    folder: Folder = Path("."),
) -> None:
    """Import marks from nbgrader's formgrader into the ledger, as manual marks.

    The comment below an answer becomes the reason that the student reads.
    """
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.feedback import in_a_line
    from adaptlab.grading.records.nbgrader import read_comments_alone, read_foreign

    ledger, sheets = kept_marks(lab, out, folder)
    name = sheets[0].lab
    path = gradebook or out / "gradebook.db"
    assignment = read_lab_named(folder, lab)[0]
    for found in read_foreign(path, assignment, sheets):
        reason = found.comment or "graded in nbgrader's formgrader"
        ledger.decide(found.student, name, found.exercise, found.points, reason, author)
        print(f"{in_a_line(found.student)}, {found.exercise}: {found.points:g}")
    for student, exercise in read_comments_alone(path, assignment, sheets):
        says = "the comment has no points. Add points in formgrader, and import again."
        print(f"{in_a_line(student)}, {exercise}: {says}", file=sys.stderr)
    write_pages(ledger, name, out)
