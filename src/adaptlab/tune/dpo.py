"""Preference optimization with TRL: pairs of replies in, a chat model out. It needs no reward model
and generates nothing.
"""

import tempfile
from collections.abc import Sequence

from datasets import Dataset
from transformers import Trainer
from trl import DPOConfig, DPOTrainer

from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant
from adaptlab.models.local import LocalChat
from adaptlab.tune.options import PREFERENCE_DEFAULTS, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.rows import refuse_control_tokens
from adaptlab.tune.scoring import score_replies_only
from adaptlab.tune.trainer import (
    adapter_config,
    add_progress,
    copy_to_train,
    merged,
    passes,
    quietly,
    trained_chat,
    training_arguments,
)

LOGGED = 5  # steps between rows of a log


def rows(chat: LocalChat, pairs: Sequence[Pair], max_length: int) -> list[dict]:
    """Make TRL's explicit prompts, in roles that the model knows, with the number of tokens of the
    longer side.

    Pairs of similar `length` share a batch.

    Raises:
        AdaptLabError: if there are no pairs, the template does not render a pair, or a side has
            more than `max_length` tokens. TRL would silently cut the end of the reply.
    """
    if not pairs:
        raise AdaptLabError("The list of pairs is empty. Give at least one pair.")
    chat.template.require()
    for number, pair in enumerate(pairs, 1):
        if not isinstance(pair, Pair):
            given = f"Pair {number} is {type(pair).__name__}"
            raise AdaptLabError(f"{given}, not a Pair. Read pairs with read_pairs.")
        refuse_control_tokens(
            chat, [assistant(pair.chosen), assistant(pair.rejected)], f"pair {number}"
        )
    sides = (pair.conversation(reply) for pair in pairs for reply in (pair.chosen, pair.rejected))
    texts = [chat.template.render(chat.known_roles(side)) for side in sides]
    lengths = [len(ids) for ids in chat.tokenizer(texts, add_special_tokens=False)["input_ids"]]
    lengths = [max(both) for both in zip(lengths[::2], lengths[1::2])]
    for number, length in enumerate(lengths, 1):
        if length > max_length:
            raise AdaptLabError(
                f"Pair {number} has {length} tokens and max_length is {max_length}. Shorten"
                " it, or raise max_length."
            )
    return [
        {
            "prompt": chat.known_roles(pair.prompt),
            "chosen": [assistant(pair.chosen)],
            "rejected": [assistant(pair.rejected)],
            "length": length,
        }
        for pair, length in zip(pairs, lengths)
    ]


class ReplyDPOTrainer(DPOTrainer):
    """TRL's trainer, which computes log-probabilities only for reply tokens, including those of the
    reference.
    """

    def _precompute_ref_logps(self, *args, **kwargs):
        score_replies_only(self.model)
        return super()._precompute_ref_logps(*args, **kwargs)


def dpo_trainer(
    chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions, folder: str
) -> DPOTrainer:
    """Make TRL's trainer for a copy of the chat's model.

    The chat's model is also the reference; its log-probabilities are computed once, before
    training.
    """
    chat = merged(chat)
    model = copy_to_train(chat, options.method)
    on_cpu = chat.model.device.type == "cpu"
    data = Dataset.from_list(rows(chat, pairs, options.max_length))
    with quietly():
        config = DPOConfig(
            beta=options.beta,
            loss_type=[options.loss],
            precompute_ref_log_probs=True,
            max_length=options.max_length,
            logging_steps=LOGGED,
            # Otherwise the lengths would be removed.
            train_sampling_strategy="group_by_length",
            remove_unused_columns=False,
            **training_arguments(
                options, folder, on_cpu, len(pairs), passes(options.batch_size, on_cpu)
            ),
        )
        made = ReplyDPOTrainer(
            model,
            args=config,
            train_dataset=data,
            processing_class=chat.tokenizer,
            peft_config=adapter_config(options, chat.model),
        )
    add_progress(made, chat.model if options.method == "lora" else None)
    return made


def trained(
    made: Trainer, chat: LocalChat, method: str, logged: str = "loss"
) -> tuple[LocalChat, list[dict]]:
    """Train; return (the trained chat model, the rows of its log that have `logged`)."""
    made.train()
    return trained_chat(made, f"{chat.name} + {method}", chat), [
        row for row in made.state.log_history if logged in row
    ]


def prefer(
    chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions = PREFERENCE_DEFAULTS
) -> tuple[LocalChat, list[dict]]:
    """Train a copy of the chat model on the pairs; return (the trained chat model, its log).

    The log's rows have `step`, `rewards/margins`, `logps/chosen`, ...
    """
    with tempfile.TemporaryDirectory() as folder:
        return trained(dpo_trainer(chat, pairs, options, folder), chat, "dpo")
