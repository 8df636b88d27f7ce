"""Marks for other programs: the CSV columns that Canvas, Moodle and Gradescope import. No cell can become a formula of a spreadsheet."""

import csv
import io
import re
from collections.abc import Sequence

from adaptlab.errors import AdaptLabError
from adaptlab.grading.marks import Sheet

FORMULA = ("=", "+", "-", "@", "\t", "\r")
PLATFORM_ID = re.compile(r"^(?P<name>.+)_(?P<id>\d+)$")


def safe(value: str | float) -> str | float:
    """A cell that a spreadsheet shows and does not compute."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _named(student: str) -> tuple[str, str]:
    """Name and number of a student, as the platform's own export wrote them into the file's name."""
    match = PLATFORM_ID.match(student)
    return (match["name"], match["id"]) if match else (student, "")


def _canvas(sheet: Sheet) -> dict:
    name, number = _named(sheet.student)
    return {"Student": name, "ID": number, "SIS User ID": "", "SIS Login ID": "" if number else name, "Section": "", sheet.lab: sheet.points}


def _moodle(sheet: Sheet) -> dict:
    name, number = _named(sheet.student)
    waiting = f"Still to be marked: {', '.join(sheet.waiting)}" if sheet.waiting else ""
    return {
        "Identifier": f"Participant {number}" if number else "",
        "Full name": name,
        "Grade": sheet.points,
        "Maximum grade": sheet.of,
        "Last modified (grade)": "-",  # Moodle takes no file without this column; it writes "-" where there is no grade yet
        "Feedback comments": waiting,
    }


def _gradescope(sheet: Sheet) -> dict:
    name, number = _named(sheet.student)
    row = {"Name": name, "SID": number or name, "Total Score": sheet.points, "Max Points": sheet.of, "Status": "Ungraded" if sheet.waiting else "Graded"}
    return row | {f"{mark.exercise} ({mark.of:g} pts)": "" if mark.points is None else mark.points for mark in sheet.marks}


COLUMNS = {"canvas": _canvas, "moodle": _moodle, "gradescope": _gradescope}


def to_csv(sheets: Sequence[Sheet], platform: str) -> str:
    """The marks as text; the same marks always give the same bytes. An unknown platform is an AdaptLabError."""
    if platform not in COLUMNS:
        raise AdaptLabError(f"There are no columns for {platform!r}; choose one of {', '.join([*COLUMNS, 'nbgrader'])}.")
    rows = [COLUMNS[platform](sheet) for sheet in sheets]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: safe(value) for key, value in row.items()} for row in rows)
    return text.getvalue()
