"""A student's predictions, explanations and exercises, kept next to the notebook: a restart loses
nothing.
"""

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from adaptlab.course import browser
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claims
from adaptlab.files import write_whole

FILE = "predictions.json"
DAMAGED = "predictions.damaged.json"


@dataclass
class Kept:
    """A question with the prediction, what came out in the question's words, the verdict, the mark
    (✓ or ✗) and the student's explanation. An exercise has only a question and a mark.
    """

    question: str
    choice: str = ""
    outcome: str = ""
    verdict: str = ""
    mark: str = ""
    explanation: str = ""


def read_kept(folder: Path) -> dict[str, Kept]:
    """Return what is kept in a folder, by question id; nothing if there is no file.

    Raises:
        AdaptLabError: if the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): Kept(**row) for key, row in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise AdaptLabError(
            f"{path} is not a readable file of predictions ({type(error).__name__}). Move it away."
        ) from error


def kept_row(folder: Path, key: str) -> Kept | None:
    """Return what is kept of one question; None if nothing is, or with a warning if the file is
    damaged.
    """
    try:
        return read_kept(folder).get(key)
    except AdaptLabError as error:
        warnings.warn(str(error), stacklevel=4)
        return None


def keep(folder: Path, key: str, **found: str) -> None:
    """Write parts of a question, such as `choice`; its other parts stay.

    A lesson does not stop for the file: a damaged one is moved away with a warning, and a folder
    that cannot be written is only warned of.
    """
    try:
        rows = read_kept(folder)
    except AdaptLabError as error:
        (folder / FILE).replace(folder / DAMAGED)
        warnings.warn(f"{error} It is now {folder / DAMAGED}.", stacklevel=2)
        rows = {}
    row = rows.get(key, Kept(""))
    rows[key] = Kept(**(asdict(row) | found))
    written = {name: asdict(one) for name, one in rows.items()}
    try:
        write_whole(folder / FILE, json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    except AdaptLabError as error:
        warnings.warn(f"Your predictions are not kept: {error}", stacklevel=2)


EXERCISE = "your turn: "  # before the name of an exercise, in place of a claim's id


def progress_table(rows: dict[str, Kept], claim_ids: list[str]) -> str:
    """Return the questions with their marks, the solved exercises, and counts of all."""
    lines = []
    asked = {key: row for key, row in rows.items() if not key.startswith(EXERCISE)}
    for key, row in asked.items():
        came_out = row.outcome or "not measured yet"
        verdict = f" ({row.verdict})" if row.verdict else ""
        lines.append(f"{row.mark or ' '} {key:<4} {row.question}")
        lines.append(f"       predicted: {row.choice or 'none'}; came out: {came_out}{verdict}")
        if row.explanation:
            lines.append(f"       your explanation: {row.explanation}")
    exercises = {key.removeprefix(EXERCISE): rows[key] for key in rows if key not in asked}
    lines += [f"{row.mark} exercise: {name}" for name, row in exercises.items()]
    predicted = [key for key in claim_ids if key in rows and rows[key].choice]
    measured = [key for key in claim_ids if key in rows and rows[key].verdict]
    marks = [row.mark for row in asked.values() if row.mark]
    solved = [name for name, row in exercises.items() if row.mark == "✓"]
    lines.append(
        f"{len(predicted)} of {len(claim_ids)} claims predicted, {len(measured)} measured;"
        f" {marks.count('✓')} of {len(marks)} marked predictions are correct;"
        f" {len(solved)} exercises solved."
    )
    return "\n".join(lines)


def progress_of(folder: Path) -> str:
    """Return the table of what is kept in a folder, counted over the whole ledger.

    Raises:
        AdaptLabError: if the file is damaged.
    """
    return progress_table(read_kept(folder), list(claims()))


def my_progress() -> str:
    """Return the student's table for a cell of a lesson: empty where nobody sits in front of it,
    since the stored output of a lesson must not show who has solved what.
    """
    return progress_of(Path.cwd()) if browser.is_attended() else progress_table({}, list(claims()))
