"""Build labs: each percent script in `solutions/` becomes a notebook without answers, by nbgrader's
generate_assignment.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import program_path, read_json, read_text, write_whole

KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
RELEASED = "release.json"  # in the students' copy: the files that it came with
EDITORS = (
    "lines_to_next_cell",
    "lines_to_end_of_cell_marker",
)  # jupytext's own notes on blank lines


def find_sources(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the lab scripts in a folder, in order; only those whose names start with one of
    `names`, if given.
    """
    found = sorted(folder.glob("lab[0-9][0-9]_*.py"))
    if not found:
        raise AdaptLabError(
            f"{folder} does not contain a lab (labNN_name.py). Run the command in the folder"
            " of the course."
        )
    if missing := [
        name for name in names if not name or not any(path.stem.startswith(name) for path in found)
    ]:
        raise AdaptLabError(
            f"No lab starts with {missing[0]!r}; the labs are"
            f" {', '.join(path.stem for path in found)}."
        )
    return [path for path in found if not names or path.stem.startswith(tuple(names))]


def labs_of(folder: Path) -> list[Path]:
    """Return the labs of a course or of its students' copy.

    A copy of a lab next to them, such as lab04_lora-Copy1, is not a lab.
    """
    there = sorted((folder / "labs").glob("lab*.ipynb"))
    names = {path.stem for path in (folder / "solutions").glob("lab*.py")}
    if not names and (folder / RELEASED).exists():
        listed = read_json(folder / RELEASED)
        names = {Path(str(path)).stem for path in (listed if isinstance(listed, list) else [])}
    return [path for path in there if path.stem in names] or there


def build_labs(sources: Sequence[Path], target: Path) -> list[Path]:
    """Write the labs of these sources into a folder; two builds are equal to the byte.

    Raises:
        AdaptLabError: with file and line, if marks are out of order.
    """
    for source in sources:
        for line, fault in faults(read_text(source)):
            raise AdaptLabError(f"{source}:{line}: {fault}")
    released = _release(sources)
    for source, text in released.items():
        write_whole(target / f"{source.stem}.ipynb", text)
    return [target / f"{source.stem}.ipynb" for source in released]


def solved(source: Path, lab: Path) -> bytes:
    """Return the lab with the answers of its source, as a student would submit it."""
    import json

    import jupytext

    answers = {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in jupytext.read(source).cells
        if "nbgrader" in cell.metadata
    }
    notebook = json.loads(read_text(lab))
    for cell in notebook["cells"]:
        if (mark := cell["metadata"].get("nbgrader", {})).get("solution"):
            cell["source"] = answers[mark["grade_id"]]
    return json.dumps(notebook).encode()


def out_of_step(sources: Sequence[Path], target: Path) -> list[str]:
    """Return the names of the labs that differ from a build of their sources."""
    with tempfile.TemporaryDirectory() as folder:
        built = build_labs(sources, Path(folder))
        return [
            path.name
            for path in built
            if not (target / path.name).exists()
            or (target / path.name).read_bytes() != path.read_bytes()
        ]


def faults(script: str) -> Iterator[tuple[int, str]]:
    """Yield the faults in the marks of a script: line number, from 1, and sentence."""
    opened = 0
    seen: dict = {}
    header = {}
    made = set()
    for number, line in enumerate(script.splitlines(), 1):
        if line.startswith("# %%"):
            if opened:
                yield opened, "BEGIN SOLUTION without an END SOLUTION in the same cell."
            opened = 0
            header = dict(re.findall(r'"(\w+)": "?([\w.]+)', line))
            yield from ((number, fault) for fault in _header_faults(line))
            if name := header.get("grade_id"):
                if name in seen:
                    yield (
                        number,
                        (
                            f"the grade_id {name} is also in line {seen[name]}; give every cell"
                            " its own id."
                        ),
                    )
                seen[name] = number
            if header.get("grade") == "true" and "points" not in header:
                yield number, "a graded cell needs points."
        elif "BEGIN SOLUTION" in line:
            if opened:
                yield (
                    number,
                    f"BEGIN SOLUTION again, before the END SOLUTION of line {opened}.",
                )
            if header.get("solution") != "true":
                yield (
                    number,
                    (
                        'a solution is outside a cell with "solution": true, so students would'
                        " get it."
                    ),
                )
            opened = number
        elif "END SOLUTION" in line:
            if not opened:
                yield number, "END SOLUTION without a BEGIN SOLUTION before it."
            opened = 0
        elif (
            line.startswith("check.lab")
            and (name := header.get("grade_id", "").removeprefix("check_"))
            and not line.endswith(f".{name}({name})")
        ):
            yield number, f"the check of {name} should end in .{name}({name})."
        elif header.get("solution") == "true" and (
            found := re.match(r"(?:def |class )?(\w+)", line)
        ):
            made.add((header.get("grade_id"), found[1]))
    if opened:
        yield opened, "BEGIN SOLUTION without an END SOLUTION in the same cell."
    for check, number in seen.items():
        name = check.removeprefix("check_")
        if check != name and name not in seen:
            yield number, f"this cell checks the answer of a cell {name}, which does not exist."
        elif check != name and (name, name) not in made:
            yield seen[name], f"the cell {name} does not define {name}, which {check} checks."
    yield from _table_faults(script)


