"""Export marks for other programs: the CSV columns that learning platforms import, or a plain
table.

No exported cell can become a spreadsheet formula. A platform imports its own file most reliably: if
it is given, its rows are kept, and the marks are written into them.
"""

import csv
import io
from collections.abc import Sequence

from adaptlab.errors import AdaptLabError
from adaptlab.grading.records.sheet import Sheet
from adaptlab.grading.submissions.naming import Person
from adaptlab.grading.submissions.roster import Entry, Roster

# The last four are full-width characters, as Japanese keyboards write them.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
CANVAS_STUDENT = (
    "Student",
    "LastName",
    "FirstName",
    "ID",
    "SIS User ID",
    "SIS Login ID",
    "Integration ID",
    "Root Account",
    "Section",
)
BRIGHTSPACE_STUDENT = ("OrgDefinedId", "Username")
BLACKBOARD_STUDENT = ("Last Name", "First Name", "Username", "Student ID")
END_OF_LINE = "End-of-Line Indicator"  # Brightspace's last column, with a # in every row
MOODLE_NEEDS = ("Identifier", "Grade", "Last modified (grade)")


def safe(value: str | float) -> str | float:
    """Escape a cell, so that a spreadsheet shows it and does not evaluate it."""
    text = value if isinstance(value, str) and len(value) > 1 else ""
    computed = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{value}" if computed else value


def _people(sheet: Sheet) -> tuple[Person, ...]:
    """Return the people who get these marks, as their platform knows them: each member of a
    group.
    """
    return sheet.owner.people or (Person(sheet.student),)


def _canvas(sheet: Sheet, person: Person) -> dict:
    """Return one row. Canvas looks up a student by ID, then by login, then by name."""
    login = "" if person.number else person.name
    who = {"Student": person.name, "ID": person.number, "SIS User ID": "", "SIS Login ID": login}
    return who | {"Section": "", sheet.lab: sheet.points}


def _waiting(sheet: Sheet) -> str:
    return f"Not graded yet: {', '.join(sheet.waiting)}" if sheet.waiting else ""


def _moodle(sheet: Sheet, person: Person) -> dict:
    return {
        "Identifier": f"Participant {person.number}" if person.number else "",
        "Full name": person.name,
        "Grade": sheet.points,
        "Maximum grade": sheet.of,
        # Moodle rejects a file without this column; it writes "-" for a missing grade.
        "Last modified (grade)": "-",
        "Feedback comments": _waiting(sheet),
    }


def _gradescope(sheet: Sheet, person: Person) -> dict:
    status = "Ungraded" if sheet.waiting else "Graded"
    who = {"Name": person.name, "SID": person.number or person.name, "Email": person.email}
    row = who | {"Total Score": sheet.points, "Max Points": sheet.of, "Status": status}
    return row | {
        f"{mark.exercise} ({mark.of:g} pts)": "" if mark.points is None else mark.points
        for mark in sheet.marks
    }


def _table(sheet: Sheet, person: Person) -> dict:
    """Return one row for further calculations: everything that `adaptlab grade show` prints, in
    columns.
    """
    who = {
        "Student": sheet.student,
        "Name": person.name,
        "Number": person.number,
        "Email": person.email,
    }
    row = who | {"Points": sheet.points, "Of": sheet.of, "Days late": sheet.days_late}
    row |= {"To be marked": ", ".join(sheet.waiting)}
    return row | {mark.exercise: "" if mark.points is None else mark.points for mark in sheet.marks}


COLUMNS = {"canvas": _canvas, "moodle": _moodle, "gradescope": _gradescope, "table": _table}
BY_ROSTER = {"brightspace": "exported grades", "blackboard": "downloaded gradebook"}
PLATFORMS = (*COLUMNS, *BY_ROSTER, "nbgrader")


def to_csv(sheets: Sequence[Sheet], platform: str) -> str:
    """Return the marks as CSV text. The same marks always give the same text.

    Raises:
        AdaptLabError: if the platform is unknown or only imports its own file.
    """
    if file := BY_ROSTER.get(platform):
        says = f"{platform.title()} only imports marks in its own file"
        raise AdaptLabError(f"{says}. Give its {file} as --roster.")
    if platform not in COLUMNS:
        raise AdaptLabError(
            f"The platform {platform!r} is unknown. Use one of {', '.join(PLATFORMS)}."
        )
    rows = [COLUMNS[platform](sheet, person) for sheet in sheets for person in _people(sheet)]
    return _written(list(rows[0]), rows)


