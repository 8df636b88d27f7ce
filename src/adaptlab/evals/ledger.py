"""The ledger: a notebook leaves the measurements of its claims in its outputs, and this module
collects them.
"""

import html
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import Rule, claim, claims
from adaptlab.files import read_json, reading

RECORD_MIME = "application/vnd.adaptlab.record+json"


@dataclass(frozen=True)
class Record:
    """One measured claim; `collect` fills in notebook and cell."""

    id: str
    value: float
    low: float
    high: float
    n: int
    seeds: tuple[int, ...]
    verdict: str
    published: str
    notebook: str = ""
    cell: str = ""

    @property
    def measured_on(self) -> str:
        """The model whose recorded rows decide the claim, if it is not the lesson's model."""
        return BORROWED.get(self.id, "")

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        found = claim(self.id)
        text = (
            f"{self.id} {self.verdict}: {found.rule.effect} = {self.value:.3f} [{self.low:.3f},"
            f" {self.high:.3f}], n = {self.n} ({found.rule.limits})"
        )
        lines = [found.text, text.split(": ", 1)[1], f"Published: {self.published}"]
        body = f"<b>{self.id}: {self.verdict}</b><br>" + "<br>".join(map(html.escape, lines))
        if found.built_in:
            body += f"<br><i>{html.escape(found.built_in)}</i>"
        if found.revised:
            body += f"<br><i>Rule changed after a run: {html.escape(found.revised)}</i>"
        if self.measured_on:
            note = f"Not in this run's ledger: the rows are those of {self.measured_on}."
            return {"text/plain": f"{text}. {note}", "text/html": f"{body}<br>{note}"}
        return {"text/plain": text, "text/html": body, RECORD_MIME: asdict(self)}


RECORDED: dict[str, Record] = {}
BORROWED: dict[str, str] = {}  # claims that a lesson decides by the rows of another model


def borrow(claim_ids: Iterable[str], model: str) -> None:
    """Keep claims out of the run's ledger: a lesson shows them with the rows of another model."""
    BORROWED.update(dict.fromkeys(claim_ids, model))


def record(
    claim_id: str,
    value: float,
    interval: tuple[float, float],
    n: int,
    seeds: Sequence[int],
    rule: Rule,
) -> Record:
    """Judge a measured effect by its rule and leave the record in the cell's output; return it in
    the cell's last line.

    `value` and `interval` are in the unit of the rule's effect. `n` counts cases; `seeds` lists the
    seeds.

    Raises:
        AdaptLabError: if a value is not valid, or the rule differs from the ledger's rule.
    """
    found = claim(claim_id)
    if not isinstance(interval, Sequence) or len(interval) != 2:
        raise AdaptLabError(
            f"{claim_id}: the interval is {interval!r}. Give a pair (low, high), as in"
            " effect.interval."
        )
    low, high = (float(bound) for bound in interval)
    if not all(map(math.isfinite, (value, low, high))) or not low <= value <= high:
        raise AdaptLabError(
            f"{claim_id}: the value {value} is not inside its interval [{low}, {high}]. Give"
            " a number inside it."
        )
    if n < 1 or not seeds:
        raise AdaptLabError(
            f"{claim_id}: the record has n = {n} and seeds = {list(seeds)}. Give at least one"
            " case and one seed."
        )
    if rule != found.rule:
        raise AdaptLabError(
            f"{claim_id}: the rule differs from the ledger's rule ({found.rule}). Use the"
            " ledger's rule."
        )
    RECORDED[claim_id] = Record(
        claim_id,
        float(value),
        low,
        high,
        int(n),
        tuple(seeds),
        rule.verdict(low, high),
        found.published,
    )
    return RECORDED[claim_id]


def read_records(path: Path) -> list[dict]:
    """Return the records in an executed notebook's outputs, with the notebook's name and the cell's
    id.

    Raises:
        AdaptLabError: if the notebook is not readable.
    """
    import nbformat  # a lesson only records, and saves the seconds of this import

    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception as error:  # nbformat raises several errors for a damaged file
        says = f"{path} is not a notebook that can be read ({type(error).__name__})"
        raise AdaptLabError(f"{says}. Run its lesson again.") from error
    records = []
    for cell in cells:
        for output in cell.get("outputs", []):
            found = output.get("data", {}).get(RECORD_MIME)
            if found:
                records.append(found | {"notebook": path.stem, "cell": cell.id})
    return records


def collect(notebooks: list[Path]) -> list[dict]:
    """Return all records of the notebooks, in the ledger's order.

    Raises:
        AdaptLabError: if a claim is recorded twice.
    """
    records = [record for path in notebooks for record in read_records(path)]
    by_id: dict[str, dict] = {}
    for found in records:
        if found["id"] in by_id:
            raise AdaptLabError(
                f"{found['id']} is recorded by {by_id[found['id']]['notebook']} and by"
                f" {found['notebook']}. Record each claim in one notebook only."
            )
        by_id[found["id"]] = found
    return [by_id[key] for key in sorted(by_id, key=_order)]


def _order(claim_id: str) -> int:
    """The place of a claim in claims.toml."""
    return list(claims()).index(claim_id)


COLUMNS = ("id", "verdict", "value", "low", "high", "n")  # the fields of a record in other outputs


def read_ledger(path: Path) -> list[dict]:
    """Return the records in the ledger of a run.

    Raises:
        AdaptLabError: if the file is not a ledger.
    """
    records = read_json(path)
    with reading(path, "Run the lessons again."):
        if isinstance(records, dict) or not all({*COLUMNS} <= record.keys() for record in records):
            raise TypeError("records are a list of objects")
    return records


def to_json(records: list[dict]) -> str:
    return json.dumps(records, indent=1) + "\n"
