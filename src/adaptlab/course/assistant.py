"""The support assistant that the course ships: an adapter on the embedded chat model, tuned to answer as the house does from what a search found."""

import json
from pathlib import Path

from adaptlab.course.studies import RECORDED_FOR
from adaptlab.course.studies.arms import tuned
from adaptlab.evals.regression import load_tuned
from adaptlab.files import make_folder, write_whole
from adaptlab.models.load import checked_folder
from adaptlab.models.local import LocalChat

NAME, SEED = "assistant", 0


def assistant(chat: LocalChat) -> LocalChat:
    """The tuned model: shipped for the embedded chat model, and for any other tuned here and now, which takes minutes."""
    return load_tuned(str(checked_folder(NAME)), chat)[0] if chat.name == RECORDED_FOR else tuned(chat, SEED, "lora")[0]


def make_assistant(folder: Path, chat: LocalChat) -> Path:
    """Tune the adapter anew and leave it in `folder` with a record of the run, training.json."""
    make_folder(folder)
    model, seconds, n_tokens = tuned(chat, SEED, "lora")
    keep(model, folder, seconds, n_tokens)
    return folder


def keep(model: LocalChat, folder: Path, seconds: float, n_tokens: int) -> None:
    model.model.save_pretrained(folder)
    config = json.loads((folder / "adapter_config.json").read_text()) | {"base_model_name_or_path": RECORDED_FOR}  # and not where it lies on this machine
    write_whole(folder / "adapter_config.json", json.dumps(config, indent=1, sort_keys=True) + "\n")
    (folder / "README.md").unlink(missing_ok=True)  # a template that nobody filled in
    write_whole(folder / "training.json", json.dumps({"seed": SEED, "tokens": n_tokens, "seconds": round(seconds)}, indent=1) + "\n")
