"""The measurements of the course as a matrix for decisions: tasks by levers, from the recorded
studies.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from adaptlab.decide.costs import PRICES, Prices, Usage, monthly_cost
from adaptlab.decide.need import Lever, lever
from adaptlab.decide.task_bank import Described, Matrix, Measured
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean, proportion
from adaptlab.files import read_json
from adaptlab.studies.assistants import ARMS, N_ASKED, N_LOOKED_AT, N_WITHOUT
from adaptlab.studies.real_models import measured_bank
from adaptlab.studies.real_models.measured_bank import pooled_conditions
from adaptlab.studies.real_models.recorded import RECORDED
from adaptlab.studies.recorded import recorded

WORLD = "embedded:chat"  # the model of the recorded studies
N_DOCUMENTS = 100
N_TRANSCRIPTS = 720  # sections of a handbook; conversations in the stack's fine-tuning
# Tasks whose fine-tuning is in the learning curve, with the column of the count.
HOUSE = {"style": "with the right word", "desk": "right", "record": "right"}
EXAMPLES = (30, 300, 1000)
SUPPORT = {
    Lever.PROMPT: ("prompt", "prompt, step by step", "prompt, two examples"),
    Lever.RETRIEVE: (
        "retrieval",
        "retrieval, short prompt",
        "retrieval, two examples",
        "retrieval, retrieved examples",
    ),
    Lever.TUNE: ("tuned on facts",),
    Lever.BOTH: ("the stack", "the stack, one chunk"),
}
DESCRIBED = {
    "known facts": Described(),
    "handbook": Described(lacks_facts=True, n_documents=N_DOCUMENTS),
    "changed handbook": Described(lacks_facts=True, n_documents=N_DOCUMENTS),
    "tone": Described(),
    "steps": Described(),
    "sentiment": Described(),
    "style": Described(),
    "desk": Described(),
    "record": Described(),
    "support assistant": Described(
        lacks_facts=True,
        n_documents=N_DOCUMENTS,
        baseline="the retrieved sentence that is most similar to the question, in a template",
    ),
}


@cache
def _rows(study: str) -> list[dict]:
    """Return a study's recorded rows, read once."""
    return recorded(study)["rows"]


def over_seeds(rows: Sequence[dict], count: str = "right") -> Estimate:
    """Return a share over the seeds."""
    n_right = sum(row[count] for row in rows)
    n = sum(row["of"] for row in rows)
    return proportion([True] * n_right + [False] * (n - n_right))


def _mean(rows: Sequence[dict], name: str) -> float:
    return sum(row.get(name, 0) for row in rows) / len(rows)


def usage(rows: Sequence[dict], facts: bool = False) -> Usage:
    """Return the tokens of a lever's rows; with `facts`, the training is repeated when facts
    change.
    """
    trained = _mean(rows, "training tokens")
    return Usage(
        _mean(rows, "prompt tokens"),
        _mean(rows, "completion tokens"),
        trained,
        trained if facts else 0.0,
    )


def _among(rows: Sequence[dict], **setting) -> list[dict]:
    return [row for row in rows if setting.items() <= row.items()]


def arm(name: str) -> list[dict]:
    """Return the recorded rows of one condition of the support assistant."""
    return _among(_rows("arms"), arm=name)


def usages_by_seed(task: str, by: Lever) -> list[Usage]:
    """Return a lever's usage on a task, seed by seed."""
    return [usage([row]) for row in _among(_rows("levers"), task=task, lever=by)]


def matrix_of(model: str = "") -> tuple[Matrix, Mapping[str, Described]]:
    """Return the measured levers and the tasks of the embedded model, or of a genuine one.

    Raises:
        AdaptLabError: if the bank was not measured on this model.
    """
    if model in ("", WORLD):
        return matrix(), DESCRIBED
    return measured_bank.recorded_matrix(model), measured_bank.DESCRIBED


@cache
def matrix() -> Matrix:
    """Return every task by every measured lever; of several prompts the best."""
    found = {task: _of_task(task) for task in DESCRIBED if task != "support assistant"}
    best = {
        lever: max((arm(name) for name in names), key=lambda rows: over_seeds(rows).value)
        for lever, names in SUPPORT.items()
    }
    found["support assistant"] = {
        lever: Measured(
            {N_TRANSCRIPTS if lever is Lever.BOTH else 0: over_seeds(rows)},
            usage(rows, lever is Lever.TUNE),
        )
        for lever, rows in best.items()
    }
    return found


@cache
def baselines() -> dict[str, dict[int, Estimate]]:
    """Return the accuracy of the baselines without a language model, by task and number of
    examples.
    """
    rows = _among(_rows("by_examples"), method="TF-IDF")
    sizes = sorted({row["n"] for row in rows})
    return {
        "desk": {n: over_seeds(_among(rows, n=n)) for n in sizes},
        "support assistant": {N_LOOKED_AT: over_seeds(arm("no language model"))},
    }


