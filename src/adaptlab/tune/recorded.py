"""What a run records about itself for `adaptlab doctor --run`: end tokens among the learned labels,
the chat template, marks of other templates in the data, and the number format on this machine.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from transformers import Trainer

from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import bfloat16_speed
from adaptlab.tune.checked_reward import RewardRow
from adaptlab.tune.loss_mask import IGNORED
from adaptlab.tune.pairs import Pair

# Marks of turns in the templates of common models and in older prompt formats.
MARKS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|start_header_id|>",
    "<|eot_id|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<|user|>",
    "<|assistant|>",
    "[INST]",
    "[/INST]",
    "### Instruction:",
    "### Response:",
    "### Human:",
    "### Assistant:",
)


def template_hash(template: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a template's text."""
    return hashlib.sha256(template.encode()).hexdigest()[:16]


def marks_of_others(texts: Iterable[str], template: str) -> dict[str, int]:
    """Return the marks of other templates, each with the number of texts that contain it.

    A mark that occurs in `template`, the text of the model's own template, does not count.
    """
    foreign = [mark for mark in MARKS if mark not in template]
    found: Counter[str] = Counter()
    for text in texts:
        found.update(mark for mark in foreign if mark in text)
    return dict(found)


def _texts(row: Messages | Pair | RewardRow) -> list[str]:
    """Return all texts of a row of any kind of training data."""
    if isinstance(row, Pair):
        return [*_texts(row.prompt), row.chosen, row.rejected]
    messages = row.prompt if isinstance(row, RewardRow) else row
    return [message["content"] for message in messages]


def _learned(made: Trainer, ends: set[int]) -> dict[str, int] | None:
    """Count the learned labels of a trainer's rows, and the end tokens among them.

    None if the labels are not in the data: a model's own replies, or an older TRL's columns.
    """
    data = made.train_dataset
    columns = getattr(data, "column_names", None) or []
    name = next((each for each in ("labels", "chosen_ids") if each in columns), "")
    if not name:
        return None
    n_learned = 0
    n_ends = 0
    for labels in data[name]:
        learned = [label for label in labels if label != IGNORED]
        n_learned += len(learned)
        n_ends += sum(label in ends for label in learned)
    return {"rows": len(data), "tokens": n_learned, "ends": n_ends}


def recorded(
    made: Trainer,
    chat: LocalChat,
    rows: Sequence[Messages] | Sequence[Pair] | Sequence[RewardRow],
) -> dict:
    """Return what a run adds to its config.json.

    - `template`: hash of the chat template
    - `labels`: rows, learned tokens, and end tokens among these; None if the model writes its own
      replies
    - `marks`: marks of other templates, with the number of rows that contain them
    - `device`; for training in bfloat16 a processor's `bfloat16_speed` relative to float32, or
      whether a GPU only emulates it (`bfloat16_emulated`)
    """
    tokenizer = chat.tokenizer
    template = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
    ends = {*chat.template.end_ids} if template else set()
    ends |= {tokenizer.eos_token_id} - {None}
    device = made.args.device.type
    found = {
        "template": template_hash(template),
        "labels": _learned(made, ends),
        "marks": marks_of_others(("\n".join(_texts(row)) for row in rows), template),
        "device": device,
    }
    if device == "cpu" and made.args.bf16:
        found["bfloat16_speed"] = round(bfloat16_speed(), 3)
    if device == "cuda" and made.args.bf16:
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
        found["bfloat16_emulated"] = not supported
    return found