def _table_faults(script: str) -> Iterator[tuple[int, str]]:
    """Yield faults where the points in the table of exercises differ from the points in the
    marks.
    """
    points = dict(re.findall(r'"grade_id": "check_(\w+)".*"points": ([\d.]+)', script))
    for number, line in enumerate(script.splitlines(), 1):
        row = re.match(r"# \| \d+ `(\w+)`.*?\| *([\d.]+) *\|", line)
        if row and row[1] not in points:
            yield number, f"the table names {row[1]}, but no cell check_{row[1]} is graded."
        elif row and float(row[2]) != float(points[row[1]]):
            yield (
                number,
                (
                    f"the table gives {row[1]} {row[2]} points, but its check gives"
                    f" {points[row[1]]}."
                ),
            )


def _header_faults(line: str) -> Iterator[str]:
    """Yield faults in a line's marks for nbgrader, which would reject them without a place."""
    import json

    if "nbgrader=" not in line:
        return
    try:
        mark, _ = json.JSONDecoder().raw_decode(line, line.index("nbgrader=") + len("nbgrader="))
    except ValueError as error:
        yield (
            "the text after nbgrader= is not valid JSON:"
            f" {error.msg if isinstance(error, json.JSONDecodeError) else error}."
        )
        return
    if (
        missing := {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
        - mark.keys()
    ):
        yield f"nbgrader also needs {', '.join(sorted(missing))} here."
    if "points" in mark and (
        isinstance(mark["points"], bool) or not isinstance(mark["points"], int | float)
    ):
        yield f"the points are {mark['points']!r}; give a number."


def _release(sources: Sequence[Path]) -> dict[Path, str]:
    """Return the text of each lab's notebook."""
    try:
        import jupytext
        import nbformat
        from nbgrader.apps import NbGraderAPI
        from traitlets.config import Config
    except ImportError as error:
        raise AdaptLabError(
            "Building labs needs nbgrader and jupytext. Run: pip install 'adaptlab[teach]'"
        ) from error
    # nbgrader calls alembic by its name.
    os.environ["PATH"] = program_path()
    texts = {}
    with tempfile.TemporaryDirectory() as course:
        config = Config()
        config.CourseDirectory.root = course
        config.CourseDirectory.db_url = f"sqlite:///{course}/gradebook.db"
        api = NbGraderAPI(config=config)
        for source in sources:
            lab = source.stem
            place = Path(course) / "source" / lab / f"{lab}.ipynb"
            place.parent.mkdir(parents=True)
            jupytext.write(jupytext.read(source), place)
            done = api.generate_assignment(lab, force=True, create=True)
            if not done["success"]:
                raise AdaptLabError(f"nbgrader rejected {source}: {_reason(done)}")
            notebook = nbformat.read(Path(course) / "release" / lab / f"{lab}.ipynb", as_version=4)
            texts[source] = _normal(notebook, lab)
    return texts


def _reason(done: dict) -> str:
    """Return the line of nbgrader's log with the error."""
    lines = [
        line
        for line in f"{done.get('log', '')}\n{done.get('error', '')}".splitlines()
        if "Error" in line or "Exception" in line
    ]
    return (
        lines[-1].strip()
        if lines
        else "its log says nothing; run nbgrader's generate_assignment by hand"
    )


def _normal(notebook, lab: str) -> str:
    """Return the notebook as text: stable ids, no outputs, nothing specific to the machine."""
    import nbformat

    for number, cell in enumerate(notebook.cells):
        cell.id = (
            cell.metadata.get("nbgrader", {}).get("grade_id") or f"{lab.split('_')[0]}-{number:02d}"
        )
        for note in EDITORS:
            cell.metadata.pop(note, None)
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    notebook.metadata = nbformat.from_dict(KERNEL)
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"