def _of_task(task: str) -> dict[Lever, Measured]:
    by_lever = {
        lever: _among(_rows("levers"), task=task, lever=lever)
        for lever in (Lever.PROMPT, Lever.RETRIEVE, Lever.TUNE)
    }
    measured: dict[Lever, Measured] = {
        lever: Measured({0: over_seeds(rows)}, usage(rows))
        for lever, rows in by_lever.items()
        if lever is not Lever.TUNE
    }
    about_facts = DESCRIBED[task].lacks_facts
    measured[Lever.TUNE] = Measured(
        _tuned(task, by_lever[Lever.TUNE]), usage(by_lever[Lever.TUNE], task == "handbook")
    )
    if about_facts:
        rows = max(map(arm, SUPPORT[Lever.BOTH]), key=lambda rows: over_seeds(rows, "value").value)
        measured[Lever.BOTH] = Measured({N_TRANSCRIPTS: over_seeds(rows, "value")}, usage(rows))
    return measured


def _tuned(task: str, rows: Sequence[dict]) -> dict[int, Estimate]:
    """Return scores by the number of examples.

    Questions about documents can be generated from the documents, so they need no examples.
    """
    if task in HOUSE:
        curve = _rows("learning_curve")
        return {n: over_seeds(_among(curve, task=task, n=n), HOUSE[task]) for n in EXAMPLES}
    return {0 if DESCRIBED[task].lacks_facts else 300: over_seeds(rows)}


# Properties of a reply, and the study's columns for them.
ASPECTS = {"right": "value", "cited": "source", "in form": "form", "in tone": "tone"}
QUERIES = (1e2, 1e3, 1e4, 1e5, 1e6, 1e7)  # a day


def scoreboard(prices: Prices = PRICES) -> list[dict]:
    """Return a row for every condition of the support assistant, on the embedded model and on each
    genuine model that was measured: accuracy, resources, and cost.

    A value is None where it was not measured.
    """
    rows = [_row(name, arm(name), prices) for name in ARMS]
    columns = list(rows[0])
    for model, found in assistants_on_models().items():
        for name in ARMS:
            if f"{name}: all four" in found:
                row = _row_on_model(model, name, found, prices)
                rows.append({column: row.get(column) for column in columns})
    return rows


def assistants_on_models() -> dict[str, dict[str, list[float]]]:
    """Return the recorded conditions of claim H2 by genuine model."""
    kept = map(read_json, sorted(RECORDED.glob("*/H2.json")))
    return {one["model"]: pooled_conditions(one) for one in kept}


def _row_on_model(model: str, name: str, found: dict[str, list[float]], prices: Prices) -> dict:
    built = ARMS[name]
    shares = {}
    for column, aspect in {"all four": "all four", **ASPECTS}.items():
        shares[column] = proportion([bool(hit) for hit in found[f"{name}: {aspect}"]])
    n_prompt, n_reply, n_trained = (
        mean(found[f"{name}: {part} tokens"]).value for part in ("prompt", "reply", "training")
    )
    used = Usage(n_prompt, n_reply, n_trained, n_trained if built.tuning == "facts" else 0.0)
    row: dict = {"arm": name, "model": model} | shares
    row |= {"prompt tokens": used.prompt_tokens, "reply tokens": used.completion_tokens}
    return row | _money(lever(built.shows_chunks, bool(built.tuning)), used, prices)


def _money(by: Lever, used: Usage, prices: Prices) -> dict[str, float]:
    return {
        f"money a month at {n:,.0f} a day": monthly_cost(by, used, n, prices=prices)
        for n in QUERIES
    }


def _row(name: str, rows: Sequence[dict], prices: Prices) -> dict:
    built = ARMS[name]
    used = usage(rows, built.tuning == "facts")
    by = lever(built.shows_chunks, bool(built.tuning))
    row = {"arm": name, "model": WORLD, "all four": over_seeds(rows)} | {
        name: over_seeds(rows, count) for name, count in ASPECTS.items()
    }
    row |= {
        "declines what is there": _of(rows, "declined, of answerable", N_ASKED - N_WITHOUT),
        "invents": _of(rows, "invented, of unanswerable", N_WITHOUT),
    }
    row |= {
        "prompt tokens": used.prompt_tokens,
        "reply tokens": used.completion_tokens,
        "p50 s": _mean(rows, "p50"),
        "p95 s": _mean(rows, "p95"),
    }
    row |= {
        "trained parameters": round(_mean(rows, "trained")),
        "minutes to build": _mean(rows, "build seconds") / 60,
        "minutes to update a fact": (
            _mean(rows, "build seconds") / 60 if used.update_tokens else 0.0
        ),
    }
    return row | _money(by, used, prices)


def _of(rows: Sequence[dict], count: str, n_each: int) -> Estimate:
    return over_seeds([row | {"of": n_each} for row in rows], count)
