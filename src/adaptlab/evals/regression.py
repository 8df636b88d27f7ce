"""From a model's name or folder to a recorded verdict: `adaptlab evals suite` and `adaptlab evals
gate`.
"""

import copy
from pathlib import Path
from typing import Any

from adaptlab.evals.gate import Comparison, compare
from adaptlab.evals.store import STORE, keep_run
from adaptlab.evals.suite import FOLDER, N_CASES, SEED, estimates, run_suite, weights_hash
from adaptlab.files import read_json
from adaptlab.models.load_adapter import with_adapter
from adaptlab.models.local import LocalChat
from adaptlab.tune.run import load_run


def load_tuned(tuned: str, base: LocalChat) -> tuple[LocalChat, dict]:
    """Return (model, configuration) of the folder of a run, of a PEFT adapter on `base`, or of
    another model's id.
    """
    folder = Path(tuned)
    config: Any = next(
        (
            read_json(path)
            for path in (folder / "config.json", folder / "adapter_config.json")
            if path.exists()
        ),
        {},
    )
    if isinstance(config, dict) and "options" in config:
        return load_run(folder, base), config
    if (folder / "adapter_config.json").exists():
        model = with_adapter(copy.deepcopy(base.model), folder, base.name)
        return LocalChat(f"{base.name} + {folder.name}", model, base.tokenizer), config
    return LocalChat(tuned), {"model": tuned}


def measure(model: str, n: int = N_CASES, seed: int = SEED, folder: Path = Path(".")) -> dict:
    """Run the suite on one model and store the run; return its scores by skill."""
    chat = LocalChat(model)
    scores = estimates(run_suite(chat, n, seed, folder / FOLDER))
    keep_run(
        folder / STORE,
        chat.name,
        weights_hash(chat.model),
        {"model": model, "n": n, "seed": seed},
        scores,
    )
    return scores


def gate(
    base: str,
    tuned: str,
    margin: float,
    n: int = N_CASES,
    seed: int = SEED,
    folder: Path = Path("."),
) -> list[Comparison]:
    """Compare both models on the same cases, skill by skill, and store the fine-tuned model's
    run.
    """
    before = LocalChat(base)
    after, config = load_tuned(tuned, before)
    old, new = (run_suite(chat, n, seed, folder / FOLDER) for chat in (before, after))
    rows = compare(old, new, margin=margin)
    settings = {"tuned": config, "margin": margin, "n": n, "seed": seed}
    keep_run(
        folder / STORE,
        after.name,
        weights_hash(after.model),
        settings,
        estimates(new),
        before.name,
        rows,
    )
    return rows
