"""A cell that runs before the cells that it needs says so in a sentence."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from adaptlab.course import out_of_order


def test_a_cell_that_runs_too_early_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PYTHONSTARTUP", str(Path(out_of_order.__file__)))
    cells = [nbformat.v4.new_code_cell(source) for source in ("tuned.batch([])", "1 + 1")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, allow_errors=True, timeout=60).execute()
    said, error = notebook.cells[0].outputs
    assert said.text.startswith("'tuned' is not defined yet.") and "Run All Above" in said.text
    assert error.ename == "NameError"
    assert notebook.cells[1].outputs[0].data["text/plain"] == "2"


def test_outside_of_a_notebook_nothing_happens():
    out_of_order.register()
