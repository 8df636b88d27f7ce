"""Copy the outputs of an executed lesson into the lesson itself."""

from pathlib import Path

import nbformat

from adaptlab.files import write_whole

WIDGET = "application/vnd.jupyter.widget-view+json"


def keep_outputs(lesson: Path, executed: Path) -> None:
    """Write the outputs of `executed`, a copy of `lesson` that ran, into `lesson`, cell by cell.

    Sources and metadata stay unchanged. Progress bars and stderr are left out: they belong to one
    run on one machine.
    """
    notebook = nbformat.read(lesson, as_version=4)
    ran = {cell.id: cell for cell in nbformat.read(executed, as_version=4).cells}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        cell.outputs = [
            _numbered(output, number) for output in ran[cell.id].outputs if _stays(output)
        ]
        cell.execution_count = number
    write_whole(lesson, nbformat.writes(notebook) + "\n")


def _stays(output: nbformat.NotebookNode) -> bool:
    return output.get("name") != "stderr" and WIDGET not in output.get("data", {})


def _numbered(output: nbformat.NotebookNode, number: int) -> nbformat.NotebookNode:
    """Return an output with this cell number: papermill's own cell counts, too."""
    if "execution_count" in output:
        output.execution_count = number
    return output
