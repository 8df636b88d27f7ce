"""The recorded outcomes of the claims on real models. Reading them loads no model library."""

import json
from dataclasses import dataclass
from pathlib import Path

from adaptlab.files import read_json
from adaptlab.studies.recorded import RESULTS

RECORDED = RESULTS / "real_models"
OUTCOMES = RECORDED / "outcomes.json"


@dataclass(frozen=True)
class Outcome:
    """A claim as measured on a model; the fields that `adaptlab results --json` prints."""

    id: str
    model: str
    value: float
    low: float
    high: float
    n: int
    seeds: tuple[int, ...]
    verdict: str


def recorded_outcomes() -> list[Outcome]:
    """Return the outcomes that come with the course, model by model; none if none is recorded."""
    if not OUTCOMES.exists():
        return []
    rows = json.loads(OUTCOMES.read_text(encoding="utf-8"))
    return [Outcome(**row | {"seeds": tuple(row["seeds"])}) for row in rows]


def recorded_real_tasks(recorded: Path = RECORDED) -> dict[str, list[dict]]:
    """Return the recorded rows of the study `real_tasks` by genuine model."""
    kept = map(read_json, sorted(recorded.glob("*/real_tasks.json")))
    return {one["model"]: one["rows"] for one in kept}
