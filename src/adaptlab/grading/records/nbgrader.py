"""Exchange marks with nbgrader's gradebook, through nbgrader's own API: the grader's marks are
automatic scores, manual marks are manual scores.

Marks that somebody gave in formgrader are not changed. A manual score is written only if the
gradebook has no score, or the score that this module wrote last.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import program_path
from adaptlab.grading.notebook import Lab
from adaptlab.grading.records.marks import Ledger
from adaptlab.grading.records.sheet import Sheet


@dataclass(frozen=True)
class Foreign:
    """A manual score in the gradebook that is not from our ledger, with the comment on its
    answer.
    """

    student: str
    exercise: str
    points: float
    comment: str = ""


def write_gradebook(path: Path, lab: Lab, sheets: Sequence[Sheet], ledger: Ledger) -> list[Foreign]:
    """Write or update a gradebook; repeating it with the same marks changes nothing. Returns the
    manual scores that are not from our ledger, which stay unchanged.

    Raises:
        AdaptLabError: if a submission has a mark for an exercise that the lab no longer has.
    """
    _check_exercises(lab, sheets)
    with _opened(path) as gradebook:
        _write_assignment(gradebook, lab)
        written = ledger.exported(path, lab.name)
        for sheet in sheets:
            _write_submission(gradebook, sheet)
            for mark in sheet.marks:
                _make_comment(gradebook, lab, sheet.student, mark.exercise)
                key = (sheet.student, mark.exercise)
                decided = sheet.manual[mark.exercise][0] if mark.exercise in sheet.manual else None
                _write_grade(
                    _grade(gradebook, lab, *key),
                    sheet.automatic[mark.exercise],
                    decided,
                    written.get(key),
                )
            gradebook.db.commit()
        ledger.note_export(
            path,
            lab.name,
            {
                (sheet.student, name): points
                for sheet in sheets
                for name, (points, *_) in sheet.manual.items()
            },
        )
        return _foreign(gradebook, lab, sheets)


def read_foreign(path: Path, lab: Lab, sheets: Sequence[Sheet]) -> list[Foreign]:
    """Return the manual scores of a gradebook that the ledger does not have.

    Raises:
        AdaptLabError: if there is no gradebook.
    """
    if not path.exists():
        raise AdaptLabError(
            f"There is no gradebook {path}. Run: adaptlab grade export --platform nbgrader"
        )
    _check_exercises(lab, sheets)
    with _opened(path) as gradebook:
        return _foreign(gradebook, lab, sheets)


def read_comments_alone(path: Path, lab: Lab, sheets: Sequence[Sheet]) -> list[tuple[str, str]]:
    """Return (student, exercise) of answers with a comment in formgrader but no manual score. This
    is not a mark, and the instructor should know.
    """
    with _opened(path) as gradebook:
        rows = [(sheet.student, mark.exercise) for sheet in sheets for mark in sheet.marks]
        commented = [row for row in rows if _comment(gradebook, lab, *row)]
        return [row for row in commented if _manual_score(gradebook, lab, *row) is None]


def _check_exercises(lab: Lab, sheets: Sequence[Sheet]) -> None:
    """Raise AdaptLabError if the lab lost an exercise after it was graded: nbgrader has no cell for
    such a mark.
    """
    known = lab.points | lab.by_hand
    for sheet in sheets:
        for mark in sheet.marks:
            if mark.exercise not in known:
                raise AdaptLabError(
                    f"The marks of {sheet.student} contain the exercise {mark.exercise}, which"
                    f" {lab.name} no longer has. Grade the submissions again, then export."
                )


def cell_of(lab: Lab, exercise: str) -> str:
    """Return the name of the cell that has the points of an exercise."""
    return exercise if exercise in lab.by_hand else f"check_{exercise}"


@contextmanager
def _opened(path: Path) -> Iterator:
    try:
        from nbgrader.api import Gradebook, InvalidEntry
        from sqlalchemy.exc import SAWarning, SQLAlchemyError
    except ImportError as error:
        raise AdaptLabError(
            "nbgrader is not installed. Run: pip install 'adaptlab[teach]'"
        ) from error
    # nbgrader runs alembic from the PATH.
    os.environ["PATH"] = program_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings(), Gradebook(f"sqlite:///{path.absolute()}") as gradebook:
            # Warnings about nbgrader's own code.
            warnings.simplefilter("ignore", SAWarning)
            yield gradebook
    except (SQLAlchemyError, InvalidEntry) as error:
        raise AdaptLabError(
            f"{path} is not usable as nbgrader's gradebook ({str(error).splitlines()[0]}). Close"
            " formgrader, or give another file."
        ) from error


def _write_assignment(gradebook, lab: Lab) -> None:
    gradebook.update_or_create_assignment(lab.name)
    gradebook.update_or_create_notebook(lab.name, lab.name)
    for name, points in (lab.points | lab.by_hand).items():
        kind = "markdown" if name in lab.by_hand else "code"
        gradebook.update_or_create_grade_cell(
            cell_of(lab, name), lab.name, lab.name, max_score=points, cell_type=kind
        )
        gradebook.update_or_create_solution_cell(name, lab.name, lab.name)


def _write_submission(gradebook, sheet: Sheet) -> None:
    """Write the student and the submission, with the late penalty in points."""
    received = (
        datetime.fromisoformat(sheet.received).astimezone(UTC).replace(tzinfo=None)
        if sheet.received
        else None
    )
    gradebook.update_or_create_student(sheet.student)
    gradebook.update_or_create_submission(sheet.lab, sheet.student, timestamp=received)
    notebook = gradebook.find_submission_notebook(sheet.lab, sheet.lab, sheet.student)
    notebook.late_submission_penalty = round(
        (1 - sheet.factor) * sum(mark.points or 0 for mark in sheet.marks), 4
    )


def _grade(gradebook, lab: Lab, student: str, exercise: str):
    """Return the row of a grade; create it if the exercise is newer than the submission."""
    from nbgrader.api import Grade, MissingEntry

    try:
        return gradebook.find_grade(cell_of(lab, exercise), lab.name, lab.name, student)
    except MissingEntry:
        cell = gradebook.find_grade_cell(cell_of(lab, exercise), lab.name, lab.name)
        grade = Grade(
            cell_id=cell.id,
            notebook=gradebook.find_submission_notebook(lab.name, lab.name, student),
        )
        gradebook.db.add(grade)
        return grade


def _make_comment(gradebook, lab: Lab, student: str, exercise: str) -> None:
    """Create the row of a comment on an answer. Without the row, formgrader shows a field but does
    not store its text.
    """
    from nbgrader.api import Comment, MissingEntry

    try:
        gradebook.find_comment(exercise, lab.name, lab.name, student)
    except MissingEntry:
        cell = gradebook.find_solution_cell(exercise, lab.name, lab.name)
        notebook = gradebook.find_submission_notebook(lab.name, lab.name, student)
        gradebook.db.add(Comment(cell_id=cell.id, notebook=notebook))


def _comment(gradebook, lab: Lab, student: str, exercise: str) -> str:
    """Return the comment on an answer in formgrader; "" if the gradebook is older and has no row
    for it.
    """
    from nbgrader.api import MissingEntry

    try:
        found = gradebook.find_comment(exercise, lab.name, lab.name, student).manual_comment
    except MissingEntry:
        return ""
    return (found or "").strip()


def _write_grade(
    grade, automatic: float | None, decided: float | None, written: float | None
) -> None:
    """Write both scores of a grade; `written` is the manual score that this module wrote last."""
    moved = grade.auto_score != automatic
    grade.auto_score = automatic
    if grade.manual_score in (None, written):
        grade.manual_score = decided
        grade.needs_manual_grade = automatic is None and decided is None
    # An instructor graded this in formgrader, and the automatic score has changed since. They
    # should look again, as after nbgrader's own autograding.
    elif moved:
        grade.needs_manual_grade = True


def _manual_score(gradebook, lab: Lab, student: str, exercise: str) -> float | None:
    """Return the manual score in the gradebook; None if it does not have the exercise."""
    from nbgrader.api import MissingEntry

    try:
        return gradebook.find_grade(
            cell_of(lab, exercise), lab.name, lab.name, student
        ).manual_score
    except MissingEntry:
        return None


def _foreign(gradebook, lab: Lab, sheets: Sequence[Sheet]) -> list[Foreign]:
    found = []
    for sheet in sheets:
        for mark in sheet.marks:
            manual = _manual_score(gradebook, lab, sheet.student, mark.exercise)
            if manual is None:
                continue
            comment = _comment(gradebook, lab, sheet.student, mark.exercise)
            is_new = comment and comment not in sheet.reasons.get(mark.exercise, [])
            if is_new or manual != sheet.manual.get(mark.exercise, (None,))[0]:
                found.append(Foreign(sheet.student, mark.exercise, manual, comment))
    return found
