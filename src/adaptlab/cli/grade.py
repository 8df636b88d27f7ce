"""The command line for graders: adaptlab grade SUBMISSIONS, and what becomes of the marks."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import typer.core

from adaptlab.cli.options import Folder
from adaptlab.errors import AdaptLabError


class _RunIfNotNamed(typer.core.TyperGroup):
    """`adaptlab grade FOLDER` is `adaptlab grade run FOLDER`."""

    def parse_args(self, context, args: list[str]) -> list[str]:
        return super().parse_args(
            context,
            args if not args or args[0] in self.commands or args[0] == "--help" else ["run", *args],
        )


grade_app = typer.Typer(
    cls=_RunIfNotNamed,
    no_args_is_help=True,
    help="Grade submissions in a box, and keep, change and hand on their marks.",
)

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


@grade_app.command("run")
def grade_run(
    submissions: Annotated[
        Path, typer.Argument(help="A notebook, a zip, a folder of either, or a platform's export.")
    ],
    lab: LabName,
    out: Out,
    workers: Annotated[
        int, typer.Option(min=1, help="Submissions at a time, on this machine.")
    ] = 2,
    cluster: Annotated[
        str,
        typer.Option(help="Grade on the workers of a Dask cluster: the address of its scheduler."),
    ] = "",
    box: BoxLevel = "",
    due: Annotated[str, typer.Option(help="Deadline, as in 2026-11-30T23:59+01:00.")] = "",
    free_days: Annotated[int, typer.Option(min=0, help="Late days that cost nothing.")] = 0,
    percent_a_day: Annotated[
        float, typer.Option(min=0, max=100, help="What every further day costs.")
    ] = 0,
    roster: RosterFile = None,
    folder: Folder = Path("."),
) -> None:
    """Grade what is not graded yet, and write the pages of feedback. Interrupted, the same command
    goes on; exit status 1 if the grader itself failed.
    """
    from zipfile import is_zipfile

    from adaptlab.grading.recorded import is_recorded

    if is_recorded():
        problem = "This is the students' copy, which has no right answers"
        raise AdaptLabError(f"{problem}. Grade with the course that it was made from.")
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
    if box and not cluster:  # before anything is read: a level that is not here is a sentence
        level(box)
    if box in LOWER:
        print(
            f"note: a box of the level {box} promises less than others; adaptlab grade doctor --box"
            f" {box} says what.",
            file=sys.stderr,
        )
    if (free_days or percent_a_day) and not due:
        raise AdaptLabError(
            "--free-days and --percent-a-day count from a deadline; give all of them with --due."
        )
    assignment, digest = read_lab_named(folder, lab)
    zipped = submissions.suffix.lower() == ".zip" and submissions.is_file()
    if zipped and not is_zipfile(submissions):
        raise AdaptLabError(f"{submissions} is not a zip, or is cut off. Download it again.")
    wanted = files_asked_for(assignment.name)
    found = find_submissions(submissions, assignment.name, wanted, assignment.blanks)
    ledger = Ledger(out / "marks.db")
    grader = grader_of(assignment, digest)
    found = ledger.named_as_before(assignment.name, found)
    if others := without_notebook(submissions, assignment.name, found):
        print(
            "no notebook, so not graded:"
            f" {', '.join(map(in_a_line, others[:20]))}{' …' if len(others) > 20 else ''}",
            file=sys.stderr,
        )
    for one in found:
        if one.unclear:
            says = in_a_line(f"{one.student}. {one.fault}")
            print(f"for you to decide: {says}", file=sys.stderr)
    if nameless := [one.student for one in found if one.owner.is_nameless]:
        print(f"anonymous, so on no roster: {'; '.join(map(in_a_line, nameless))}", file=sys.stderr)
    if students and len(nameless) < len(found):
        for line in students.match(one.owner for one in found).report():
            print(in_a_line(line), file=sys.stderr)
    if late := [one.student for one in found if one.owner.late]:
        print(f"late, as the platform says: {', '.join(map(in_a_line, late))}", file=sys.stderr)
    ledger.note_owners(assignment.name, [one.owner for one in found])
    if due:
        if submissions.suffix.lower() == ".zip" and any(not one.owner.timed for one in found):
            print(
                "note: every submission in a zip counts as received at the time of the zip's own"
                " file, which may be that of your download.",
                file=sys.stderr,
            )
        ledger.set_policy(assignment.name, Policy(_utc(due), free_days, percent_a_day))
    with worker_pool_of(workers, cluster) as worker_pool:
        n = grade_all(found, assignment, grader, ledger, worker_pool, box=box)

        def measure() -> str:
            print(
                "running the lab's experiment with its solution, for the pages …", file=sys.stderr
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
                "marked by hand before this submission came, look again:"
                f" {in_a_line(sheet.student)}, {', '.join(sheet.outdated)}"
            )
    if failed := [
        sheet.student
        for sheet in sheets
        if any(mark.status == "grader error" for mark in sheet.marks)
    ]:
        _fail(
            f"The grader failed with {', '.join(map(in_a_line, failed))}: no points and no zeros"
            " were given. Run the command again, or look there."
        )


@grade_app.command("show")
def grade_show(lab: LabName, out: Out, folder: Folder = Path(".")) -> None:
    """Print the present marks, what waits for a person, and who asks for a second look."""
    from adaptlab.grading.records.feedback import in_a_line

    for sheet in _kept(lab, out, folder)[1]:
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


@grade_app.command("mark")
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

    ledger, sheets = _kept(lab, out, folder)
    ledger.decide(student, sheets[0].lab, exercise, points, reason, author)
    _write_pages(ledger, sheets[0].lab, out)
    print(
        f"{in_a_line(student)}, {exercise}: {points:g}, by {in_a_line(author)}; the pages are"
        " written anew."
    )


@grade_app.command("worksheet")
def grade_worksheet(lab: LabName, out: Out, folder: Folder = Path(".")) -> None:
    """Write one CSV file with all that waits for a person: answers, what points are given for, and
    columns to fill in."""
    from adaptlab.files import write_whole
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.worksheet import to_worksheet

    _, sheets = _kept(lab, out, folder)
    path = out / f"{sheets[0].lab}-to-mark.csv"
    write_whole(path, to_worksheet(sheets, read_lab_named(folder, lab)[0]))
    print(path)


@grade_app.command("marks")
def grade_marks(
    worksheet: Annotated[Path, typer.Argument(help="The worksheet, filled in.")],
    lab: LabName,
    out: Out,
    author: Annotated[str, typer.Option(help="Who decides.")],
    folder: Folder = Path("."),
) -> None:
    """Give the marks of a worksheet by hand, all or, where a row is wrong, none."""
    from adaptlab.grading.records.worksheet import read_worksheet

    ledger, sheets = _kept(lab, out, folder)
    decisions = read_worksheet(worksheet, sheets)
    for one in decisions:
        ledger.decide(one.student, sheets[0].lab, one.exercise, one.points, one.reason, author)
    _write_pages(ledger, sheets[0].lab, out)
    print(f"{len(decisions)} marks by {author}; the pages are written anew.")


@grade_app.command("request")
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
    ledger, sheets = _kept(lab, out, folder)
    if reason:
        ledger.request(student, sheets[0].lab, exercise, reason)
    else:
        ledger.decline(student, sheets[0].lab, exercise, decline, author)
    _write_pages(ledger, sheets[0].lab, out)
    print(f"{in_a_line(student)}, {exercise}: the request is {'kept' if reason else 'declined'}.")


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
    """Write the marks as the CSV file that a platform imports, or into nbgrader's gradebook."""
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
                f"kept as formgrader has it: {in_a_line(kept.student)}, {kept.exercise}:"
                f" {kept.points:g}"
            )
        released = (folder / "labs" / f"{sheets[0].lab}.ipynb").read_bytes()
        config = write_course(path, sheets[0].lab, released, sheets)
        print(
            f"formgrader's course: {config.parent}; mark there by:"
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
                says = "anonymous, so Canvas takes no marks from this file for them"
                print(f"{says}: {'; '.join(map(in_a_line, nameless))}", file=sys.stderr)
        write_whole(path, text)
        if waiting := sum(bool(sheet.waiting) for sheet in sheets):
            print(
                f"note: {waiting} of {len(sheets)} students have exercises without a mark, which"
                " count nothing in this file.",
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
    """Write the pages of feedback as the zip that a platform takes back, for the whole class."""
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
    author: Annotated[str, typer.Option(help="Who marked in formgrader.")],
    gradebook: Gradebook = None,
    folder: Folder = Path("."),
) -> None:
    """Take the marks that somebody gave in nbgrader's formgrader into the ledger, as marks by hand.

    The comment below an answer is the reason that the student reads.
    """
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.feedback import in_a_line
    from adaptlab.grading.records.nbgrader import read_comments_alone, read_foreign

    ledger, sheets = _kept(lab, out, folder)
    name = sheets[0].lab
    path = gradebook or out / "gradebook.db"
    assignment = read_lab_named(folder, lab)[0]
    for found in read_foreign(path, assignment, sheets):
        reason = found.comment or "marked in nbgrader's formgrader"
        ledger.decide(found.student, name, found.exercise, found.points, reason, author)
        print(f"{in_a_line(found.student)}, {found.exercise}: {found.points:g}")
    for student, exercise in read_comments_alone(path, assignment, sheets):
        says = "a comment without points is no mark. Give points beside it, and import again."
        print(f"{in_a_line(student)}, {exercise}: {says}", file=sys.stderr)
    _write_pages(ledger, name, out)


@grade_app.command("doctor")
def grade_doctor(box: BoxLevel = "", folder: Folder = Path(".")) -> None:
    """Try to break out of this machine's box, in every way that is known here. Exit status 1 if it
    does not keep what it promises.
    """
    from adaptlab.grading.records.feedback import in_a_line
    from adaptlab.grading.sandbox.levels import level
    from adaptlab.grading.sandbox.self_check import examine_all

    tried = level(box)
    print(f"level: {tried}")
    findings = []
    for finding in examine_all(folder.resolve(), tried):
        findings.append(finding)
        said = finding.verdict if finding.promised else "not promised"
        what = f" ({in_a_line(finding.what)[:100]})" if finding.what else ""
        print(f"{finding.probe.name:24} {said:13} {finding.probe.promise}{what}", flush=True)
    if broken := [finding.probe.name for finding in findings if finding.broken]:
        _fail(
            f"This machine's box does not keep what it promises ({', '.join(broken)}): grade"
            " nobody's notebook here until it does."
        )
    print(f"The box keeps all of its {sum(finding.promised for finding in findings)} promises.")


def _fail(sentence: str) -> NoReturn:
    print(f"adaptlab: {sentence}", file=sys.stderr)
    raise typer.Exit(1)


def _kept(lab: str, out: Path, folder: Path) -> tuple:
    """The ledger in a folder, and the marks of a lab in it; an AdaptLabError if there are none."""
    from adaptlab.grading.batch import read_lab_named
    from adaptlab.grading.records.marks import Ledger

    name = read_lab_named(folder, lab)[0].name
    ledger = Ledger(out / "marks.db")
    if not ledger.path.exists() or not (sheets := ledger.sheets(name)):
        raise AdaptLabError(
            f"{out} holds no marks for {name}; run: adaptlab grade SUBMISSIONS --lab {lab} --out"
            f" {out}"
        )
    return ledger, sheets


def _write_pages(ledger, lab: str, out: Path) -> None:
    """The pages of feedback anew, after a person's decision."""
    from adaptlab.grading.records.feedback import write_feedback

    write_feedback(ledger.sheets(lab), out / "feedback", ledger.last_measured(lab))


def _points(points: float | None) -> str:
    return "no mark" if points is None else f"{points:g}"


def _utc(due: str) -> str:
    from datetime import UTC

    try:
        moment = datetime.fromisoformat(due)
        if moment.tzinfo is None:
            raise AdaptLabError(
                f"{due} lacks its zone, without which nobody knows when that is; write it as in"
                " 2026-11-30T23:59+01:00."
            )
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise AdaptLabError(
            f"{due!r} is no time; write it as in 2026-11-30T23:59+01:00."
        ) from error
