"""The bank of decisions on a genuine model: its tasks, and the matrix of measured levers. Reading
recorded rows loads no model library.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from adaptlab.decide.costs import Usage
from adaptlab.decide.need import Lever
from adaptlab.decide.task_bank import Described, Matrix, Measured
from adaptlab.errors import AdaptLabError
from adaptlab.evals.statistics import mean, proportion
from adaptlab.files import read_json, reading
from adaptlab.studies.real_models.recorded import RECORDED

N_TAUGHT = 300
N_SECTIONS = 100
PLAIN = ("known facts", "tone", "steps", "sentiment", "style", "desk", "record")
HANDBOOKS = ("handbook", "changed handbook")
DESCRIBED = {task: Described() for task in PLAIN} | {
    task: Described(lacks_facts=True, n_documents=N_SECTIONS) for task in HANDBOOKS
}
PARTS = ("prompt tokens", "reply tokens", "training tokens")
CLAIM = "H1"  # whose rows are the bank's


def pooled_conditions(kept: Mapping) -> dict[str, list[float]]:
    """Return the outcomes of all seeds of a kept measurement together, by condition."""
    found: dict[str, list[float]] = {}
    for row in kept["rows"]:
        for key, values in row["conditions"].items():
            found.setdefault(key, []).extend(values)
    return found


def matrix(found: Mapping[str, Sequence[float]]) -> Matrix:
    """Return the measured levers of each task, from the bank's conditions."""
    made: dict[str, dict[Lever, Measured]] = {}
    for task, about in DESCRIBED.items():
        made[task] = {}
        for lever in Lever:
            key = f"{task}, {lever}"
            if key not in found:
                continue
            hits = proportion([bool(hit) for hit in found[key]])
            n_prompt, n_reply, n_training = (mean(found[f"{key}: {part}"]).value for part in PARTS)
            relearns = task == "handbook" and lever is Lever.TUNE
            usage = Usage(n_prompt, n_reply, n_training, n_training if relearns else 0.0)
            # Questions on documents can be made from the documents, and need no examples.
            n_examples = N_TAUGHT if lever.tunes and not about.lacks_facts else 0
            made[task][lever] = Measured({n_examples: hits}, usage)
    return made


def measured_models(recorded: Path = RECORDED) -> dict[str, Path]:
    """Return the file of the bank's rows for each model that it was measured on."""
    paths = sorted(recorded.glob(f"*/{CLAIM}.json"))
    return {read_json(path)["model"]: path for path in paths}


def recorded_matrix(model: str, recorded: Path = RECORDED) -> Matrix:
    """Return the matrix of a genuine model.

    Raises:
        AdaptLabError: if the bank was not measured on it.
    """
    known = measured_models(recorded)
    if model not in known:
        there = ", ".join(known) or "none but embedded:chat"
        raise AdaptLabError(
            f"The bank of decisions is not measured on {model!r}. Choose a measured model"
            f" ({there}), or measure it: adaptlab claims {CLAIM} --model {model}"
        )
    with reading(known[model], "Install adaptlab again."):
        return matrix(pooled_conditions(read_json(known[model])))
