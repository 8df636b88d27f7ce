"""The support assistant that the course ships: an adapter on the embedded chat model, tuned to
answer as the house does from what a search found.
"""

import json
from pathlib import Path

from adaptlab.evals.regression import load_tuned
from adaptlab.files import make_folder, write_whole
from adaptlab.models.load_model import checked_folder, name_base
from adaptlab.models.local import LocalChat
from adaptlab.studies.arms import tuned
from adaptlab.studies.run import RECORDED_FOR

NAME = "assistant"
SEED = 0


def assistant(chat: LocalChat) -> LocalChat:
    """The tuned model: shipped for the embedded chat model, and for any other tuned here and now,
    which takes minutes.
    """
    return (
        load_tuned(str(checked_folder(NAME)), chat)[0]
        if chat.name == RECORDED_FOR
        else tuned(chat, SEED, "lora")[0]
    )


def make_assistant(folder: Path, chat: LocalChat) -> Path:
    """Tune the adapter anew and leave it in `folder` with a record of the run, training.json."""
    make_folder(folder)
    model, seconds, n_tokens = tuned(chat, SEED, "lora")
    model.model.save_pretrained(folder)
    name_base(folder, RECORDED_FOR)
    (folder / "README.md").unlink(missing_ok=True)  # a template that nobody filled in
    write_whole(
        folder / "training.json",
        json.dumps({"seed": SEED, "tokens": n_tokens, "seconds": round(seconds)}, indent=1) + "\n",
    )
    return folder