def into_roster(sheets: Sequence[Sheet], platform: str, roster: Roster) -> tuple[str, list[str]]:
    """Return a platform's own file with the marks in it, and the students that have no row
    there.
    """
    by_student = {sheet.student: sheet for sheet in sheets}
    matched = roster.match(sheet.owner for sheet in sheets)
    marked = {entry: by_student[all_of[-1]] for entry, all_of in matched.found.items() if all_of}
    columns, fill = _form_of(platform, roster, sheets[0].lab)
    rows = [fill(entry, sheet) for entry, sheet in marked.items()]
    return _written(columns, rows), list(matched.unknown)


def _form_of(platform: str, roster: Roster, lab: str):
    """Return the columns that a platform imports, and a function that fills a row.

    Raises:
        AdaptLabError: if the file is not the platform's, or if the platform has no such file.
    """
    if platform == "canvas":
        kept = [column for column in roster.columns if column in CANVAS_STUDENT]
        if not {"ID", "Section"} <= set(kept):
            says = "The roster is not Canvas's gradebook: it lacks the columns ID and Section."
            raise AdaptLabError(f"{says} Export the gradebook and give that file.")
        columns = [*kept, assignment := _titled(roster, lab) or lab]
        return columns, lambda entry, sheet: _cells(entry, kept) | {assignment: sheet.points}
    if platform == "brightspace":
        kept = [column for column in roster.columns if column in BRIGHTSPACE_STUDENT]
        if not kept:
            says = (
                "The roster is not Brightspace's: it lacks the columns OrgDefinedId and Username."
            )
            raise AdaptLabError(f"{says} Export the grades with both as key and give that file.")
        item = _titled(roster, lab, "pointsgrade") or f"{lab} Points Grade"
        columns = [*kept, item, END_OF_LINE]
        end = {END_OF_LINE: "#"}
        return columns, lambda entry, sheet: _cells(entry, kept) | {item: sheet.points} | end
    if platform == "blackboard":
        kept = [column for column in roster.columns if column in BLACKBOARD_STUDENT]
        column = _titled(roster, lab)
        if "Username" not in kept or not column:
            says = f"The roster is not Blackboard's gradebook with a column for {lab[:5]}."
            fix = f"Add a column with {lab[:5]} in its name and download the gradebook again."
            raise AdaptLabError(f"{says} {fix}")
        return [*kept, column], lambda entry, sheet: _cells(entry, kept) | {column: sheet.points}
    if platform == "moodle":
        if missing := [column for column in MOODLE_NEEDS if column not in roster.columns]:
            raise AdaptLabError(
                f"The roster is not Moodle's grading worksheet: it lacks {', '.join(missing)}. "
                "Download it in English from the page of the assignment's submissions."
            )
        columns = list(roster.columns)
        return columns, lambda entry, sheet: _cells(entry, columns) | _graded(columns, sheet)
    those = "Canvas, Moodle, Brightspace or Blackboard"
    says = f"--roster is only for files of {those}, not for {platform!r}."
    raise AdaptLabError(f"{says} Omit --roster.")


def _titled(roster: Roster, lab: str, also: str = "") -> str:
    """Return the column of a lab, with `lab 04` or `Lab04` in its title; "" if it is missing."""
    bare = {column.casefold().replace(" ", ""): column for column in roster.columns}
    return next(
        (column for title, column in bare.items() if lab[:5] in title and also in title), ""
    )


def _graded(columns: Sequence[str], sheet: Sheet) -> dict:
    """Return the cells of a Moodle row that the marks change."""
    comments = sheet.waiting and "Feedback comments" in columns
    told = {"Feedback comments": _waiting(sheet)} if comments else {}
    return {"Grade": sheet.points} | told


def _cells(entry: Entry, columns: Sequence[str]) -> dict:
    return {column: entry.row.get(column, "") for column in columns}


def _written(columns: Sequence[str], rows: Sequence[dict]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: safe(value) for key, value in row.items()} for row in rows)
    return text.getvalue()
