"""The recorded outcomes on real models, as cells of tables."""

from markupsafe import Markup

from adaptlab.course.site.tables import TableCell
from adaptlab.course.site.verdicts import MARKS
from adaptlab.evals.claims import claim
from adaptlab.files import read_json
from adaptlab.models.assets import manifest
from adaptlab.studies.real_models.recorded import RECORDED, Outcome, recorded_outcomes


def by_model() -> dict[str, dict[str, Outcome]]:
    """Return the recorded outcomes by model and claim, smaller models first."""
    found: dict[str, dict[str, Outcome]] = {}
    for outcome in recorded_outcomes():
        found.setdefault(outcome.model, {})[outcome.id] = outcome
    sizes = {}
    for asset in manifest().values():
        sizes[asset.model_id] = sum(file.size for file in asset.files.values())
    return dict(sorted(found.items(), key=lambda pair: sizes.get(pair[0], 0)))


def short_name(model: str) -> str:
    """Return a model's name for a heading: smollm2 for gguf:smollm2."""
    return model.partition(":")[2] or model


def planned_hours(model: str) -> dict[str, float]:
    """Return the hours that each claim would take on the machine of a model's plan, if there is
    one.
    """
    path = RECORDED / short_name(model) / "plan.json"
    if not path.exists():
        return {}
    return {name: row["hours"] for name, row in read_json(path)["claims"].items()}


def outcome_cell(key: str, found: Outcome | None, hours: float | None = None) -> TableCell:
    """Return the verdict on a claim with its effect, interval and n; if it was not measured, the
    `hours` that it would take.
    """
    if not claim(key).language_model:
        says = "no language model takes part: the same result"
        return TableCell(Markup('<span class="note">{}</span>').format(says), "y")
    if found is None:
        note = "" if hours is None else Markup("<br>{:.1f} hours on a processor").format(hours)
        return TableCell(Markup('<span class="note">not measured{}</span>').format(note), "z")
    html = Markup(
        '<b class="verdict">{} {}</b><br>{:.3f} [{:.3f}, {:.3f}]<br>'
        '<span class="note">n = {}, {} seed{}</span>'
    ).format(
        MARKS[found.verdict],
        found.verdict,
        found.value,
        found.low,
        found.high,
        found.n,
        len(found.seeds),
        "" if len(found.seeds) == 1 else "s",
    )
    return TableCell(html, found.verdict)
