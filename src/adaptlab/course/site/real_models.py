"""The recorded outcomes on real models, as cells of tables."""

from markupsafe import Markup

from adaptlab.course.site.tables import TableCell
from adaptlab.course.site.verdicts import MARKS
from adaptlab.models.assets import manifest
from adaptlab.studies.real_models.recorded import Outcome, recorded_outcomes


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


def outcome_cell(found: Outcome | None) -> TableCell:
    """Return a verdict with its effect, interval and n; a dash if it was not measured."""
    if found is None:
        return TableCell("not measured", "z")
    html = Markup(
        '<b class="verdict">{} {}</b><br>{:.3f} [{:.3f}, {:.3f}]<br>'
        '<span class="note">n = {}, seeds {}</span>'
    ).format(
        MARKS[found.verdict],
        found.verdict,
        found.value,
        found.low,
        found.high,
        found.n,
        ", ".join(map(str, found.seeds)),
    )
    return TableCell(html, found.verdict)
