"""Copies of the lessons with every exercise solved by its own folded solution, which must be
accepted: `python tests/solved_lessons.py FOLDER` writes them, and nbval runs them.
"""

import ast
import re
import sys
import textwrap
from pathlib import Path

import nbformat

LESSONS = sorted(Path(__file__).parents[1].glob("notebooks/*.ipynb"))
SOLUTION = re.compile(r"<summary>Solution</summary>(.*?)</details>", re.DOTALL)
CODE = re.compile(r"```python\n(.*?)```|`([^`\n]+)`", re.DOTALL)
CHECK = re.compile(r"^check\(", re.MULTILINE)


def solved(cell: str, solution: str) -> str:
    """Return the code of an exercise with the solution in the place of what the student writes: a
    whole definition, the body above a `return None`, or the value of the first variable.

    The code fails if the exercise's check does not accept it.
    """
    lines = cell.splitlines()
    if isinstance(ast.parse(solution).body[-1], ast.Return):  # the body of the function
        at = next(i for i, line in enumerate(lines) if line.strip().startswith("return None"))
        indent = lines[at][: -len(lines[at].lstrip())]
        lines[at : at + 1] = textwrap.indent(solution.strip(), indent).splitlines()
    else:
        statements = [one for one in ast.parse(cell).body if _name(one)]
        if isinstance(ast.parse(solution).body[0], ast.Expr):  # the value of the first variable
            solution = f"{_name(statements[0])} = {solution.strip()}"
        names = {_name(one) for one in ast.parse(solution).body}
        first, *others = [one for one in statements if _name(one) in names]
        for other in reversed(others):
            del lines[other.lineno - 1 : other.end_lineno]
        lines[first.lineno - 1 : first.end_lineno] = solution.strip().splitlines()
    checked = CHECK.sub("is_accepted = check(", "\n".join(lines))
    return f"{checked}\nassert is_accepted.is_correct, is_accepted"


def _name(statement: ast.stmt) -> str:
    """The name that a statement defines; empty if it defines none."""
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    return getattr(statement, "name", "")


def solved_lesson(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the lesson, all exercises solved and their outputs empty.

    Raises:
        ValueError: if an exercise has not exactly one solution above it.
    """
    for text, cell in zip(notebook.cells, notebook.cells[1:]):
        if cell.cell_type == "code" and CHECK.search(cell.source):
            cell.outputs = []
            codes = [CODE.search(solution) for solution in SOLUTION.findall(text.source)]
            if len(codes) != 1 or codes[0] is None:
                raise ValueError(f"The exercise in cell {cell.id} has {len(codes)} solutions.")
            cell.source = solved(cell.source, codes[0][1] or codes[0][2])
    return notebook


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in LESSONS:
        nbformat.write(solved_lesson(nbformat.read(path, as_version=4)), folder / path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
