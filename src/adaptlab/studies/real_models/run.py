"""Measure claims on a genuine language model, one claim and one seed at a time, resumable."""

import hashlib
import inspect
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import OUT_OF_REACH, claim, claims
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean
from adaptlab.evals.suite import weights_hash
from adaptlab.files import read_json, reading, write_whole
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar
from adaptlab.studies.real_models.adapters import ADAPTERS
from adaptlab.studies.real_models.between import BETWEEN
from adaptlab.studies.real_models.deciding import DECIDING
from adaptlab.studies.real_models.experiment import Experiment, Model
from adaptlab.studies.real_models.forgetting import FORGETTING
from adaptlab.studies.real_models.learning import LEARNING
from adaptlab.studies.real_models.measured_bank import pooled_conditions
from adaptlab.studies.real_models.more_levers import MORE_LEVERS
from adaptlab.studies.real_models.paying import PAYING
from adaptlab.studies.real_models.plan import plan
from adaptlab.studies.real_models.preferring import PREFERRING
from adaptlab.studies.real_models.prompting import PROMPTING
from adaptlab.studies.real_models.reading_tuned import READING_TUNED
from adaptlab.studies.real_models.recorded import OUTCOMES, RECORDED, Outcome
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.studies.real_models.retrieval import RETRIEVAL
from adaptlab.studies.real_models.rewarded import REWARDED
from adaptlab.studies.real_models.support import SUPPORT
from adaptlab.studies.real_models.tuning import TUNING

EXPERIMENTS: dict[str, Experiment] = (
    PROMPTING
    | RETRIEVAL
    | ADAPTERS
    | TUNING
    | LEARNING
    | PREFERRING
    | FORGETTING
    | DECIDING
    | SUPPORT
    | READING_TUNED
    | PAYING
    | MORE_LEVERS
    | REWARDED
)
PLAN = "plan.json"
PAIR = ("smollm2", "qwen-coder-0.5b")  # smaller and larger, for claims about two models
# A condition leaves the floor if its whole interval is this far above the accuracy of guessing.
MARGIN = 0.02


def measure(names: list[str], model_id: str, dtype: str, folder: Path) -> list[Path]:
    """Measure the claims, or all that have an experiment; each seed is kept when it is done.

    Raises:
        AdaptLabError: if a claim has no experiment, or a file is of another model.
    """
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        raise AdaptLabError(
            f"There is no experiment on {unknown[0]!r} for real models. Choose from"
            f" {', '.join(EXPERIMENTS)}."
        )
    chat = LocalChat(model_id, dtype=dtype)
    number_format = str(chat.model.dtype).removeprefix("torch.")
    weights = weights_hash(chat.model)
    model = Model(ReplyStore(chat, weights, folder / "replies.db"))
    head = {
        "model": model_id,
        "weights": weights,
        "format": number_format,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
    }
    paths = []
    left = [(name, seed) for name in names or EXPERIMENTS for seed in EXPERIMENTS[name].seeds]
    for name, seed in progress_bar(left, desc=model_id, unit="seed"):
        path = folder / f"{name}.json"
        _measure_seed(path, name, seed, model, head)
        if path not in paths:
            paths.append(path)
    return paths


def write_plan(model_id: str, dtype: str, folder: Path) -> Path:
    """Write plan.json: the tokens and hours of every experiment on a model and this machine."""
    chat = LocalChat(model_id, dtype=dtype)
    head = {"command": f"adaptlab claims --plan --model {model_id}", "cores": os.cpu_count()}
    write_whole(folder / PLAN, json.dumps(head | plan(EXPERIMENTS, chat), indent=1) + "\n")
    return folder / PLAN


def _measure_seed(path: Path, name: str, seed: int, model: Model, head: Mapping) -> None:
    command = f"adaptlab claims {name} --model {head['model']} --dtype {head['format']}"
    kept = read_json(path) if path.exists() else {"command": command, **head, "rows": []}
    with reading(path, "Move it away, and its rows are measured again."):
        if kept["weights"] != head["weights"]:
            raise AdaptLabError(
                f"{path} contains rows of other weights ({kept['model']}, {kept['format']}). Move"
                " it away, or choose another folder."
            )
        code = _code_of(EXPERIMENTS[name])
        # A row without its code was kept before codes were.
        rows = [row for row in kept["rows"] if row.get("code", code) == code]
        if any(row["seed"] == seed for row in rows):
            return
    found = EXPERIMENTS[name].measure(model, seed)
    conditions = {key: [_short(v) for v in values] for key, values in found.conditions.items()}
    rows.append({"seed": seed, "code": code, "conditions": conditions, "notes": found.notes})
    rows.sort(key=lambda row: row["seed"])
    forms = {task: asdict(choice) for task, choice in model.choices.items()}
    write_whole(path, json.dumps(kept | {"rows": rows}) + "\n")
    _keep_forms(path.parent, forms)


