"""Notebooks: Markdown cells as they are, code cells in fences."""

import re
import warnings
from pathlib import Path
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text
from adaptlab.rag.document import Heading, Read, clean
from adaptlab.rag.read_markdown import first_title, front_matter, headings, markdown_document


def read_notebook(path: Path) -> Read:
    """Return text and code of the cells in order; raw cells and outputs are named in `left_out`.

    Each Markdown cell is parsed by itself, as Jupyter does: an open fence ends with its cell.
    """
    import nbformat

    try:
        with warnings.catch_warnings():  # that cells have no ids, which are not read
            warnings.simplefilter("ignore")
            cells = nbformat.reads(read_text(path), as_version=4).cells
        for cell in cells:
            cell.source = _source(cell.get("source"))
    except AdaptLabError:
        raise
    except Exception as error:
        reason = f"{path} is not a readable notebook ({type(error).__name__})"
        raise AdaptLabError(f"{reason}. Open it in Jupyter and save it again.") from error
    about, cells = _front_matter(cells)
    pieces: list[str] = []
    found: list[Heading] = []
    start = 0
    for cell in cells:
        source = clean(cell.source)
        if cell.cell_type == "raw" or not source.strip():
            continue
        if cell.cell_type == "markdown":
            found += headings(source, start)
        pieces.append(source if cell.cell_type == "markdown" else _fenced(source))
        start += len(pieces[-1]) + 2
    title = about.title or first_title(tuple(found))
    left_out = (*about.left_out, *_left_out(cells))
    return Read("\n\n".join(pieces), title, about.stated, tuple(found), left_out)


def _source(source: Any) -> str:
    """Return the text of a cell, which may be null, or a list of lines in a file that nbformat did
    not check.
    """
    return "".join(source) if isinstance(source, list) else source or ""


def _front_matter(cells: list) -> tuple[Read, list]:
    """Return (the front matter, the other cells): Quarto and Jupyter Book keep it in a cell."""
    if cells and cells[0].cell_type in ("raw", "markdown"):
        source = clean(cells[0].source)
        values, end = front_matter(source)
        if values and not source[end:].strip():
            return markdown_document(source), cells[1:]
    return Read(""), cells


def _fenced(source: str) -> str:
    """Return code between fences that are longer than any run of backticks in it."""
    longest = max(map(len, re.findall("`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{source}\n{fence}"


def _left_out(cells: list) -> list[str]:
    n_raw = sum(cell.cell_type == "raw" and bool(cell.source.strip()) for cell in cells)
    n_outputs = sum(bool(cell.get("outputs")) for cell in cells)
    named = [(n_raw, f"{n_raw} raw cells"), (n_outputs, f"the outputs of {n_outputs} cells")]
    return [name for n, name in named if n]
