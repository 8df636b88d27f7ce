"""Preference optimization by TRL: pairs of replies in, a chat model out; no reward model, and nothing generated."""

import copy
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from datasets import Dataset, are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from peft import LoraConfig, PeftModel
from transformers import PrinterCallback
from trl import DPOConfig, DPOTrainer

from adaptlab.errors import AdaptLabError
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import fast_dtype
from adaptlab.tune.pairs import Pair
from adaptlab.tune.scoring import plain_forward, score_replies_only
from adaptlab.tune.sft import Options, Progress, Rounded, passes
from adaptlab.world.case import assistant

LOSSES = ("sigmoid", "ipo", "hinge")  # of TRL's: DPO's own, and two that put another function on the same margin


@dataclass(frozen=True)
class PreferenceOptions(Options):
    """How to train on preferences. `beta`: how dear it is to leave the reference; small values let the model go further."""

    learning_rate: float = 1e-3
    beta: float = 0.1
    loss: str = "sigmoid"

    def __post_init__(self):
        super().__post_init__()
        if self.loss not in LOSSES:
            raise AdaptLabError(f"There is no loss {self.loss!r} here; known are {', '.join(LOSSES)}.")
        if not self.beta > 0:
            raise AdaptLabError(f"beta must be more than 0, not {self.beta}.")


PREFERENCE_DEFAULTS = PreferenceOptions()


def shared_arguments(options: Options, folder: str, on_cpu: bool, n_rows: int, n_passes: int) -> dict:
    """What TRL's trainers on preferences have in common: their defaults suit models a thousand times larger than the embedded ones."""
    n_steps = options.epochs * math.ceil(n_rows / options.batch_size)
    return {
        "output_dir": folder, "seed": options.seed, "use_cpu": on_cpu, "bf16": fast_dtype("cpu" if on_cpu else "cuda").itemsize == 2,
        "dataloader_pin_memory": not on_cpu, "per_device_train_batch_size": options.batch_size // n_passes, "gradient_accumulation_steps": n_passes,
        "num_train_epochs": options.epochs, "learning_rate": options.learning_rate, "lr_scheduler_type": options.schedule,
        "warmup_steps": int(options.warmup * n_steps), "weight_decay": 0.0, "max_length": options.max_length, "gradient_checkpointing": False,
        "save_strategy": "steps" if options.checkpoint_steps else "no", "save_steps": options.checkpoint_steps or 1, "save_total_limit": 2,
        "report_to": options.tracking, "trackio_space_id": None, "logging_steps": 5, "logging_first_step": True,
        "logging_nan_inf_filter": False, "disable_tqdm": True,
    }  # fmt: skip


def merged(chat: LocalChat) -> LocalChat:
    """The chat model with the adapter of an earlier stage merged into its weights, so that the next stage can have one of its own."""
    if not isinstance(chat.model, PeftModel):
        return chat
    return LocalChat(chat.name, copy.deepcopy(chat.model).merge_and_unload().eval(), chat.tokenizer)


def adapter_config(options: Options) -> LoraConfig | None:
    return LoraConfig(r=options.rank, lora_alpha=options.alpha, target_modules="all-linear", task_type="CAUSAL_LM") if options.method == "lora" else None


def rows(chat: LocalChat, pairs: Sequence[Pair], max_length: int) -> list[dict]:
    """TRL's explicit prompts, in roles that the model knows, with a length by which like pairs share a batch; overlong ones are refused."""
    if not pairs:
        raise AdaptLabError("There is nothing to learn from: no pairs.")
    made = [
        {"prompt": chat.known_roles(pair.prompt), "chosen": [assistant(pair.chosen)], "rejected": [assistant(pair.rejected)], "length": 0} for pair in pairs
    ]
    longest = [max((pair.conversation(pair.chosen), pair.conversation(pair.rejected)), key=lambda messages: len(messages[-1]["content"])) for pair in pairs]
    texts = chat.tokenizer.apply_chat_template([chat.known_roles(messages) for messages in longest], tokenize=False)
    for number, (row, ids) in enumerate(zip(made, chat.tokenizer(texts, add_special_tokens=False)["input_ids"]), 1):
        row["length"] = len(ids)
        if len(ids) > max_length:
            raise AdaptLabError(f"Pair {number} has {len(ids)} tokens and may have {max_length}; shorten it, or raise max_length.")
    return made


@contextmanager
def quietly() -> Iterator[None]:
    """Without the bars of a second that datasets draws, and without warnings on names that transformers is about to drop, in TRL's defaults too."""
    bars = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        if bars:
            enable_progress_bars()


class _Trainer(DPOTrainer):
    """TRL's trainer; the reference's log-probabilities, and all later ones, are made where replies stand."""

    def _precompute_ref_logps(self, *args, **kwargs):
        score_replies_only(self.model)
        return super()._precompute_ref_logps(*args, **kwargs)


def dpo_trainer(chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions, folder: str) -> DPOTrainer:
    """TRL's trainer, ready to train a copy of the chat's model, which also is the reference: its log-probabilities are computed once, beforehand."""
    chat = merged(chat)
    model, on_cpu = copy.deepcopy(chat.model).train(), chat.model.device.type == "cpu"
    data = Dataset.from_list(rows(chat, pairs, options.max_length))
    with quietly():
        config = DPOConfig(beta=options.beta, loss_type=[options.loss], precompute_ref_log_probs=True,
                           train_sampling_strategy="group_by_length", remove_unused_columns=False,  # or the lengths would be removed
                           **shared_arguments(options, folder, on_cpu, len(pairs), passes(2 * options.batch_size, on_cpu)))  # fmt: skip
        made = _Trainer(model, args=config, train_dataset=data, processing_class=chat.tokenizer, peft_config=adapter_config(options))
    made.remove_callback(PrinterCallback)
    made.add_callback(Progress)
    if options.method == "lora" and config.bf16 and on_cpu:
        made.add_callback(Rounded(chat.model))
    return made


def prefer(chat: LocalChat, pairs: Sequence[Pair], options: PreferenceOptions = PREFERENCE_DEFAULTS) -> tuple[LocalChat, list[dict]]:
    """(the trained chat model, its log): a copy of the old one, trained on the pairs. The log's rows have `step`, `rewards/margins`, `logps/chosen`, ..."""
    with tempfile.TemporaryDirectory() as folder:
        made = dpo_trainer(chat, pairs, options, folder)
        made.train()
    plain_forward(made.model)
    return LocalChat(f"{chat.name} + dpo", made.model.eval(), chat.tokenizer), [row for row in made.state.log_history if "loss" in row]
