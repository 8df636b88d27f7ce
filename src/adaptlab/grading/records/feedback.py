"""Pages of feedback: one for each student, one for the class. Whatever a student wrote stands on
them as text; nothing on them runs or is fetched.
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

ALIKE = 95
# Percent of equal characters, in answers of at least so many, from which a person should look at
# two of them.
LONG = 300
LONGEST = 20_000  # characters of an answer that are compared
TEMPLATES = Path(__file__).parents[1] / "templates"


def write_feedback(sheets: Sequence[Sheet], folder: Path, measured: str = "") -> list[Path]:
    """A page for each student in a folder, and class.html for the instructor; `measured` is what
    the lab's experiment gives with right answers.
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
    "pass": "right on all inputs of the grader",
    "wrong": "it returned something else than what is right on some input",
    "student error": "nothing is written, or the answer stops with an error",
    "crash": "the notebook's process ended while the answer ran",
    "timeout": "nothing came back in time",
    "resource limit": "it took more memory, files, processes or disk than a notebook may",
    "invalid": "what was handed in, or came back, could not be read",
    "needs a person": "a person reads it; it has no points yet, and no zero",
    "grader error": "the grader failed, which costs nothing; it is graded again",
    "marked by hand": "a person decided, whatever the grader said",
}
BOX = "where the notebook ran: a process that reaches no files, no network and no other process"
LEVEL = "how the box is fenced in on the machine of the grader, as bwrap, podman or landlock"


def meanings(sheets: Sequence[Sheet]) -> dict[str, str]:
    """What the words mean that stand on a page."""
    said = {status for counts in by_exercise(sheets).values() for status in counts}
    met = {status: meaning for status, meaning in MEANINGS.items() if status in said}
    return met | {"box": BOX, "level": LEVEL}


def visible(text: str) -> str:
    """Text without characters that a terminal or a page would obey instead of show."""
    return "".join(c if c == "\n" or can_be_seen(c) else "�" for c in text)


def in_a_line(text: str) -> str:
    """The same, on one line: no name of a stranger's begins a line of its own in a terminal."""
    return " ".join(visible(text).split())


def file_name(student: str) -> str:
    """A name for a student's page that every system can write, and that no other student's page
    has: where it is not the name itself, with a hash of it.
    """
    plain = re.sub(r"[^\w.-]+", "_", student).strip("._").casefold()
    return (
        f"student_{plain}"
        if plain == student
        else f"student_{plain}_{hashlib.sha256(student.encode()).hexdigest()[:8]}"
    )


def by_exercise(sheets: Sequence[Sheet]) -> dict[str, Counter]:
    """For each exercise, how often each status was given; what a person marked counts as that."""
    counts: dict[str, Counter] = {}
    for sheet in sheets:
        for mark in sheet.marks:
            counts.setdefault(mark.exercise, Counter())[
                "marked by hand" if mark.exercise in sheet.manual else mark.status
            ] += 1
    return counts


def misconceptions(sheets: Sequence[Sheet]) -> list[tuple[str, str, int]]:
    """(exercise, sentence, students) of what was believed wrongly by name, the commonest first."""
    marks: list[Mark] = [
        mark for sheet in sheets for mark in sheet.marks if mark.misconception not in ("", "blank")
    ]
    counts = Counter((mark.exercise, sentence) for mark in marks for sentence in _believed(mark))
    return [(*what, n) for what, n in counts.most_common(20)]


def _believed(mark: Mark) -> list[str]:
    """What a mark tells of misconceptions, each by itself, without what is true of one answer."""
    said = mark.sentence.partition(MEASURED)[0].partition(REST)[0]
    if " and " not in mark.misconception:
        return [said]
    return [line.partition(" ")[2] for line in said.splitlines()[1:]]


def alike(sheets: Sequence[Sheet]) -> list[tuple[str, str, str, int]]:
    """(exercise, student, student, percent) of long answers that are nearly the same text, for a
    person to look at: it proves nothing.
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
    """Code without comments, blanks and what the lab gave in triple quotes."""
    return re.sub(r"\s+", "", re.sub(r"#.*", "", re.sub(r'""".*?"""', "", source, flags=re.S)))
