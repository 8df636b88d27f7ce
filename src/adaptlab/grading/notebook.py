"""Read an untrusted notebook, and rebuild the lab's notebook with the student's answers. Nothing is
executed here.
"""

import json
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.grading.sandbox.limited_fork import TooMuch, apart

MAX_BYTES = 20 * 2**20
MAX_CELLS = 1000
MAX_SOURCE = 200_000
LONGEST_NUMBER = 4000  # digits


class Invalid(Exception):
    """The submission cannot be graded. The message tells the student why, and what to do."""


BLANKS = ("raise NotImplementedError()", "YOUR ANSWER HERE")  # by nbgrader, for code and for text


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook; `name` is nbgrader's grade_id, or empty."""

    id: str
    name: str
    kind: str
    source: str

    @property
    def told(self) -> str:
        """The cell as feedback names it, after "the cell": its name, or its first line, which the
        student can find.
        """
        lines = (line.strip() for line in self.source.splitlines())
        return self.name or f"that begins with {next(filter(None, lines), '')[:60]!r}"


@dataclass(frozen=True)
class Lab:
    """A lab as students get it: its cells, the points of its exercises, and the points of its
    manually graded answers.
    """

    name: str
    cells: tuple[Cell, ...]
    points: dict[str, float]
    by_hand: dict[str, float]

    @property
    def answers(self) -> set[str]:
        """The names of the cells that a student fills in."""
        return {
            cell.name for cell in self.cells if cell.name and not cell.name.startswith("check_")
        }

    @property
    def blanks(self) -> dict[str, int]:
        """How often each placeholder for an answer occurs in the lab as students get it."""
        text = "\n".join(cell.source for cell in self.cells)
        return {mark: text.count(mark) for mark in BLANKS}


def read_cells(content: bytes) -> list[Cell]:
    """Read the cells of a submitted notebook, without outputs.

    Raises:
        Invalid: if the file is not a valid notebook of nbformat 4, or is too large.
    """
    if len(content) > MAX_BYTES:
        raise Invalid(
            f"The notebook is too large: {len(content) / 2**20:.0f} MB. Clear its outputs (Edit,"
            " Clear All Outputs) and submit it again."
        )
    notebook = _parsed(content)
    if isinstance(notebook, dict) and "worksheets" in notebook:
        raise Invalid(
            "The notebook is in nbformat 3, which is outdated. Open it in a current JupyterLab,"
            " save it, and submit it again."
        )
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise Invalid(
            "The file is not a Jupyter notebook: it has no list of cells. Download it again from"
            " JupyterLab as .ipynb."
        )
    if notebook.get("nbformat") != 4:
        raise Invalid(
            "The notebook is not in nbformat 4. Open it in a current JupyterLab, save it, and"
            " submit it again."
        )
    if len(notebook["cells"]) > MAX_CELLS:
        raise Invalid(
            f"The notebook has {len(notebook['cells'])} cells, far more than the lab. Remove the"
            " cells that do not belong to the lab."
        )
    return [_cell(number, cell) for number, cell in enumerate(notebook["cells"], 1)]


def read_cells_apart(content: bytes) -> list[Cell]:
    """Do the same in a fork with limits, for a notebook that may take much memory or time to read.

    Raises:
        Invalid: also if reading exceeds the limits.
    """

    def work() -> dict:
        try:
            return {"cells": [astuple(cell) for cell in read_cells(content)]}
        except Invalid as error:
            return {"invalid": str(error)}

    try:
        said = apart(work)
    except TooMuch as error:
        raise Invalid(
            f"The notebook cannot be read: {error}. Clear its outputs (Edit, Clear All Outputs) and"
            " submit it again."
        ) from error
    if "invalid" in said:
        raise Invalid(said["invalid"])
    return [Cell(*cell) for cell in said["cells"]]


