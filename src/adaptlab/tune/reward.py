"""A reward model: one number per reply, learned from pairs with TRL.

The better reply wins with the logistic of the difference (Bradley and Terry 1952).
"""

import copy
import tempfile
from collections.abc import Sequence

import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, Lfm2Config, Lfm2PreTrainedModel
from transformers.modeling_layers import GenericForSequenceClassification
from trl import RewardConfig, RewardTrainer

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.local import PASS_TOKENS, LocalChat, groups
from adaptlab.models.precision import number_format
from adaptlab.progress import progress_bar
from adaptlab.tune.dpo import LOGGED, rows
from adaptlab.tune.options import PREFERENCE_DEFAULTS, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.scoring import strip_trainer
from adaptlab.tune.trainer import add_progress, merged, passes, quietly, training_arguments

LONG = 500  # replies from which on scoring has a bar


class Lfm2ForSequenceClassification(GenericForSequenceClassification, Lfm2PreTrainedModel):
    """The head that transformers has for other architectures, for that of the embedded models."""


class RewardModel:
    """Scores replies. `model` has one output, read at the last token of a conversation.

    It computes in the number format of its training.
    """

    def __init__(self, name: str, model, tokenizer, chat: LocalChat, dtype: str = ""):
        if len(tokenizer) > model.config.vocab_size:
            raise AdaptLabError(
                f"The tokenizer has {len(tokenizer)} tokens, but the reward model has"
                f" {model.config.vocab_size}. Give the tokenizer that it was trained with."
            )
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        self._roles = chat.known_roles
        self.number_format = number_format(model.device.type, dtype)

    @torch.inference_mode()
    def score(self, conversations: Sequence[Messages]) -> list[float]:
        """Return the reward of each conversation, whose last message is the reply, (n,)."""
        texts = self.tokenizer.apply_chat_template(
            [self._roles(messages) for messages in conversations], tokenize=False
        )
        scores = [0.0] * len(texts)
        device = self.model.device
        lengths = (
            [len(ids) for ids in self.tokenizer(texts, add_special_tokens=False)["input_ids"]]
            if texts
            else []
        )
        for places in progress_bar(
            list(groups(lengths, PASS_TOKENS)), few=len(texts) < LONG, desc="scoring", unit="pass"
        ):
            inputs = self.tokenizer(
                [texts[i] for i in places],
                return_tensors="pt",
                padding=True,
                padding_side="right",
                add_special_tokens=False,
            )
            with torch.autocast(
                device.type, torch.bfloat16, enabled=self.number_format.is_bfloat16
            ):
                # (B, 1).
                logits = self.model(
                    input_ids=inputs["input_ids"].to(device),
                    attention_mask=inputs["attention_mask"].to(device),
                ).logits
            for i, value in zip(places, logits[:, 0].float().tolist()):
                scores[i] = value
        return scores

    def margins(self, pairs: Sequence[Pair]) -> list[float]:
        """Return the reward of the chosen reply minus that of the rejected reply, for each pair,
        (n,).
        """
        scores = self.score(
            [pair.conversation(pair.chosen) for pair in pairs]
            + [pair.conversation(pair.rejected) for pair in pairs]
        )
        return [
            chosen - rejected
            for chosen, rejected in zip(scores[: len(pairs)], scores[len(pairs) :])
        ]


def fit_reward(
    chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions = PREFERENCE_DEFAULTS
) -> RewardModel:
    """Train all weights of a copy of the chat model with a new head; return the reward model."""
    on_cpu = chat.model.device.type == "cpu"
    with tempfile.TemporaryDirectory() as folder, quietly():
        config = RewardConfig(
            max_length=options.max_length,
            logging_steps=LOGGED,
            **training_arguments(
                options, folder, on_cpu, len(pairs), passes(2 * options.batch_size, on_cpu)
            ),
        )
        made = RewardTrainer(
            _with_head(chat, options.seed),
            args=config,
            train_dataset=Dataset.from_list(rows(chat, pairs, options.max_length)),
            processing_class=chat.tokenizer,
        )
        add_progress(made)
        made.train()
    strip_trainer(made.model)
    return RewardModel(
        f"{chat.name} + reward", made.model.eval(), chat.tokenizer, chat, options.dtype
    )


def _with_head(chat: LocalChat, seed: int):
    """Return the chat model's layers under a head with one output."""
    settings = copy.deepcopy(chat.model.config)
    settings.num_labels = 1
    settings.pad_token_id = chat.tokenizer.pad_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # By its name: not every transformers lets one of its own configurations be registered for
        # another class.
        make = (
            Lfm2ForSequenceClassification
            if isinstance(settings, Lfm2Config)
            else AutoModelForSequenceClassification.from_config
        )
        model = make(settings)
    model.base_model.load_state_dict(merged(chat).model.base_model.state_dict())
    return model.to(chat.model.device, torch.float32)


def suspects(reward: RewardModel, pairs: Sequence[Pair], margin: float = 1.0) -> list[int]:
    """Return the places, from 1, of pairs that the reward model would swap by at least `margin`:
    probable label errors.

    Train the model on other pairs: on its own training pairs it agrees with its labels.
    """
    return [place for place, value in enumerate(reward.margins(pairs), 1) if value <= -margin]


def swapped_sides(
    chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions, margin: float = 1.0
) -> list[int]:
    """Return the places, from 1, of pairs that a reward model trained on the other half of the
    pairs would swap.
    """
    if len(pairs) < 2:
        raise AdaptLabError(
            "Checking sides needs at least two pairs: a model learns from half of them. Give"
            " more pairs."
        )
    found = []
    for first in (0, 1):
        reward = fit_reward(chat, pairs[1 - first :: 2], options)
        found += [first + 2 * place - 1 for place in suspects(reward, pairs[first::2], margin)]
    return sorted(found)
