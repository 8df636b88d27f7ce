"""Grade submissions in a box, and examine the box."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from adaptlab.cli.grade.options import BoxLevel, LabName, Out, RosterFile
from adaptlab.cli.options import Folder
from adaptlab.errors import AdaptLabError


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
    others = without_notebook(submissions, assignment.name, found)
    _print_owners(found, others, students)
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
    _print_changes(ledger.moved(assignment.name, grader), sheets)
    if failed := [
        sheet.student
        for sheet in sheets
        if any(mark.status == "grader error" for mark in sheet.marks)
    ]:
        _fail(
            f"The grader failed on {', '.join(map(in_a_line, failed))}, without points and without"
            " zeros. Run the command again, or check these submissions."
        )


def _print_owners(found: Sequence, others: Sequence[str], students) -> None:
    """Whose submissions these are, as far as their names say it."""
    from adaptlab.grading.records.feedback import in_a_line

    if others:
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


def _print_changes(moved: Iterable[tuple], sheets: Sequence) -> None:
    """Which marks are others than before, and which need a second look."""
    from adaptlab.grading.records.feedback import in_a_line

    for student, exercise, before, now in moved:
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
