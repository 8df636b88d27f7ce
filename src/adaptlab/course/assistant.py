"""The support assistant of the course: an adapter on the embedded chat model for answers from
search results.
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
    """Return the fine-tuned model: shipped for the embedded chat model; for any other fine-tuned
    now, in minutes.
    """
    return (
        load_tuned(str(checked_folder(NAME)), chat)[0]
        if chat.name == RECORDED_FOR
        else tuned(chat, SEED, "lora")[0]
    )


def make_assistant(folder: Path, chat: LocalChat) -> Path:
    """Train the adapter again and save it in `folder` with a record of the run, training.json."""
    make_folder(folder)
    model, seconds, n_tokens = tuned(chat, SEED, "lora")
    model.model.save_pretrained(folder)
    name_base(folder, RECORDED_FOR)
    (folder / "README.md").unlink(missing_ok=True)  # an empty template
    write_whole(
        folder / "training.json",
        json.dumps({"seed": SEED, "tokens": n_tokens, "seconds": round(seconds)}, indent=1) + "\n",
    )
    return folder