def _once(pairs: list[tuple[str, Any]]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid(
            "The notebook's file has a duplicate key, so two programs may read different notebooks."
            " Save it again from JupyterLab."
        )
    return found


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(_text(content), object_pairs_hook=_once, parse_int=_whole)
    except RecursionError as error:
        raise Invalid(
            "The notebook's file is nested too deeply. Save it again from JupyterLab."
        ) from error
    except ValueError as error:
        raise Invalid(
            "The file is not a complete notebook: it is not valid JSON. Save it again from"
            " JupyterLab and submit it again."
        ) from error


def _text(content: bytes) -> str:
    """Decode a file's text. Editors on Windows may write UTF-8 with a byte order mark, UTF-16, or
    cp1252.
    """
    encoding = json.detect_encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _whole(digits: str) -> int | float:
    """Parse an integer. One with too many digits, which an output may have, becomes infinity."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else math.inf


def _cell(number: int, cell: Any) -> Cell:
    """Read a cell. A broken cell becomes one that raises an error, so that it costs only its own
    exercise.
    """
    cell = cell if isinstance(cell, dict) else {"source": cell}
    source = cell.get("source") or ""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or not isinstance(cell.get("cell_type"), str):
        says = f"Cell {number} of the notebook is broken. Save the notebook again from JupyterLab."
        cell = cell | {"cell_type": "code"}
        source = f"raise ValueError({says!r})"
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    lines = source.replace("\r\n", "\n").replace("\r", "\n")
    # A lone surrogate can be read, but not written as UTF-8.
    text = lines.encode("utf-8", "replace").decode()
    kind = cell["cell_type"]
    known = name if isinstance(name, str) else ""
    return Cell(str(cell.get("id", "")), known, kind, _cut(text, kind))


def _cut(text: str, kind: str) -> str:
    """Limit the length of a cell; one that is too long costs only its own exercise.

    Text is cut: a pasted picture makes it long. Code is replaced by an error, because cut code
    would be other code.
    """
    if len(text) <= MAX_SOURCE:
        return text
    if kind != "code":
        return text[:MAX_SOURCE]
    says = f"This cell has {len(text)} characters, far more than an answer needs."
    return f"raise ValueError({says + ' Load data from the files of the lab.'!r})"


def read_lab(content: bytes, name: str) -> Lab:
    """Read one of our own labs, from a file written by `adaptlab labs build`.

    Raises:
        AdaptLabError: if the file cannot be read.
    """
    try:
        cells = read_cells(content)
        marks = [cell["metadata"].get("nbgrader", {}) for cell in json.loads(content)["cells"]]
    except Invalid as error:
        raise AdaptLabError(
            f"The lab {name} is not readable: {error} Run: adaptlab labs build"
        ) from error
    graded = {cell.name: mark["points"] for cell, mark in zip(cells, marks) if mark.get("grade")}
    points = {
        key.removeprefix("check_"): value
        for key, value in graded.items()
        if key.startswith("check_")
    }
    return Lab(
        name,
        tuple(cells),
        points,
        {key: value for key, value in graded.items() if not key.startswith("check_")},
    )


def rebuild(lab: Lab, handed_in: Sequence[Cell]) -> list[Cell]:
    """Return the lab's notebook with the student's answers: the student's cells in their order, and
    the lab's own cells where they are missing.

    A cell of the lab is recognised by its grade_id or its id. Some programs lose both. Then it is
    recognised by its text, a code answer by the name that it defines, and a written answer by the
    cell before it. An answer that is split over several cells consists of all of them in their
    order, as Jupyter runs them: copying or splitting a cell copies its metadata.

    Raises:
        Invalid: if the notebook has no answer of the lab.
    """
    ours = {cell.name or cell.id: cell for cell in lab.cells}
    keys = _keys(lab, handed_in)
    if not lab.answers & set(keys):
        raise Invalid(
            f"The notebook has no answer of {lab.name}. Submit the lab's own notebook, with your"
            " answers in its cells."
        )
    rebuilt = []
    seen = set()
    superfluous = _superfluous(ours, keys, handed_in)
    for place, (key, cell) in enumerate(zip(keys, handed_in)):
        if not key:
            rebuilt.append(Cell(cell.id, "", cell.kind, cell.source))
        elif key in lab.answers:
            if place not in superfluous:
                rebuilt.append(Cell(cell.id, key, ours[key].kind, cell.source))
        elif key not in seen:
            rebuilt += [ours[key], *_added_to(ours[key], cell)]
        seen.add(key)
    _put_back(lab, rebuilt, seen)
    return rebuilt


def _keys(lab: Lab, handed_in: Sequence[Cell]) -> list[str]:
    """Return the key of the lab's cell for each submitted cell; "" for the student's own cells."""
    ours = {cell.name or cell.id for cell in lab.cells}
    by_text = {cell.source.strip(): cell.name or cell.id for cell in lab.cells}

    def known(cell: Cell) -> str:
        marked = cell.name if cell.name in ours else ""
        return marked or (cell.id if cell.id in ours else by_text.get(cell.source.strip(), ""))

    keys = [known(cell) for cell in handed_in]
    blank = {cell.name: cell.source.strip() for cell in lab.cells if cell.name in lab.answers}
    for place, name in enumerate(cell.name for cell in lab.cells):
        written = (cell for key, cell in zip(keys, handed_in) if key == name)
        if name not in blank or any(cell.source.strip() != blank[name] for cell in written):
            continue
        before = lab.cells[place - 1]
        if lab.cells[place].kind == "code":
            found = [i for i, cell in enumerate(handed_in) if not keys[i] and defines(cell, name)]
        else:
            found = _below(keys, handed_in, before.name or before.id)
        for i in found:
            keys[i] = name
    return keys


def _below(keys: Sequence[str], handed_in: Sequence[Cell], key: str) -> list[int]:
    """Return the indices of the student's own text cells directly below a cell of the lab."""
    found: list[int] = []
    for i in range(keys.index(key) + 1 if key in keys else len(keys), len(keys)):
        if keys[i]:
            break
        if handed_in[i].kind == "markdown":
            found.append(i)
    return found


def defines(cell: Cell, name: str) -> bool:
    """Whether a code cell defines a function, a class or a variable of that name."""
    form = rf"^(?:(?:async\s+)?(?:def|class)\s+{name}\b|{name}\s*(?::[^=\n]+)?=(?!=))"
    return cell.kind == "code" and re.search(form, cell.source, re.MULTILINE) is not None


def _superfluous(ours: dict[str, Cell], keys: Sequence[str], handed_in: Sequence[Cell]) -> set[int]:
    """Return the indices of answers that are repeated further down, and of untouched cells next to
    an answer.
    """
    texts = [cell.source.strip() for cell in handed_in]
    blank = {key: cell.source.strip() for key, cell in ours.items()}
    answered = {
        key
        for key, cell, text in zip(keys, handed_in, texts)
        if key and text != blank[key] and (cell.kind == "markdown" or defines(cell, key))
    }
    found = set()
    below = set()
    for place in reversed(range(len(keys))):
        key = keys[place]
        text = texts[place]
        if key and (text == blank[key] and key in answered or (key, text) in below):
            found.add(place)
        below.add((key, text))
    return found


def _added_to(ours: Cell, handed_in: Cell) -> list[Cell]:
    """Return a student's change of a cell of the lab as an extra cell after it: an import, or an
    answer in a check.
    """
    if ours.kind != "code" or handed_in.source.strip() == ours.source.strip():
        return []
    return [Cell("" if ours.name else ours.id, "", "code", handed_in.source)]


def _put_back(lab: Lab, rebuilt: list[Cell], seen: Collection[str]) -> None:
    """Insert the lab's cells that the student removed, each after the cells that precede it in the
    lab.
    """
    for place, cell in enumerate(lab.cells):
        if (cell.name or cell.id) not in seen and cell.name not in lab.answers:
            before = {other.name or other.id for other in lab.cells[:place]}
            last = max(
                (i for i, other in enumerate(rebuilt) if (other.name or other.id) in before),
                default=-1,
            )
            rebuilt.insert(last + 1, cell)


def answers_of(lab: Lab, cells: Sequence[Cell]) -> dict[str, str]:
    """Return the text of each answer, from all cells that hold a part of it."""
    found = {}
    for name in lab.answers:
        own = [cell for cell in cells if cell.name == name]
        written = own or [cell for cell in cells if defines(cell, name)]
        if written:
            found[name] = "\n\n".join(cell.source for cell in written)[:MAX_SOURCE]
    return found


def checks_behind(cells: Sequence[Cell], code: Collection[Cell]) -> dict[Cell, list[str]]:
    """Return the exercises whose checks follow each code cell, before any other code."""
    found: dict[Cell, list[str]] = {}
    last = None
    run = set(code)
    for cell in cells:
        if cell in run:
            last = cell
        elif cell.name.startswith("check_") and last:
            found.setdefault(last, []).append(cell.name.removeprefix("check_"))
    return found


def code_to_run(
    lab: Lab, cells: Sequence[Cell], experiments: bool = False, files: Collection[str] = ()
) -> list[Cell]:
    """Return the code cells that the grader runs: not the checks, and after the prediction only the
    student's own cells.

    The cells after the prediction are the experiment. Answers named in `files` are left out, too:
    they make the submitted file, often by training a model.
    """
    code = [cell for cell in cells if cell.kind == "code" and cell.source.strip()]
    order = [cell.name for cell in lab.cells]
    ours_after = (
        {cell.id for cell in lab.cells[order.index("prediction") + 1 :] if not cell.name}
        if "prediction" in order
        else set()
    )
    left_out = ours_after | set(files)
    return [
        cell
        for cell in code
        if not cell.name.startswith("check_")
        and (experiments or (cell.name or cell.id) not in left_out)
    ]
