"""Sortable tables: plain HTML without scripts, and buttons on the headings with scripts."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from adaptlab.course.site.places import TEMPLATES

FENCE = "~" * 12


@dataclass(frozen=True)
class TableCell:
    """A cell's content (text, or Markup that is safe as HTML) and its sort key: a number or a
    text.
    """

    html: str | Markup
    key: float | str


def sortable_table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[TableCell | str | float]],
    anchors: Sequence[str] = (),
) -> Markup:
    """Return an HTML table with a heading for each column; the first cell of a row is its heading.

    A cell is a `TableCell`, or a text or number. `anchors`: an id for each row, or none.
    """
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"every row of {caption!r} needs {len(columns)} cells")
    if anchors and len(anchors) != len(rows):
        raise ValueError(f"{caption!r} has {len(rows)} rows and {len(anchors)} anchors")
    cells = [
        [
            (
                cell
                if isinstance(cell, TableCell)
                else TableCell(f"{cell:g}" if isinstance(cell, float) else str(cell), cell)
            )
            for cell in row
        ]
        for row in rows
    ]
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    placed = list(zip(anchors or [""] * len(rows), cells))
    return Markup(
        environment.get_template("sortable.html").render(
            caption=caption, columns=columns, rows=placed
        )
    )


def raw(html: str) -> str:
    """Return HTML as a raw block of a MyST Markdown page."""
    return f"{FENCE}{{raw}} html\n{html}\n{FENCE}\n"
