"""Reading a stranger's notebook without trusting it, and making ours again with the stranger's answers in it. Nothing is executed here."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from adaptlab.errors import AdaptLabError

MAX_BYTES, MAX_CELLS, MAX_SOURCE = 20 * 2**20, 1000, 200_000


class Invalid(Exception):
    """The submission cannot be graded as it is; the message tells the student why, and what to do."""


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook: `name` is nbgrader's grade_id, or empty."""

    id: str
    name: str
    kind: str
    source: str

    @property
    def told(self) -> str:
        """What a sentence calls it, behind "the cell": its name, or how it begins, which its writer can find."""
        lines = (line.strip() for line in self.source.splitlines())
        return self.name or f"that begins with {next(filter(None, lines), '')[:60]!r}"


@dataclass(frozen=True)
class Lab:
    """A lab as it is handed out: its cells, and the points of its exercises and of what a person marks."""

    name: str
    cells: tuple[Cell, ...]
    points: dict[str, float]
    by_hand: dict[str, float]

    @property
    def answers(self) -> set[str]:
        """The names of the cells that a student writes."""
        return {cell.name for cell in self.cells if cell.name and not cell.name.startswith("check_")}


def read_cells(content: bytes) -> list[Cell]:
    """The cells of a notebook as it was handed in, without outputs; what is no sound notebook of nbformat 4 is Invalid."""
    if len(content) > MAX_BYTES:
        raise Invalid(f"The notebook has {len(content) / 2**20:.0f} MB; clear its outputs (Edit, Clear All Outputs) and hand it in again.")
    notebook = _parsed(content)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise Invalid("This is no Jupyter notebook: it has no list of cells. Download it again from JupyterLab as .ipynb.")
    if notebook.get("nbformat") != 4:
        raise Invalid("The notebook is not of nbformat 4; open it in a present JupyterLab, save it, and hand it in again.")
    if len(notebook["cells"]) > MAX_CELLS:
        raise Invalid(f"The notebook has {len(notebook['cells'])} cells; the lab has far fewer. Take out what does not belong to it.")
    return [_cell(number, cell) for number, cell in enumerate(notebook["cells"], 1)]


def _once(pairs: list[tuple[str, Any]]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("The notebook's file names a thing twice, so that two programs may read two notebooks in it; save it again from JupyterLab.")
    return found


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise Invalid(f"The file is not UTF-8 text (byte {error.start}); save the notebook again from JupyterLab.") from error
    except RecursionError as error:
        raise Invalid("The notebook's file is nested too deeply; save it again from JupyterLab.") from error
    except ValueError as error:
        raise Invalid("The file is not a whole notebook: it is no JSON. Save it again from JupyterLab and hand it in anew.") from error


def _cell(number: int, cell: Any) -> Cell:
    source = cell.get("source", "") if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or not isinstance(cell.get("cell_type"), str):
        raise Invalid(f"Cell {number} of the notebook is broken; save the notebook again from JupyterLab.")
    if len(source) > MAX_SOURCE:
        raise Invalid(f"Cell {number} has {len(source)} characters; an answer needs far fewer. Read data from where the lab puts them.")
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    text = source.encode("utf-8", "replace").decode()  # a lone half of a surrogate pair can be read, but never written
    return Cell(str(cell.get("id", "")), name if isinstance(name, str) else "", cell["cell_type"], text)


def read_lab(content: bytes, name: str) -> Lab:
    """One of our own labs, from the file that `adaptlab labs build` wrote."""
    try:
        cells = read_cells(content)
        marks = [cell["metadata"].get("nbgrader", {}) for cell in json.loads(content)["cells"]]
    except Invalid as error:
        raise AdaptLabError(f"The lab {name} cannot be read ({error}); run: adaptlab labs build") from error
    graded = {cell.name: mark["points"] for cell, mark in zip(cells, marks) if mark.get("grade")}
    points = {key.removeprefix("check_"): value for key, value in graded.items() if key.startswith("check_")}
    return Lab(name, tuple(cells), points, {key: value for key, value in graded.items() if not key.startswith("check_")})


def rebuild(lab: Lab, handed_in: Sequence[Cell]) -> list[Cell]:
    """Our notebook with the student's answers: their cells in their order, ours in place of what was locked, and back where one was taken out.

    A cell of ours is known by its grade_id, or by its id. Cells that the student added stay, for helpers; two answers to one exercise are Invalid.
    """
    ours = {cell.name or cell.id: cell for cell in lab.cells}
    rebuilt, seen, known = [], set(), lab.answers
    for cell in handed_in:
        key = cell.name if cell.name in ours else cell.id if cell.id in ours and not cell.name else ""
        if not key:
            rebuilt.append(Cell(cell.id, "", cell.kind, cell.source))
        elif key in seen:
            if key in known:
                raise Invalid(f"There are two cells for {key} (one was copied with its marks); keep the one that counts and hand the notebook in again.")
        else:
            seen.add(key)
            rebuilt.append(Cell(cell.id, key, ours[key].kind, cell.source) if key in known else ours[key])
    for place, cell in enumerate(lab.cells):
        if (cell.name or cell.id) not in seen and cell.name not in known:
            before = {other.name or other.id for other in lab.cells[:place]}
            last = max((i for i, other in enumerate(rebuilt) if (other.name or other.id) in before), default=-1)
            rebuilt.insert(last + 1, cell)
    if not seen & known:
        raise Invalid(f"None of the cells of {lab.name} is in this notebook; hand in the lab's own notebook, with your answers in its cells.")
    return rebuilt


def code_to_run(lab: Lab, cells: Sequence[Cell], experiments: bool = False, files: Collection[str] = ()) -> list[Cell]:
    """The code cells that a grader runs: not the checks, and of what follows the prediction, the experiment, only the student's own cells.

    Nor the answers named in `files`, which make what was handed in as a file: whole trainings, often.
    """
    code = [cell for cell in cells if cell.kind == "code" and cell.source.strip()]
    order = [cell.name for cell in lab.cells]
    ours_after = {cell.id for cell in lab.cells[order.index("prediction") + 1 :] if not cell.name} if "prediction" in order else set()
    left_out = ours_after | set(files)
    return [cell for cell in code if not cell.name.startswith("check_") and (experiments or (cell.name or cell.id) not in left_out)]