def _code_of(experiment: Experiment) -> str:
    """Return a hash of the module of an experiment: rows of an earlier version are measured again,
    which is fast where the prompts are the same, since replies are kept.
    """
    source = inspect.getsource(inspect.getmodule(experiment.measure) or experiment.measure)
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _forms(folder: Path) -> dict:
    path = folder / "forms.json"
    return read_json(path) if path.exists() else {}


def _keep_forms(folder: Path, forms: dict) -> None:
    """Add the chosen forms of prompts to those of a folder."""
    write_whole(folder / "forms.json", json.dumps(_forms(folder) | forms, indent=1) + "\n")


def _short(value: float) -> float | int:
    return int(value) if float(value).is_integer() else round(float(value), 6)


def _judge(
    name: str,
    kept: Mapping,
    effect: Estimate,
    arms: Sequence[Sequence[float]],
    floor: float,
    reached: bool = True,
) -> Outcome:
    """Return the outcome by the claim's rule, or out of reach if no arm leaves the floor."""
    verdict = claim(name).rule.verdict(effect.low, effect.high)
    shares = [mean(arm) for arm in arms]
    best = max(shares, key=lambda share: share.value, default=None)
    if not reached or (best and not leaves_floor(best, floor)):
        verdict = OUT_OF_REACH
    seeds = tuple(row["seed"] for row in kept["rows"])
    return Outcome(
        name, kept["model"], effect.value, effect.low, effect.high, effect.n, seeds, verdict
    )


def outcome(path: Path) -> Outcome:
    """Return the outcome of a kept measurement, by the claim's rule."""
    kept = read_json(path)
    with reading(path, "Move it away, and measure the claim again."):
        experiment = EXPERIMENTS[path.stem]
        found = pooled_conditions(kept)
        arms = [found[arm] for arm in experiment.arms]
        reached = experiment.reached is None or experiment.reached(found)
        return _judge(path.stem, kept, experiment.effect(found), arms, experiment.floor, reached)


def outcome_between(name: str, smaller: Path, larger: Path) -> Outcome:
    """Return the outcome of a claim about two models, as that of the larger one."""
    about = BETWEEN[name]
    kept = [read_json(path) for path in (smaller, larger)]
    with reading(larger, "Move it away, and measure the claim again."):
        found = [pooled_conditions(one) for one in kept]
        arms = list(about.arms(*found).values())
        return _judge(name, kept[1], about.effect(*found), arms, about.floor)


def leaves_floor(best: Estimate, floor: float) -> bool:
    """Whether the better condition is above guessing."""
    return best.low > floor + MARGIN


def outcomes(folder: Path) -> list[Outcome]:
    """Return the outcomes of all measurements in a model's folder, in the ledger's order."""
    paths = {path.stem: path for path in folder.glob("*.json")}
    return [outcome(paths[name]) for name in claims() if name in paths and name in EXPERIMENTS]


def missing_seeds(path: Path) -> list[int]:
    """Return the seeds that a kept measurement lacks; none for other files."""
    if path.stem not in EXPERIMENTS:
        return []
    with reading(path, "Move it away, and measure the claim again."):
        kept = {row["seed"] for row in read_json(path)["rows"]}
    return [seed for seed in EXPERIMENTS[path.stem].seeds if seed not in kept]


def record(folder: Path, name: str, studies: Path, recorded: Path = RECORDED) -> Path:
    """Copy the measurements of a model into the course under its name, and write all outcomes
    again.

    `studies` is the folder of the model's studies, of which `real_tasks` is copied. A measurement
    without all its seeds is left out.
    """
    if not (measured := sorted(folder.glob("*.json"))):
        raise AdaptLabError(
            f"{folder} contains no measurements. Run `adaptlab claims` first, or name another"
            " folder with --to."
        )
    whole = [path for path in measured if not missing_seeds(path)]
    for path in [*whole, *studies.glob("real_tasks.json")]:
        if path.name != "forms.json":
            write_whole(recorded / name / path.name, path.read_text(encoding="utf-8"))
    # The forms of claims that were measured in another folder stay.
    _keep_forms(recorded / name, _forms(folder))
    return write_outcomes(recorded)


def write_outcomes(recorded: Path = RECORDED) -> Path:
    """Write outcomes.json: the outcome of every recorded measurement, by the claims' rules."""
    made = []
    for folder in sorted(path for path in recorded.iterdir() if path.is_dir()):
        made += outcomes(folder)
    smaller, larger = (recorded / name for name in PAIR)
    for name, about in BETWEEN.items():
        paths = [folder / f"{about.source}.json" for folder in (smaller, larger)]
        if all(path.exists() for path in paths):
            made.append(outcome_between(name, *paths))
    order = list(claims())
    made.sort(key=lambda found: (found.model, order.index(found.id)))
    rows = [json.dumps(asdict(found)) for found in made]
    path = recorded / OUTCOMES.name
    write_whole(path, "[\n" + ",\n".join(rows) + "\n]\n")
    return path
