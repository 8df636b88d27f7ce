"""Rebuild the embedded models from scratch: tokenizer, base and chat of each size; a killed run can
resume.
"""

import json
import shutil
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from adaptlab.files import make_folder, write_whole
from adaptlab.models.recipe import BUDGETS, phases
from adaptlab.models.tokenizer import train_tokenizer
from adaptlab.models.train import PretrainingRun

STAGES = ("base", "chat")


def shared_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer in `folder`; train it if it does not exist."""
    if not (folder / "tokenizer.json").exists():
        train_tokenizer().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def make_models(folder: Path, budget: str = "full", seed: int = 0) -> None:
    """Train the base of each size of the budget, then its chat model; export both to
    `folder`/export/<size>-<stage>.
    """
    make_folder(folder)
    tokenizer = shared_tokenizer(folder / "tokenizer")
    for size in BUDGETS[budget]:
        start = None
        for stage in STAGES:
            export = folder / "export" / f"{size}-{stage}"
            run = PretrainingRun(
                size,
                phases(stage, size, budget),
                tokenizer,
                folder / f"{size}-{stage}",
                seed,
                start,
            )
            if not (export / "training.json").exists():
                progress = run.train()
                run.export(export)
                shutil.copy(run.folder / "log.jsonl", export / "log.jsonl")
                record = progress | {"seed": seed, "budget": budget, "parameters": run.n_parameters}
                write_whole(export / "training.json", json.dumps(record, indent=1) + "\n")
            start = export
