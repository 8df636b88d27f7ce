"""The ledger of claims as a table: the guides' claims, our measurements, published numbers."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from adaptlab.course.site.real_models import by_model, outcome_cell, planned_hours, short_name
from adaptlab.course.site.tables import TableCell, sortable_table
from adaptlab.course.site.verdicts import MARKS
from adaptlab.evals.claims import VERDICTS, Claim, claims

COLUMNS = ("Claim", "Measured here, 95% interval", "Verdict", "Published")


def ledger_table(records: Sequence[dict]) -> Markup:
    """Return a row for each record of ledger.json, with the claim's id as its anchor; the value
    links to its cell. Each real model has a column.
    """
    order = {key: place for place, key in enumerate(claims())}
    models = by_model()
    hours = {model: planned_hours(model) for model in models}
    rows = [
        (
            _claimed(claims()[r["id"]], order[r["id"]]),
            _measured(r),
            _verdict(r, claims()[r["id"]]),
            *(
                outcome_cell(r["id"], found.get(r["id"]), hours[model].get(r["id"]))
                for model, found in models.items()
            ),
            r["published"],
        )
        for r in records
    ]
    return sortable_table(
        "What the guides claim, what was measured, what was published",
        (*COLUMNS[:-1], *map(short_name, models), COLUMNS[-1]),
        rows,
        [r["id"] for r in records],
    )


def _claimed(entry: Claim, place: int) -> TableCell:
    note = (
        Markup('<br><span class="note">{}</span>').format(entry.built_in) if entry.built_in else ""
    )
    text = Markup(
        '<a class="claim" href="#{0}">{0}</a> {1} <span class="note">(guides: {2})</span>{3}'
    )
    return TableCell(text.format(entry.id, entry.text, entry.guides, note), place)


def _measured(record: dict) -> TableCell:
    link = Markup(
        '<a href="lessons/{notebook}.html#cell-{cell}">{value:.3f} [{low:.3f}, {high:.3f}]</a>'
    )
    return TableCell(
        link.format(**record)
        + Markup('<br><span class="note">n = {}, seeds {}</span>').format(
            record["n"], ", ".join(map(str, record["seeds"]))
        ),
        record["value"],
    )


def _verdict(record: dict, entry: Claim) -> TableCell:
    verdict = record["verdict"]
    revised = (
        Markup("<br>Rule changed after a run: {}").format(entry.revised) if entry.revised else ""
    )
    html = Markup('<b class="verdict">{} {}</b><br><span class="note">{}{}</span>').format(
        MARKS[verdict], verdict, entry.rule, revised
    )
    return TableCell(html, VERDICTS.index(verdict))


def verdicts_of(records: Sequence[dict], notebook: str = "") -> str:
    """Summarize the verdicts of one lesson or of all, as in "7 claims: 4 holds, 3 refuted"; empty
    without records.
    """
    counts = Counter(
        record["verdict"] for record in records if notebook in ("", record["notebook"])
    )
    by_verdict = ", ".join(
        f"{counts[verdict]} {MARKS[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]
    )
    return f"{counts.total()} claim{'s' * (counts.total() != 1)}: {by_verdict}" if counts else ""
