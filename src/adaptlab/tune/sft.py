"""Supervised fine-tuning with TRL and PEFT: all weights, an adapter, or the upper layers."""

import math
import os
from collections.abc import Sequence
from importlib.util import find_spec

from accelerate import PartialState
from datasets import Dataset
from torch import nn
from transformers import EarlyStoppingCallback, PreTrainedModel
from trl import SFTConfig, SFTTrainer

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.tune.loss_mask import IGNORED
from adaptlab.tune.options import Options
from adaptlab.tune.packing import collate, packed, refuse_mixing
from adaptlab.tune.rows import tokenized, tokenized_documents
from adaptlab.tune.scoring import pads_behind, strip_trainer
from adaptlab.tune.trainer import (
    adapter_config,
    add_progress,
    copy_to_train,
    merged,
    quietly,
    training_arguments,
)

PASS_TOKENS = 900


class ReplyTrainer(SFTTrainer):
    """TRL's trainer with logits only where some reply of the batch is, and without unused metrics.

    TRL computes all logits, twice, to save memory: on two cores that took 37% of a step of the
    embedded model.
    """

    def training_step(self, model, inputs, num_items_in_batch=None):
        """On a processor, run passes of at most PASS_TOKENS tokens, or of one sequence; their
        gradients add up to the batch's.

        Memory then grows with a sequence, not with the batch. Processes that share a batch would
        need the same number of passes each, so they run one.
        """
        n, length = inputs["input_ids"].shape
        n_passes = math.ceil(n / max(1, PASS_TOKENS // length))
        if (
            self.args.device.type != "cpu"
            or self.accelerator.num_processes > 1
            or num_items_in_batch is None
        ):
            n_passes = 1
        size = math.ceil(n / n_passes)
        loss = 0.0
        for i in range(0, n, size):
            loss += super().training_step(
                model,
                {name: values[i : i + size] for name, values in inputs.items()},
                num_items_in_batch,
            )
        return loss

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs["labels"]  # (B, T)
        places = (labels[:, 1:] != IGNORED).any(0).nonzero()[:, 0]  # whose next token is learned
        given = {key: value for key, value in inputs.items() if key != "labels"}
        if "attention_mask" in given and pads_behind(given["attention_mask"]):
            # Padding follows a row, and no token attends to it; without a mask attention
            # is faster.
            del given["attention_mask"]
        outputs = model(**given, use_cache=False, logits_to_keep=places)
        # An architecture may make them all.
        logits = (
            outputs.logits if outputs.logits.shape[1] == len(places) else outputs.logits[:, places]
        )
        aims = labels[:, places + 1]
        total = nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), aims.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        # A step's count is that of all processes, whose gradients are then averaged.
        n_learned = (
            (aims != IGNORED).sum().clamp(min=1)
            if num_items_in_batch is None
            else num_items_in_batch / self.accelerator.num_processes
        )
        loss = total / n_learned
        return (loss, outputs) if return_outputs else loss


def _freeze(model: PreTrainedModel, n_layers: int) -> None:
    layers = max((m for m in model.modules() if isinstance(m, nn.ModuleList)), key=len)
    if not n_layers < len(layers):
        raise AdaptLabError(
            f"n_frozen is {n_layers}, but the model has {len(layers)} layers. Leave at least"
            " one to train."
        )
    for part in (model.get_input_embeddings(), *layers[:n_layers]):
        part.requires_grad_(False)


def _config(options: Options, folder: str, on_cpu: bool, n_rows: int, validates: bool) -> SFTConfig:
    stops = {
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }
    return SFTConfig(
        # Among processes, so that their number changes nothing.
        per_device_eval_batch_size=options.batch_size,
        accelerator_config={"split_batches": True},
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch" if validates else "no",
        logging_steps=10,
        include_num_input_tokens_seen="all",
        **training_arguments(options, folder, on_cpu, n_rows, n_passes=1)
        | (stops if options.patience else {}),
    )


def trainer(
    chat: LocalChat,
    conversations: Sequence[Messages],
    options: Options,
    folder: str,
    validation: Sequence[Messages] = (),
    documents: Sequence[str] = (),
) -> SFTTrainer:
    """Make TRL's trainer for a copy of the chat's model; use it if you want another loss or
    callback.

    The loss covers the replies of the conversations, and every token of the documents.
    """
    if not conversations and not documents:
        raise AdaptLabError(
            "The training data are empty: no conversations and no documents. Give at least one."
        )
    if options.patience and not validation:
        raise AdaptLabError(
            "patience is set without validation conversations. Give validation"
            " conversations, whose loss says when to stop."
        )
    if options.tracking != "none":
        if find_spec(options.tracking) is None:
            raise AdaptLabError(
                f"{options.tracking}, the tracker, is not installed. Run: pip install"
                f" {options.tracking}"
            )
        os.environ.setdefault("WANDB_MODE", "offline")  # nothing here needs an account
    n_processes = PartialState().num_processes
    if options.batch_size % n_processes:
        raise AdaptLabError(
            f"A batch of {options.batch_size} cannot be split over {n_processes} processes."
            f" Choose a multiple of {n_processes}."
        )
    if options.packing:
        refuse_mixing(chat)
    chat = merged(chat)
    model = copy_to_train(chat, options.method)
    if options.n_frozen:
        _freeze(model, options.n_frozen)
    rows = tokenized(chat, conversations, options.max_length) + tokenized_documents(
        chat, documents, options.max_length
    )
    train = packed(rows, options.max_length) if options.packing else Dataset.from_list(rows)
    valid = (
        Dataset.from_list(tokenized(chat, validation, options.max_length)) if validation else None
    )
    with quietly():
        config = _config(options, folder, model.device.type == "cpu", len(train), bool(validation))
        made = ReplyTrainer(
            model,
            args=config,
            train_dataset=train,
            eval_dataset=valid,
            processing_class=chat.tokenizer,
            peft_config=adapter_config(options, chat.model),
            data_collator=collate if options.packing else None,
            callbacks=[EarlyStoppingCallback(options.patience)] if options.patience else None,
        )
    strip_trainer(made.model)
    add_progress(made, chat.model if options.method == "lora" else None)
    return made
