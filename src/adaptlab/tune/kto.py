"""KTO with TRL (Ethayarajh et al. 2024): single replies labelled good or bad, without
comparisons.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace

from datasets import Dataset
from trl import KTOConfig, KTOTrainer

from adaptlab.models.local import LocalChat
from adaptlab.tune.dpo import LOGGED, rows, trained
from adaptlab.tune.options import PREFERENCE_DEFAULTS, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.scoring import score_replies_only
from adaptlab.tune.trainer import (
    adapter_config,
    add_progress,
    copy_to_train,
    merged,
    passes,
    quietly,
    training_arguments,
)


def approve(
    chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions = PREFERENCE_DEFAULTS
) -> tuple[LocalChat, list[dict]]:
    """Train with each pair split: its chosen reply is good, its rejected reply bad. Return (the
    trained chat model, its log).

    A step has the replies of `batch_size` pairs, as in DPO. So the same number of pairs is the same
    budget.
    """
    found = rows(chat, pairs, options.max_length)
    apart = [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in found
        for side in ("chosen", "rejected")
    ]
    n_replies = 2 * options.batch_size
    on_cpu = chat.model.device.type == "cpu"
    with tempfile.TemporaryDirectory() as folder, quietly():
        config = KTOConfig(
            beta=options.beta,
            max_length=options.max_length,
            logging_steps=LOGGED,
            **training_arguments(
                replace(options, batch_size=n_replies),
                folder,
                on_cpu,
                len(apart),
                passes(n_replies, on_cpu),
            ),
        )
        made = KTOTrainer(
            copy_to_train(merged(chat), options.method),
            args=config,
            train_dataset=Dataset.from_list(apart),
            processing_class=chat.tokenizer,
            peft_config=adapter_config(options, chat.model),
        )
        score_replies_only(made.model)
        add_progress(made)
        return trained(made, chat, "kto")
