"""The command line for graders: adaptlab grade SUBMISSIONS, and commands for the marks."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import typer.core

from adaptlab.cli.options import Folder
from adaptlab.errors import AdaptLabError


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


@grade_app.command("run")
def grade_run(
    submissions: Annotated[
        Path, typer.Argument(help="A notebook, a zip, a folder of either, or a platform's export.")
    ],
    lab: LabName,
    out: Out,
    workers: Annotated[
        int, typer.Option(min=1, help="Number of submissions graded in parallel on this machine.")
    ] = 2,
    cluster: Annotated[
        str,
        typer.Option(help="Address of a Dask scheduler, to grade on the workers of its cluster."),
    ] = "",
    box: BoxLevel = "",
    due: Annotated[str, typer.Option(help="Deadline, for example 2026-11-30T23:59+01:00.")] = "",
    free_days: Annotated[
        int, typer.Option(min=0, help="Number of late days without a penalty.")
    ] = 0,
    percent_a_day: Annotated[
        float, typer.Option(min=0, max=100, help="Penalty for each further late day, in percent.")
    ] = 0,
    roster: RosterFile = None,
    folder: Folder = Path("."),
) -> None:
    """Grade the submissions without marks, and write the feedback pages.

    After an interruption, run the same command again to resume. Exit status 1 if the grader itself
    failed.
    """
    from zipfile import is_zipfile

    from adaptlab.grading.recorded import is_recorded

    if is_recorded():
        problem = "This is the students' copy, without the reference answers"
        raise AdaptLabError(f"{problem}. Grade with the instructor's copy of the course.")
    from adaptlab.grading.batch import (
        files_asked_for,
        grade_all,
        grader_of,
        measured_by_solution,
        read_lab_named,
    )
    from adaptlab.grading.records.feedback import in_a_line, write_feedback
    from adaptlab.grading.records.marks import Ledger
    from adaptlab.grading.records.sheet import Policy
    from adaptlab.grading.sandbox.levels import LOWER, level
    from adaptlab.grading.submissions.find import find_submissions, without_notebook
    from adaptlab.grading.submissions.roster import read_roster
    from adaptlab.grading.worker_pool import worker_pool_of

    students = read_roster(roster) if roster else None
    if box and not cluster:  # raises early if the level is not available
        level(box)
    if box in LOWER:
        print(
            f"note: the sandbox level {box} guarantees less than others; `adaptlab grade doctor"
            f" --box {box}` shows the difference.",
            file=sys.stderr,
        )
    if (free_days or percent_a_day) and not due:
        raise AdaptLabError("--free-days and --percent-a-day need a deadline. Give --due, too.")
    assignment, digest = read_lab_named(folder, lab)
    zipped = submissions.suffix.lower() == ".zip" and submissions.is_file()
    if zipped and not is_zipfile(submissions):
        raise AdaptLabError(f"{submissions} is not a complete zip. Download it again.")
    wanted = files_asked_for(assignment.name)
    found = find_submissions(submissions, assignment.name, wanted, assignment.blanks)
    ledger = Ledger(out / "marks.db")
    grader = grader_of(assignment, digest)
    found = ledger.named_as_before(assignment.name, found)
    if others := without_notebook(submissions, assignment.name, found):
        print(
            "not graded, because without a notebook:"
            f" {', '.join(map(in_a_line, others[:20]))}{' …' if len(others) > 20 else ''}",
            file=sys.stderr,
        )
    for one in found:
        if one.unclear:
            says = in_a_line(f"{one.student}. {one.fault}")
            print(f"for manual grading: {says}", file=sys.stderr)
    if nameless := [one.student for one in found if one.owner.is_nameless]:
        print(
            f"anonymous, so not on a roster: {'; '.join(map(in_a_line, nameless))}", file=sys.stderr
        )
    if students and len(nameless) < len(found):
        for line in students.match(one.owner for one in found).report():
            print(in_a_line(line), file=sys.stderr)
    if late := [one.student for one in found if one.owner.late]:
        print(
            f"late, according to the platform: {', '.join(map(in_a_line, late))}", file=sys.stderr
        )
    ledger.note_owners(assignment.name, [one.owner for one in found])
    if due:
        if submissions.suffix.lower() == ".zip" and any(not one.owner.timed for one in found):
            print(
                "note: the submissions in a zip have no times of their own. The file time of the"
                " zip"
                " counts for all; it may be the time of your download.",
                file=sys.stderr,
            )
        ledger.set_policy(assignment.name, Policy(_utc(due), free_days, percent_a_day))
    with worker_pool_of(workers, cluster) as worker_pool:
        n = grade_all(found, assignment, grader, ledger, worker_pool, box=box)

        def measure() -> str:
            print(
                "running the lab's experiment with its solution, for the feedback …",
                file=sys.stderr,
            )
            return measured_by_solution(assignment, folder, worker_pool, box)

        measured = ledger.measured(assignment.name, grader, measure)
    sheets = ledger.sheets(assignment.name)
    write_feedback(sheets, out / "feedback", measured)
    print(
        f"{n} of {len(found)} submissions graded now; marks: {out / 'marks.db'}, pages:"
        f" {out / 'feedback' / 'class.html'}"
    )
    for student, exercise, before, now in ledger.moved(assignment.name, grader):
        print(
            f"changed: {in_a_line(student)}, {exercise}: {_points(before)} before,"
            f" {_points(now)} now"
        )
    for sheet in sheets:
        if sheet.outdated:
            print(
                "graded manually before this submission; check again:"
                f" {in_a_line(sheet.student)}, {', '.join(sheet.outdated)}"
            )
    if failed := [
        sheet.student
        for sheet in sheets
        if any(mark.status == "grader error" for mark in sheet.marks)
    ]:
        _fail(
            f"The grader failed on {', '.join(map(in_a_line, failed))}, without points and without"
            " zeros. Run the command again, or check these submissions."
        )


@grade_app.command("show")
def grade_show(lab: LabName, out: Out, folder: Folder = Path(".")) -> None:
    """Print the current marks, missing marks, and requests for a second look."""
    from adaptlab.grading.records.feedback import in_a_line

    for sheet in _kept(lab, out, folder)[1]:
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


@grade_app.command("mark")
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

    ledger, sheets = _kept(lab, out, folder)
    ledger.decide(student, sheets[0].lab, exercise, points, reason, author)
    _write_pages(ledger, sheets[0].lab, out)
    print(
        f"{in_a_line(student)}, {exercise}: {points:g}, by {in_a_line(author)}; the feedback pages"
        " are updated."
    )


@grade_app.command("worksheet")
def grade_worksheet(lab: LabName, out: Out, folder: Folder = Path(".")) -> None:
    """Write one CSV file with all answers that need manual grading, their rubrics, and columns to
    fill in.
    """
    from adaptlab.files import write_whole
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.worksheet import to_worksheet

    _, sheets = _kept(lab, out, folder)
    path = out / f"{sheets[0].lab}-to-mark.csv"
    write_whole(path, to_worksheet(sheets, read_lab_named(folder, lab)[0]))
    print(path)


@grade_app.command("marks")
def grade_marks(
    worksheet: Annotated[Path, typer.Argument(help="The filled-in worksheet.")],
    lab: LabName,
    out: Out,
    author: Annotated[str, typer.Option(help="Name of the instructor.")],
    folder: Folder = Path("."),
) -> None:
    """Read manual marks from a worksheet. If one row is wrong, no mark is changed."""
    from adaptlab.grading.records.worksheet import read_worksheet

    ledger, sheets = _kept(lab, out, folder)
    decisions = read_worksheet(worksheet, sheets)
    for one in decisions:
        ledger.decide(one.student, sheets[0].lab, one.exercise, one.points, one.reason, author)
    _write_pages(ledger, sheets[0].lab, out)
    print(f"{len(decisions)} marks by {author}; the feedback pages are updated.")


@grade_app.command("request")
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
    ledger, sheets = _kept(lab, out, folder)
    if reason:
        ledger.request(student, sheets[0].lab, exercise, reason)
    else:
        ledger.decline(student, sheets[0].lab, exercise, decline, author)
    _write_pages(ledger, sheets[0].lab, out)
    print(f"{in_a_line(student)}, {exercise}: the request is {'stored' if reason else 'declined'}.")


@grade_app.command("export")
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

    ledger, sheets = _kept(lab, out, folder)
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


@grade_app.command("feedback")
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

    ledger, sheets = _kept(lab, out, folder)
    _write_pages(ledger, sheets[0].lab, out)
    content, others = feedback_zip(sheets, out / "feedback", platform)
    path = out / f"{sheets[0].lab}-{platform}-feedback.zip"
    write_whole(path, [content])
    if others:
        names = ", ".join(map(in_a_line, others))
        print(f"not from {platform}, so not in the zip: {names}", file=sys.stderr)
    print(path)


@grade_app.command("import")
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

    ledger, sheets = _kept(lab, out, folder)
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
    _write_pages(ledger, name, out)


@grade_app.command("doctor")
def grade_doctor(box: BoxLevel = "", folder: Folder = Path(".")) -> None:
    """Test this machine's sandbox with all known attacks. Exit status 1 if it breaks a
    guarantee.
    """
    from adaptlab.grading.records.feedback import in_a_line
    from adaptlab.grading.sandbox.levels import level
    from adaptlab.grading.sandbox.self_check import examine_all

    tried = level(box)
    print(f"level: {tried}")
    findings = []
    for finding in examine_all(folder.resolve(), tried):
        findings.append(finding)
        said = finding.verdict if finding.promised else "no guarantee"
        what = f" ({in_a_line(finding.what)[:100]})" if finding.what else ""
        print(f"{finding.probe.name:24} {said:13} {finding.probe.promise}{what}", flush=True)
    if broken := [finding.probe.name for finding in findings if finding.broken]:
        _fail(
            f"This machine's sandbox breaks its guarantees ({', '.join(broken)}). Do not grade"
            " other people's notebooks here until this is fixed."
        )
    n = sum(finding.promised for finding in findings)
    print(f"The sandbox keeps all of its {n} guarantees.")


def _fail(sentence: str) -> NoReturn:
    print(f"adaptlab: {sentence}", file=sys.stderr)
    raise typer.Exit(1)


def _kept(lab: str, out: Path, folder: Path) -> tuple:
    """Return the ledger in a folder, and the sheets of a lab in it.

    Raises:
        AdaptLabError: if they are missing.
    """
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.marks import Ledger

    name = read_lab_named(folder, lab)[0].name
    ledger = Ledger(out / "marks.db")
    if not ledger.path.exists() or not (sheets := ledger.sheets(name)):
        raise AdaptLabError(
            f"{out} holds no marks for {name}. Run: adaptlab grade SUBMISSIONS --lab {lab} --out"
            f" {out}"
        )
    return ledger, sheets


def _write_pages(ledger, lab: str, out: Path) -> None:
    """Update the feedback pages after a manual mark or an answer to a request."""
    from adaptlab.grading.records.feedback import write_feedback

    write_feedback(ledger.sheets(lab), out / "feedback", ledger.last_measured(lab))


def _points(points: float | None) -> str:
    return "no mark" if points is None else f"{points:g}"


def _utc(due: str) -> str:
    from datetime import UTC

    try:
        moment = datetime.fromisoformat(due)
        if moment.tzinfo is None:
            raise AdaptLabError(f"{due} has no time zone. Write it as in 2026-11-30T23:59+01:00.")
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise AdaptLabError(
            f"{due!r} is not a time. Write it as in 2026-11-30T23:59+01:00."
        ) from error
