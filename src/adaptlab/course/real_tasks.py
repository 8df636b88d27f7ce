"""Real tasks in the lessons: accuracy by method and number of labelled examples, as recorded."""

from collections.abc import Sequence

import pandas as pd

from adaptlab import plots
from adaptlab.course.decisions import over_seeds
from adaptlab.evals.estimate import Estimate
from adaptlab.studies.real_models.recorded import recorded_real_tasks
from adaptlab.studies.recorded import recorded

TITLES = {
    "banking77": "Bank customers: 77 intents (Banking77)",
    "clinc150": "150 intents, and out of scope (CLINC150)",
    "hotel_slots": "Hotel bookings as JSON (NLU++)",
}


def _pooled(rows: Sequence[dict], task: str) -> dict[str, dict[float, Estimate]]:
    """Return the accuracy over all seeds, by method and number of examples.

    Seeds have different examples and the same test cases. Without examples they are all alike, and
    one counts.
    """
    found: dict[str, dict[int, list[dict]]] = {}
    for row in rows:
        if row["task"] == task:
            found.setdefault(row["method"], {}).setdefault(row["n"], []).append(row)
    made: dict[str, dict[float, Estimate]] = {}
    for method, by_n in found.items():
        made[method] = {}
        for n, of_seeds in sorted(by_n.items()):
            made[method][n] = over_seeds(of_seeds if n else of_seeds[:1])
    return made


def accuracies(task: str) -> dict[str, dict[float, Estimate]]:
    """Return the accuracy on a task, by method and number of labelled examples.

    The methods without a language model come first; the others name their model.
    """
    made = _pooled(recorded("without_model")["rows"], task)
    for model, rows in recorded_real_tasks().items():
        name = model.partition(":")[2] or model
        for method, by_n in _pooled(rows, task).items():
            made[f"{name}, {method}"] = by_n
    return made


def real_task_table(task: str) -> pd.DataFrame:
    """Return a row for each method, and a column for each number of labelled examples."""
    found = accuracies(task)
    sizes = sorted({n for by_n in found.values() for n in by_n})
    rows = {}
    for method, by_n in found.items():
        rows[method] = [_cell(by_n[n]) if n in by_n else "" for n in sizes]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[f"{n:,}" for n in sizes])
    return table.rename_axis(columns="labelled examples")


def _cell(found: Estimate) -> str:
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def real_task_curves(task: str) -> plots.Figure:
    """Plot accuracy against the number of labelled examples; a prompt without examples is a line
    at its accuracy.
    """
    found = accuracies(task)
    prompts = {name: by_n[0].value for name, by_n in found.items() if 0 in by_n}
    curves = {name: by_n for name, by_n in found.items() if 0 not in by_n}
    return plots.uneven_curves(
        TITLES[task], "labelled examples", "accuracy", curves, prompts, logarithmic=True
    )
