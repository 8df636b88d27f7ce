"""Fine-tuning in one call: conversations in, a chat model out."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.tune.options import DEFAULTS, Options
from adaptlab.tune.run import run_or_load
from adaptlab.tune.sft import trainer
from adaptlab.tune.trainer import trained_chat


def fine_tune(
    chat: LocalChat,
    conversations: Sequence[Messages],
    options: Options = DEFAULTS,
    validation: Sequence[Messages] = (),
    documents: Sequence[str] = (),
    keep_in: Path | str = "",
) -> LocalChat:
    """Train a copy of the chat model on the assistant's replies, and on whole documents; return the
    new chat model.

    `keep_in` is a folder in which the run is kept under the hash of all its inputs. The next call
    with the same inputs loads the run, or resumes it if it was interrupted. Without a folder,
    nothing stays on the disk.
    """
    name = f"{chat.name} + {options.method}"
    if keep_in:
        kept = run_or_load(chat, conversations, Path(keep_in), options, validation, documents)
        return LocalChat(name, kept.model, chat.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        made = trainer(chat, conversations, options, folder, validation, documents)
        made.train()
    return trained_chat(made, name, chat)
