"""Feedback pages: one for each student, one for the class. All text from students is escaped; the
pages run no code and load nothing.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from adaptlab.files import write_whole
from adaptlab.grading.exercise import MEASURED, REST
from adaptlab.grading.grade import Mark
from adaptlab.grading.records.sheet import Sheet
from adaptlab.grading.submissions.naming import can_be_seen

# Two answers are listed as similar from this percentage of equal characters, if both have at least
# LONG characters.
ALIKE = 95
LONG = 300
LONGEST = 20_000  # number of characters of an answer that are compared
TEMPLATES = Path(__file__).parents[1] / "templates"


def write_feedback(sheets: Sequence[Sheet], folder: Path, measured: str = "") -> list[Path]:
    """Write a page for each student, and class.html for the instructor; returns the paths of the
    students' pages.

    `measured` is what the lab's experiment measures with the reference answers.
    """
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = visible
    written = []
    for sheet in sheets:
        path = folder / f"{file_name(sheet.student)}.html"
        write_whole(
            path,
            environment.get_template("student.html").render(
                sheet=sheet, measured=measured, meanings=meanings([sheet])
            ),
        )
        written.append(path)
    page = environment.get_template("class.html").render(
        lab=sheets[0].lab,
        sheets=sheets,
        exercises=by_exercise(sheets),
        misconceptions=misconceptions(sheets),
        alike=alike(sheets),
        name=file_name,
        meanings=meanings(sheets),
    )
    write_whole(folder / "class.html", page)
    return written


MEANINGS = {
    "pass": "the answer is correct on all inputs of the grader",
    "wrong": "the answer returns a wrong result on at least one input",
    "student error": "the answer is not written yet, or raises an error",
    "crash": "the notebook's process ended while the answer ran",
    "timeout": "the answer did not return within the time limit",
    "resource limit": "the notebook used more memory, files, processes or disk space than allowed",
    "invalid": "the submission, or the result of the answer, could not be read",
    "needs a person": "the answer needs manual grading; it has no points yet, and no zero",
    "grader error": "the grader failed; you lose no points, and it will be graded again",
    "marked by hand": "an instructor gave the mark; it replaces the grader's",
}
BOX = "where the notebook ran: a process without access to other files, processes and the network"
LEVEL = "how the grader's machine isolates the sandbox, for example bwrap, podman or landlock"


def meanings(sheets: Sequence[Sheet]) -> dict[str, str]:
    """Return the explanations of the terms that occur on a page."""
    said = {status for counts in by_exercise(sheets).values() for status in counts}
    met = {status: meaning for status, meaning in MEANINGS.items() if status in said}
    return met | {"sandbox": BOX, "sandbox level": LEVEL}


def visible(text: str) -> str:
    """Replace control characters, which a terminal or a page would interpret."""
    return "".join(c if c == "\n" or can_be_seen(c) else "�" for c in text)


def in_a_line(text: str) -> str:
    """Do the same and join the lines, so that untrusted text cannot start a line of its own in a
    terminal.
    """
    return " ".join(visible(text).split())


def file_name(student: str) -> str:
    """Return a unique name for a student's page that is valid on every system. It has a hash if it
    differs from the student's name.
    """
    plain = re.sub(r"[^\w.-]+", "_", student).strip("._").casefold()
    return (
        f"student_{plain}"
        if plain == student
        else f"student_{plain}_{hashlib.sha256(student.encode()).hexdigest()[:8]}"
    )


def by_exercise(sheets: Sequence[Sheet]) -> dict[str, Counter]:
    """Return for each exercise how often each status occurs; a manual mark counts as "marked by
    hand".
    """
    counts: dict[str, Counter] = {}
    for sheet in sheets:
        for mark in sheet.marks:
            counts.setdefault(mark.exercise, Counter())[
                "marked by hand" if mark.exercise in sheet.manual else mark.status
            ] += 1
    return counts


def misconceptions(sheets: Sequence[Sheet]) -> list[tuple[str, str, int]]:
    """Return (exercise, feedback, number of students) of the misconceptions, the most frequent
    first.
    """
    marks: list[Mark] = [
        mark for sheet in sheets for mark in sheet.marks if mark.misconception not in ("", "blank")
    ]
    counts = Counter((mark.exercise, sentence) for mark in marks for sentence in _believed(mark))
    return [(*what, n) for what, n in counts.most_common(20)]


def _believed(mark: Mark) -> list[str]:
    """Return the feedback on each misconception of a mark, without the part about this one
    answer.
    """
    said = mark.sentence.partition(MEASURED)[0].partition(REST)[0]
    if " and " not in mark.misconception:
        return [said]
    return [line.partition(" ")[2] for line in said.splitlines()[1:]]


def alike(sheets: Sequence[Sheet]) -> list[tuple[str, str, str, int]]:
    """Return (exercise, student, student, percent) of long answers with nearly the same text, for
    an instructor to check. It does not prove copying.
    """
    from rapidfuzz import fuzz

    found = []
    for name in by_exercise(sheets):
        texts = {sheet.student: _bare(sheet.answers.get(name, ""))[:LONGEST] for sheet in sheets}
        for (one, left), (other, right) in combinations(
            [(student, text) for student, text in texts.items() if len(text) >= LONG], 2
        ):
            if (score := fuzz.ratio(left, right, score_cutoff=ALIKE)) >= ALIKE:
                found.append((name, one, other, round(score)))
    return sorted(found, key=lambda row: -row[3])[:100]


def _bare(source: str) -> str:
    """Return code without comments, whitespace and triple-quoted strings, which come from the
    lab.
    """
    return re.sub(r"\s+", "", re.sub(r"#.*", "", re.sub(r'""".*?"""', "", source, flags=re.S)))
