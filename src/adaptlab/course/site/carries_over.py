"""What carries over: each claim in the invented world and on real models, next to each other."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from adaptlab import plots
from adaptlab.course.site.real_models import by_model, outcome_cell, short_name
from adaptlab.course.site.tables import TableCell, sortable_table
from adaptlab.course.site.verdicts import MARKS
from adaptlab.evals.claims import GROUPS, OUT_OF_REACH, claims

SAME = "same verdict"
WEAKER = "weaker"
STRONGER = "stronger"
OTHER_WAY = "other way round"
UNDECIDED = "not shown on one side"
UNMEASURED = "not measured"
NO_MODEL = "no language model"
COMPARED = (SAME, STRONGER, WEAKER, OTHER_WAY, UNDECIDED, OUT_OF_REACH)
RELATIONS = (*COMPARED, UNMEASURED, NO_MODEL)
_STRENGTH = {"refuted": 0, "holds with limits": 1, "holds": 2}


def relation(world: str, real: str) -> str:
    """Return one of RELATIONS for the verdicts in the world and on a real model."""
    if real == OUT_OF_REACH:
        return OUT_OF_REACH
    if world == real:
        return SAME
    if world not in _STRENGTH or real not in _STRENGTH:
        return UNDECIDED
    if 0 in (_STRENGTH[world], _STRENGTH[real]):
        return OTHER_WAY
    return WEAKER if _STRENGTH[real] < _STRENGTH[world] else STRONGER


def carries_over_table(records: Sequence[dict]) -> Markup:
    """Return a row for each claim that was measured on a real model."""
    models = by_model()
    verdicts = {record["id"]: record for record in records}
    measured = [key for key in claims() if any(key in found for found in models.values())]
    rows = []
    for key in measured:
        record = verdicts.get(key)
        row: list[TableCell | str] = [
            TableCell(
                Markup('<a href="ledger.html#{0}">{0}</a> {1}').format(key, claims()[key].text),
                list(claims()).index(key),
            ),
            GROUPS[key[0]],
            _world_cell(record),
        ]
        for found in models.values():
            row.append(outcome_cell(key, found.get(key)))
        said = [
            Markup("{}: {}").format(
                short_name(model), relation(record["verdict"], found[key].verdict)
            )
            for model, found in models.items()
            if record and key in found
        ]
        row.append(TableCell(Markup("<br>").join(said), said[0] if said else ""))
        rows.append(row)
    columns = ("Claim", "Lever", "Invented world", *map(short_name, models), "Carries over?")
    return sortable_table("Each claim in the world and on real models", columns, rows, measured)


def _world_cell(record: dict | None) -> TableCell:
    if record is None:
        return TableCell("not measured", "z")
    html = Markup('<b class="verdict">{} {}</b><br>{:.3f} [{:.3f}, {:.3f}]').format(
        MARKS[record["verdict"]], record["verdict"], record["value"], record["low"], record["high"]
    )
    return TableCell(html, record["verdict"])


def counts(records: Sequence[dict], model: str) -> dict[str, Counter]:
    """Return the number of claims in each relation, by kind of lever."""
    verdicts = {record["id"]: record["verdict"] for record in records}
    found = by_model()[model]
    counted: dict[str, Counter] = {name: Counter() for name in GROUPS.values()}
    for key in claims():
        kind = counted[GROUPS[key[0]]]
        if not claims()[key].language_model:
            kind[NO_MODEL] += 1
        elif key in found and key in verdicts:
            kind[relation(verdicts[key], found[key].verdict)] += 1
        else:
            kind[UNMEASURED] += 1
    return counted


def by_lever_table(records: Sequence[dict], model: str) -> Markup:
    """Return the number of claims in each relation, a row for each kind of lever."""
    found = counts(records, model)
    rows: list[tuple[TableCell | str, ...]] = []
    for lever, kinds in found.items():
        rows.append((lever, *(TableCell(str(kinds[name]), kinds[name]) for name in RELATIONS)))
    title = f"Claims by kind of lever on {short_name(model)}"
    return sortable_table(title, ("Lever", *RELATIONS), rows)


def comparable(records: Sequence[dict], model: str) -> bool:
    """Whether any claim was measured in the world and on this model."""
    return any(record["id"] in by_model()[model] for record in records)


def carries_over_plot(records: Sequence[dict], model: str) -> plots.Figure:
    """Plot the relations of the measured claims by kind of lever, where there are any."""
    columns = {}
    for lever, kinds in counts(records, model).items():
        columns[lever] = {name: float(kinds[name]) for name in COMPARED}
    # Where no lesson has run, no claim can be compared: then all columns are empty.
    measured = {lever: parts for lever, parts in columns.items() if any(parts.values())}
    columns = measured or columns
    return plots.stacked(f"What carries over to {short_name(model)}", "claims", columns)
