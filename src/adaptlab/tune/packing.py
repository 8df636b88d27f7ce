"""Packing: several conversations share one sequence, without attention between them."""

import inspect

import torch
from datasets import Dataset
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel
from trl import pack_dataset

from adaptlab.errors import AdaptLabError
from adaptlab.models.local import LocalChat
from adaptlab.tune.loss_mask import IGNORED

# The token may be any: no token that counts attends to it.
PADDING = {"input_ids": 0, "labels": IGNORED, "position_ids": 0}
INSTEAD = "Leave packing out: conversations of similar length then share a batch."


def packed(rows: list[dict[str, list[int]]], max_length: int) -> Dataset:
    """Pack whole texts into rows of up to max_length tokens, the longest first, with their
    `seq_lengths`.

    The first token of a text is not learned: another text's end precedes it.
    """
    unopened = [row | {"labels": [IGNORED, *row["labels"][1:]]} for row in rows]
    return pack_dataset(
        Dataset.from_list(unopened), max_length, strategy="bfd", map_kwargs={"desc": "packing"}
    )


def collate(rows: list[dict]) -> dict[str, torch.Tensor]:
    """Return `input_ids`, `labels` and `position_ids`, (B, T) each.

    Positions start again at every text. Without a mask, models separate the texts by these
    positions.
    """
    lengths = [row.get("seq_lengths") or [len(row["input_ids"])] for row in rows]
    positions = [
        {"position_ids": [at for length in each for at in range(length)]} for each in lengths
    ]
    columns = {
        name: [torch.tensor((row | more)[name]) for row, more in zip(rows, positions)]
        for name in PADDING
    }
    return {
        name: pad_sequence(values, batch_first=True, padding_value=PADDING[name])
        for name, values in columns.items()
    }


def refuse_mixing(chat: LocalChat) -> None:
    """Check that a model can keep packed conversations apart, by its layers, its arguments, and a
    trial.

    Raises:
        AdaptLabError: if it cannot.
    """
    if any(isinstance(module, nn.Conv1d) for module in chat.model.modules()):
        raise AdaptLabError(
            f"{chat.name} has convolution layers, which would read across packed"
            f" conversations. {INSTEAD}"
        )
    if "position_ids" not in inspect.signature(chat.model.forward).parameters:
        raise AdaptLabError(
            f"{chat.name} does not take position_ids, which separate packed conversations."
            f" {INSTEAD}"
        )
    if _mixes(chat.model):
        raise AdaptLabError(
            f"{chat.name} gives a packed conversation other probabilities than the same"
            f" conversation alone. {INSTEAD}"
        )


@torch.no_grad()
def _mixes(model: PreTrainedModel) -> bool:
    """Whether the second of two packed texts gets other logits than alone, by more than
    rounding.
    """
    n = 8
    # (1, 2n).
    ids = torch.arange(2 * n, device=model.device)[None] % model.config.get_text_config().vocab_size
    positions = torch.arange(n, device=model.device).repeat(2)[None]
    alone = model(input_ids=ids[:, n:], use_cache=False).logits
    after = model(input_ids=ids, position_ids=positions, use_cache=False).logits[:, n:]
    return bool(
        (after - alone).abs().max() > torch.finfo(alone.dtype).eps ** 0.5 * alone.abs().max()
    )
