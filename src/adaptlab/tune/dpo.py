"""Preference optimization by TRL: pairs of replies in, a chat model out; no reward model, and
nothing generated.
"""

import copy
import tempfile
from collections.abc import Sequence

from datasets import Dataset
from peft import PeftModel
from transformers import Trainer
from trl import DPOConfig, DPOTrainer

from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant
from adaptlab.models.local import LocalChat
from adaptlab.tune.options import PREFERENCE_DEFAULTS, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.rows import refuse_control_tokens
from adaptlab.tune.scoring import in_float32, score_replies_only
from adaptlab.tune.trainer import (
    adapter_config,
    copy_to_train,
    passes,
    quietly,
    trained_chat,
    training_arguments,
    watched,
)

LOGGED = 5  # steps between rows of a log


def merged(chat: LocalChat) -> LocalChat:
    """The chat model with the adapter of an earlier stage merged into its weights, so that the next
    stage can have one of its own.
    """
    if not isinstance(chat.model, PeftModel):
        return chat
    # In bfloat16 a small change of a weight would be rounded away.
    whole = in_float32(copy.deepcopy(chat.model)).merge_and_unload().eval()
    # Which the oldest PEFT leaves behind, though nothing of an adapter is there.
    vars(whole).pop("peft_config", None)
    return LocalChat(chat.name, whole, chat.tokenizer)


def rows(chat: LocalChat, pairs: Sequence[Pair], max_length: int) -> list[dict]:
    """TRL's explicit prompts, in roles that the model knows, with the tokens of their longer side.

    By this `length` like pairs share a batch.

    Raises:
        AdaptLabError: if there are no pairs, if the template does not render one of them, or if
            a side has more than `max_length` tokens: TRL would cut it without a word, and with
            it the end of the reply.
    """
    if not pairs:
        raise AdaptLabError("There is nothing to learn from: no pairs.")
    chat.template.require()
    for number, pair in enumerate(pairs, 1):
        if not isinstance(pair, Pair):
            given = f"Pair {number} is {type(pair).__name__}"
            raise AdaptLabError(f"{given}, not a Pair. Read pairs by read_pairs.")
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
                f"Pair {number} has {length} tokens and may have {max_length}; shorten it, or raise"
                " max_length."
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
    """TRL's trainer; the reference's log-probabilities, and all later ones, are made where replies
    stand.
    """

    def _precompute_ref_logps(self, *args, **kwargs):
        score_replies_only(self.model)
        return super()._precompute_ref_logps(*args, **kwargs)


def dpo_trainer(
    chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions, folder: str
) -> DPOTrainer:
    """TRL's trainer, ready to train a copy of the chat's model, which also is the reference: its
    log-probabilities are computed once, beforehand.
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
            # Or the lengths would be removed.
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
            peft_config=adapter_config(options),
        )
    watched(made, chat.model if options.method == "lora" else None)
    return made


def trained(
    made: Trainer, chat: LocalChat, method: str, logged: str = "loss"
) -> tuple[LocalChat, list[dict]]:
    """Train: (what it made of the chat's model, the rows of its log that have `logged`)."""
    made.train()
    return trained_chat(made, f"{chat.name} + {method}", chat), [
        row for row in made.state.log_history if logged in row
    ]


def prefer(
    chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions = PREFERENCE_DEFAULTS
) -> tuple[LocalChat, list[dict]]:
    """(the trained chat model, its log): a copy of the old one, trained on the pairs. The log's
    rows have `step`, `rewards/margins`, `logps/chosen`, ...
    """
    with tempfile.TemporaryDirectory() as folder:
        return trained(dpo_trainer(chat, pairs, options, folder), chat, "dpo")
