"""A worksheet: one CSV file with all answers that need manual grading, to be filled in and read
back.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptlab.delimiter import guess_delimiter
from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text
from adaptlab.grading.notebook import Lab
from adaptlab.grading.records.export import safe
from adaptlab.grading.records.feedback import visible
from adaptlab.grading.records.sheet import Sheet

COLUMNS = ("student", "exercise", "of", "points", "reason", "answer", "rubric")
NEEDED = COLUMNS[:2] + COLUMNS[3:5]
LONGEST = 30_000  # characters of a cell: a spreadsheet would split a longer one
RUBRIC = "A person marks this"  # start of the rubric in the text of a lab


@dataclass(frozen=True)
class Decision:
    """A manual mark for an exercise, and the reason."""

    student: str
    exercise: str
    points: float
    reason: str


def to_worksheet(sheets: Sequence[Sheet], lab: Lab) -> str:
    """Return a worksheet with a row for each missing mark, with the answer and the rubric."""
    made = io.StringIO()
    writer = csv.DictWriter(made, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for sheet in sheets:
        for mark in sheet.marks:
            if mark.exercise in sheet.waiting:
                row = (
                    sheet.student,
                    mark.exercise,
                    f"{mark.of:g}",
                    "",
                    "",
                    visible(sheet.answers.get(mark.exercise, "")),
                    rubric(lab, mark.exercise),
                )
                writer.writerow({name: safe(cell[:LONGEST]) for name, cell in zip(COLUMNS, row)})
    return made.getvalue()


def rubric(lab: Lab, exercise: str) -> str:
    """Return the rubric of a manually graded answer, from the text above it."""
    found = ""
    for cell in lab.cells:
        if cell.name == exercise:
            return found if exercise in lab.by_hand else ""
        if RUBRIC in cell.source:
            found = cell.source[cell.source.index(RUBRIC) :].strip(" *\n").replace("\n", " ")
    return found


def read_worksheet(path: Path, sheets: Sequence[Sheet]) -> list[Decision]:
    """Read the rows with points. If one row is wrong, none is used.

    Raises:
        AdaptLabError: if a column is missing, or if a row is wrong.
    """
    text = read_text(path).removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text, ""), delimiter=guess_delimiter(text)))
    columns = rows[0] if rows else {}
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        problem = f"{path} has no column {missing[0]!r}"
        raise AdaptLabError(f"{problem}. Make a worksheet with: adaptlab grade worksheet")
    known = {(sheet.student, mark.exercise): mark.of for sheet in sheets for mark in sheet.marks}
    filled = [(line, row) for line, row in enumerate(rows, 2) if (row["points"] or "").strip()]
    return [_decision(path, line, row, known) for line, row in filled]


def _decision(path: Path, line: int, row: dict, known: dict[tuple[str, str], float]) -> Decision:
    student, exercise = (_plain(row[name]) for name in ("student", "exercise"))
    if (student, exercise) not in known:
        problem = f"{path}, line {line}: {student!r} has no graded exercise {exercise!r}"
        raise AdaptLabError(f"{problem}. Do not change these columns.")
    try:
        points = float(row["points"].replace(",", "."))
    except ValueError:
        points = math.nan
    most = known[student, exercise]
    if not 0 <= points <= most:
        problem = f"{path}, line {line}: {row['points']!r} is not a number from 0 to {most:g}"
        raise AdaptLabError(f"{problem}. Correct the points of {student!r}.")
    reason = (row["reason"] or "").strip()
    if not reason:
        problem = f"{path}, line {line} has points and no reason"
        raise AdaptLabError(f"{problem}. Write the reason that the student will read.")
    return Decision(student, exercise, points, reason)


def _plain(cell: str | None) -> str:
    return (cell or "").removeprefix("'")
