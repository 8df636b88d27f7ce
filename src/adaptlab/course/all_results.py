"""Every recorded claim: of the last run of the lessons, and of the measurements on real models."""

import json
from dataclasses import asdict
from pathlib import Path

from adaptlab.evals.claims import claim, claims
from adaptlab.evals.ledger import read_ledger
from adaptlab.models.load_model import PROFILES
from adaptlab.studies.real_models.recorded import recorded_outcomes

FIELDS = ("id", "model", "value", "low", "high", "n", "seeds", "verdict")


def all_results(build: Path) -> list[dict]:
    """Return a row with FIELDS for each claim and model; the last run comes first, if there is one.

    A run in build/PROFILE-MODEL is of that model, a run in build/PROFILE of the profile's model.
    A claim without a language model in its experiment has the run's result for every model.
    """
    rows: list[dict] = []
    shared: list[dict] = []
    if (build / "ledger.json").exists():
        models = PROFILES.get(build.name)
        name = models["chat_model"] if models else build.name.partition("-")[2]
        rows += [record | {"model": name} for record in read_ledger(build / "ledger.json")]
        shared = [row for row in rows if not claim(row["id"]).language_model]
    by_model: dict[str, list[dict]] = {}
    for found in recorded_outcomes():
        by_model.setdefault(found.model, []).append(asdict(found))
    order = list(claims())
    for model, measured in by_model.items():
        measured += [row | {"model": model} for row in shared]
        rows += sorted(measured, key=lambda row: order.index(row["id"]))
    return [{key: row[key] for key in FIELDS} for row in rows]


def to_json(build: Path) -> str:
    """Return all results as a JSON list, one row per line."""
    lines = [json.dumps(row) for row in all_results(build)]
    return "[\n" + ",\n".join(lines) + "\n]"
