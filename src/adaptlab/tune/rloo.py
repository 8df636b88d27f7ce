"""Reinforcement learning by TRL's RLOO: the model writes replies, a reward judges them, and what is
better than its siblings becomes more likely.

RLOO (Ahmadian et al. 2024) compares each reply with the mean reward of the others to the same
prompt, and needs no value model.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datasets import Dataset
from trl import RLOOConfig, RLOOTrainer

from adaptlab.checks import check_number, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.tune.dpo import LOGGED, merged, trained
from adaptlab.tune.options import Options, refuse_unused
from adaptlab.tune.scoring import score_replies_only
from adaptlab.tune.trainer import (
    adapter_config,
    copy_to_train,
    passes,
    quietly,
    training_arguments,
    watched,
)

# Numbers of the prompts, a reply to each -> rewards.
Reward = Callable[[list[int], list[str]], list[float]]


@dataclass(frozen=True)
class OnlineOptions(Options):
    """How to train on rewards. `beta`: weight of the divergence from the start; `n_replies`:
    replies to each prompt; `batch_size` counts replies.
    """

    learning_rate: float = 1e-3
    beta: float = 0.02
    batch_size: int = 64
    n_replies: int = 8
    n_new_tokens: int = 40

    def __post_init__(self):
        super().__post_init__()
        refuse_unused(self)
        check_number(self.beta, "beta", 0), check_whole(self.n_new_tokens, "n_new_tokens", 1)
        check_whole(self.n_replies, "n_replies", 1)
        if self.n_replies < 2 or self.batch_size % self.n_replies:
            raise AdaptLabError(
                f"A batch of {self.batch_size} replies is not made of {self.n_replies} to each"
                " prompt; choose a multiple, of 2 or more."
            )


ONLINE_DEFAULTS = OnlineOptions()


def reinforce(
    chat: LocalChat,
    prompts: Sequence[Messages],
    reward: Reward,
    options: OnlineOptions = ONLINE_DEFAULTS,
) -> tuple[LocalChat, list[dict]]:
    """(the trained chat model, its log): a copy of the old one, trained on its own replies to the
    prompts. The log's rows have `step`, `reward`, `kl`, ...
    """
    if not prompts:
        raise AdaptLabError("There is nothing to learn from: no prompts.")
    on_cpu = chat.model.device.type == "cpu"

    def judged(prompts, completions, number, **kwargs):
        return reward(list(number), [messages[0]["content"].strip() for messages in completions])

    data = Dataset.from_list(
        [
            {"prompt": chat.known_roles(prompt), "number": number}
            for number, prompt in enumerate(prompts)
        ]
    )
    with tempfile.TemporaryDirectory() as folder, quietly():
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
            peft_config=adapter_config(options),
        )
        score_replies_only(made.model)
        watched(made)
        return trained(made, chat, "rloo", logged="reward")
