"""The scoreboard: every condition of the support assistant, as a sortable table and a plot."""

from markupsafe import Markup

from adaptlab import plots
from adaptlab.course.decisions import WORLD, scoreboard
from adaptlab.course.site.notebooks import data_in_text
from adaptlab.course.site.real_models import short_name
from adaptlab.course.site.tables import TableCell, sortable_table
from adaptlab.evals.estimate import Estimate

# Column of the record: heading in the short table, which a phone shows without scrolling.
SHORT = {
    "arm": "variant",
    "all four": "all four",
    "right": "correct",
    "prompt tokens": "prompt tokens",
    "money a month at 1,000 a day": "dollars a month",
}


def short_table() -> Markup:
    """Return the recorded variants with their accuracy and cost at 1,000 queries a day."""
    cells = []
    for row in scoreboard():
        values = [_cell(row[column]) for column in SHORT]
        cells.append([_label(row), *values[1:]])
    return sortable_table("Every way to build the support assistant", list(SHORT.values()), cells)


def scoreboard_table() -> Markup:
    """Return the recorded variants with all columns: parts of the quality, times and costs at
    several numbers of queries a day.
    """
    rows = scoreboard()
    columns = list(rows[0])
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    return sortable_table(
        "All columns: 100 questions for each of three seeds, 70 on a genuine model",
        columns,
        cells,
    )


def _cell(value: Estimate | float | str | None) -> TableCell | str:
    if value is None:
        return TableCell(Markup('<span class="note">not measured</span>'), -1)
    if isinstance(value, Estimate):
        return TableCell(
            Markup(
                f'{value.value:.2f} <span class="note">[{value.low:.2f}, {value.high:.2f}]</span>'
            ),
            value.value,
        )
    return (
        TableCell(f"{value:,.2f}" if isinstance(value, float) else f"{value:,}", value)
        if isinstance(value, float | int)
        else value
    )


def scoreboard_plot() -> plots.Figure:
    """Plot accuracy against cost at a thousand queries a day."""
    rows = scoreboard()
    points = [(row["money a month at 1,000 a day"], row["all four"].value) for row in rows]
    return plots.scatter(
        "Quality and cost",
        "dollars a month at a thousand queries a day",
        "all four at once",
        points,
        [_label(row) for row in rows],
    )


def _label(row: dict) -> str:
    """Return the condition, with the model if it is a genuine one."""
    return row["arm"] if row["model"] == WORLD else f"{row['arm']} ({short_name(row['model'])})"


def linked(figure: plots.Figure, place: str) -> Markup:
    """Return an image of the file at `place`, with the figure's data as text below it."""
    return Markup(
        f'<figure><img src="{place}" alt="{figure.alt.partition(":")[0]}"'
        f' loading="lazy">{data_in_text(figure.alt)}</figure>'
    )
