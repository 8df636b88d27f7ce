"""Reinforcement learning with TRL's RLOO: the model samples replies, a reward scores them, and
better ones become more likely.

RLOO (Ahmadian et al. 2024) compares each reply with the mean reward of the other replies to the
same prompt. It needs no value model.
"""

import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datasets import Dataset
from trl import RLOOConfig, RLOOTrainer

from adaptlab.checks import check_number, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.tune.checked_reward import CheckedReward, Report, RewardFunction, RewardRow
from adaptlab.tune.dpo import LOGGED, trained
from adaptlab.tune.options import Options, refuse_unused
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

# Numbers of the prompts, a reply to each -> rewards.
Reward = Callable[[list[int], list[str]], list[float]]


@dataclass(frozen=True)
class OnlineOptions(Options):
    """Hyperparameters of training on rewards.

    `beta`: weight of the KL divergence from the start; `n_replies`: replies to each prompt;
    `batch_size` counts replies. `reward` names a function of the user's and the hash of its file.
    """

    learning_rate: float = 1e-3
    beta: float = 0.02
    batch_size: int = 64
    n_replies: int = 8
    n_new_tokens: int = 40
    reward: str = ""

    def __post_init__(self):
        super().__post_init__()
        refuse_unused(self)
        check_number(self.beta, "beta", 0), check_whole(self.n_new_tokens, "n_new_tokens", 1)
        check_whole(self.n_replies, "n_replies", 1)
        if self.n_replies < 2 or self.batch_size % self.n_replies:
            raise AdaptLabError(
                f"A batch of {self.batch_size} replies is not a multiple of the"
                f" {self.n_replies} replies to each prompt. Choose a multiple, with n_replies"
                " of 2 or more."
            )


ONLINE_DEFAULTS = OnlineOptions()


def rloo_trainer(
    chat: LocalChat,
    prompts: Sequence[Messages],
    options: OnlineOptions,
    folder: str,
    reward: Reward,
) -> RLOOTrainer:
    """Make TRL's trainer for a copy of the chat's model; an adapter of an earlier stage is merged
    into it.
    """
    if not prompts:
        raise AdaptLabError("The list of prompts is empty. Give at least one prompt.")
    on_cpu = chat.model.device.type == "cpu"

    def judged(prompts, completions, number, **kwargs):
        return reward(list(number), [messages[0]["content"].strip() for messages in completions])

    data = Dataset.from_list(
        [
            {"prompt": chat.known_roles(prompt), "number": number}
            for number, prompt in enumerate(prompts)
        ]
    )
    with quietly():
        config = RLOOConfig(
            beta=options.beta,
            num_generations=options.n_replies,
            max_completion_length=options.n_new_tokens,
            logging_steps=LOGGED,
            **training_arguments(
                options,
                folder,
                on_cpu,
                len(prompts) * options.n_replies,
                passes(options.batch_size, on_cpu),
            ),
        )
        made = RLOOTrainer(
            copy_to_train(merged(chat), options.method),
            reward_funcs=judged,
            args=config,
            train_dataset=data,
            processing_class=chat.tokenizer,
            peft_config=adapter_config(options, chat.model),
        )
    score_replies_only(made.model)
    add_progress(made)
    return made


def reinforce(
    chat: LocalChat,
    prompts: Sequence[Messages],
    reward: Reward,
    options: OnlineOptions = ONLINE_DEFAULTS,
) -> tuple[LocalChat, list[dict]]:
    """Train a copy of the chat model on its own replies to the prompts; return (the trained chat
    model, its log).

    The log's rows have `step`, `reward`, `kl`, ...
    """
    with tempfile.TemporaryDirectory() as folder:
        made = rloo_trainer(chat, prompts, options, folder, reward)
        return trained(made, chat, "rloo", logged="reward")


def checked_trainer(
    chat: LocalChat,
    rows: Sequence[RewardRow],
    options: OnlineOptions,
    folder: str,
    function: RewardFunction,
    report: Report = warnings.warn,
) -> RLOOTrainer:
    """Make the trainer for rows whose replies a function scores; `report` takes a sentence on a
    reward from which nothing can be learned.
    """
    reward = CheckedReward(function, rows, report)
    return rloo_trainer(chat, [row.prompt for row in rows], options, folder, reward)
