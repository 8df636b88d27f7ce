"""Supervised fine-tuning by TRL and PEFT: everything, an adapter, or the upper layers."""

import copy
import math
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from numbers import Integral, Real
from pathlib import Path

from accelerate import PartialState
from datasets import Dataset, are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from peft import LoraConfig
from torch import nn
from transformers import EarlyStoppingCallback, PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, set_seed
from transformers.trainer_utils import SchedulerType
from trl import SFTConfig, SFTTrainer

from adaptlab.errors import AdaptLabError
from adaptlab.lora.adapter import check_rank
from adaptlab.models.chat import Messages
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import check_format, number_format
from adaptlab.progress import progress_bar
from adaptlab.tune.packing import collate, packed, refuse_mixing
from adaptlab.tune.rows import IGNORED, tokenized, tokenized_documents
from adaptlab.tune.scoring import in_float32, pads_behind, strip_trainer

METHODS = ("lora", "full")
IN_CACHE = 8  # sequences
PASS_TOKENS = 900
LARGEST = sys.float_info.max
MOST_EPOCHS = 100_000
LARGEST_SEED = 2**32 - 1  # as numpy has it
WHOLE = ("batch_size", "rank", "n_frozen", "max_length", "checkpoint_steps", "patience", "seed")
SCHEDULES = tuple(kind.value for kind in SchedulerType)
TRACKERS = ("none", "tensorboard", "trackio", "wandb")


@dataclass(frozen=True)
class Options:
    """How to train.

    `n_frozen`: the embeddings and as many first layers stay as they are. `checkpoint_steps`: steps between checkpoints; 0 keeps none but what early
    stopping needs. `patience`: stop after as many epochs in which the validation loss did not fall, and keep the best; 0 goes on to the end.
    `packing`: a row of a batch is up to max_length tokens of several conversations, which do not see each other; validation is not packed.
    `dtype`: float32 or bfloat16, the number format of the arithmetic; an empty one is the machine's choice (`models.precision`).
    """

    method: str = "lora"
    learning_rate: float = 2e-3
    epochs: float = 1
    batch_size: int = 16
    rank: int = 16
    alpha: float = 32
    n_frozen: int = 0
    schedule: str = "cosine"
    warmup: float = 0.05  # share of the steps
    max_length: int = 640  # tokens
    checkpoint_steps: int = 0
    patience: int = 0
    packing: bool = False
    tracking: str = "none"
    dtype: str = ""
    seed: int = 0

    def __post_init__(self):
        known_of = {"method": METHODS, "tracking": TRACKERS, "schedule": SCHEDULES}
        for name, known in known_of.items():
            value = getattr(self, name)
            if value not in known:
                raise AdaptLabError(f"There is no {value!r} here; known are {', '.join(known)}.")
        check_format(self.dtype)
        if self.method == "lora" and self.n_frozen:
            raise AdaptLabError("An adapter freezes the whole model by itself; n_frozen goes with the method full.")
        if not isinstance(self.packing, bool):
            raise AdaptLabError(f"packing is {self.packing!r}. Give True or False.")
        self._check_numbers()
        check_rank(self.rank)
        least = {"learning_rate": 0, "epochs": 0, "batch_size": 0, "alpha": 0, "max_length": 1}
        for name, bound in least.items():
            if not getattr(self, name) > bound:
                raise AdaptLabError(f"{name} must be more than {bound}, not {getattr(self, name)}.")

    def _check_numbers(self) -> None:
        """Raises AdaptLabError for a number of another kind, or one that no trainer can follow."""
        for name in ("learning_rate", "epochs", "alpha", "warmup", *WHOLE):
            value = getattr(self, name)
            kind = Integral if name in WHOLE else Real
            if isinstance(value, bool) or not isinstance(value, kind) or not abs(value) <= LARGEST:
                says = "a whole number" if kind is Integral else "a finite number"
                raise AdaptLabError(f"{name} must be {says}, not {value!r}.")
        for name, most in (("n_frozen", None), ("checkpoint_steps", None), ("patience", None),
                           ("epochs", MOST_EPOCHS), ("warmup", 1), ("seed", LARGEST_SEED)):  # fmt: skip
            value = getattr(self, name)
            if value < 0 or (most is not None and value > most):
                limits = "0 or more" if most is None else f"from 0 to {most}"
                raise AdaptLabError(f"{name} must be {limits}, not {value}.")


DEFAULTS = Options()


def refuse_unused(options: Options) -> None:
    """Raises AdaptLabError for an option that only fine-tuning on conversations follows."""
    for name in ("packing", "patience"):
        if getattr(options, name):
            says = f"{name} is for conversations, and would not be used here"
            raise AdaptLabError(f"{says}. Leave it out.")


class Diverged(AdaptLabError):
    """What was trained is no model any more."""


class Progress(TrainerCallback):
    """One bar with the loss and the tokens a second. A loss that is no number ends the run."""

    def on_train_begin(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self.bar = progress_bar(total=state.max_steps, initial=state.global_step, desc="training", unit="step")
        self.began, self.before = time.perf_counter(), state.num_input_tokens_seen

    def on_step_end(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args, state, control, logs=None, **kwargs):
        losses = [value for key, value in logs.items() if key.endswith("loss")]
        if not all(map(math.isfinite, losses)):
            if state.is_world_process_zero:
                self.bar.close()
            raise Diverged(f"The loss became {losses[0]} at step {state.global_step}; a lower learning_rate than {args.learning_rate:g} is needed.")
        if "loss" in logs and state.is_world_process_zero:
            speed = (state.num_input_tokens_seen - self.before) / (time.perf_counter() - self.began)
            self.bar.set_postfix(loss=f"{logs['loss']:.3f}", tokens_a_second=f"{speed:.0f}")

    def on_train_end(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self.bar.close()


class _Trainer(SFTTrainer):
    """TRL's trainer with a loss that makes logits only where some reply of the batch stands, and no metrics that are not looked at.

    TRL makes them everywhere, twice, for memory's sake: on two cores that took 37% of a step of the embedded model.
    """

    def training_step(self, model, inputs, num_items_in_batch=None):
        """On a processor as many sequences in a pass as have PASS_TOKENS, or one; gradients add up to those of the batch, since each pass has its count.

        Memory then grows with a sequence, not with the batch. Processes that share a batch would have to make as many passes each, so they make one.
        """
        n, length = inputs["input_ids"].shape
        n_passes = math.ceil(n / max(1, PASS_TOKENS // length))
        if self.args.device.type != "cpu" or self.accelerator.num_processes > 1 or num_items_in_batch is None:
            n_passes = 1
        size, loss = math.ceil(n / n_passes), 0.0
        for i in range(0, n, size):
            loss += super().training_step(model, {name: values[i : i + size] for name, values in inputs.items()}, num_items_in_batch)
        return loss

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs["labels"]  # (B, T)
        places = (labels[:, 1:] != IGNORED).any(0).nonzero()[:, 0]  # whose next token is learned
        given = {key: value for key, value in inputs.items() if key != "labels"}
        if "attention_mask" in given and pads_behind(given["attention_mask"]):
            del given["attention_mask"]  # what pads a row stands after it, where no token of it looks; without a mask attention is faster
        outputs = model(**given, use_cache=False, logits_to_keep=places)
        logits = outputs.logits if outputs.logits.shape[1] == len(places) else outputs.logits[:, places]  # an architecture may make them all
        aims = labels[:, places + 1]
        total = nn.functional.cross_entropy(logits.flatten(0, 1).float(), aims.flatten(), ignore_index=IGNORED, reduction="sum")
        # A step's count is that of all processes, whose gradients are then averaged.
        n_learned = (aims != IGNORED).sum().clamp(min=1) if num_items_in_batch is None else num_items_in_batch / self.accelerator.num_processes
        loss = total / n_learned
        return (loss, outputs) if return_outputs else loss


class Shared(TrainerCallback):
    """Under an adapter on a processor, what is frozen is not there twice in training: it is the base's own, or, where that is fast, its matrices in bfloat16.

    Autocast would round the matrices in every step, and keep both; the numbers are the same. Afterwards the model has all to itself again, so that an
    adapter merged into it changes no other model.
    """

    def __init__(self, base: PreTrainedModel):
        self.base = base

    def _frozen(self, model) -> list[tuple[nn.Parameter, nn.Parameter, bool]]:
        """(a parameter in training, that of the base, whether it is a matrix under an adapter) for all that is frozen."""
        inner, found = model.get_base_model(), []
        for name, original in self.base.named_parameters():
            module, _, kind = name.rpartition(".")
            layer = inner.get_submodule(module)
            adapted = hasattr(layer, "base_layer")
            parameter = getattr(layer.base_layer if adapted else layer, kind)
            if not parameter.requires_grad:
                found.append((parameter, original, adapted and original.ndim == 2))
        return found

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        for parameter, original, is_matrix in self._frozen(model):
            parameter.data = original.data.bfloat16() if args.bf16 and is_matrix else original.data

    def on_train_end(self, args, state, control, model=None, **kwargs):
        for parameter, original, _ in self._frozen(model):
            parameter.data = original.data.clone()


def copy_to_train(chat: LocalChat, method: str) -> PreTrainedModel:
    """A copy of the chat's model. Where all weights are trained they are float32 masters: in bfloat16 a small step would be rounded away.

    Under an adapter the weights stay as they are: PEFT makes the adapter itself in float32.
    """
    model = copy.deepcopy(chat.model)
    return (in_float32(model) if method == "full" else model).train()


def trained_chat(made: Trainer, name: str, chat: LocalChat) -> LocalChat:
    """What a trainer made of the chat's model, without what trainers leave on it."""
    strip_trainer(made.model)
    return LocalChat(name, made.model.eval(), chat.tokenizer)


def _freeze(model: PreTrainedModel, n_layers: int) -> None:
    layers = max((m for m in model.modules() if isinstance(m, nn.ModuleList)), key=len)
    if not n_layers < len(layers):
        raise AdaptLabError(f"n_frozen is {n_layers}, and the model has {len(layers)} layers; leave at least one to train.")
    for part in (model.get_input_embeddings(), *layers[:n_layers]):
        part.requires_grad_(False)


def passes(batch_size: int, on_cpu: bool) -> int:
    """Into how many passes a step's batch is cut, of whatever length its sequences are. On a processor eight at a time stay in its cache: half the memory of
    sixteen, and on one core a sixth less time, on two a little less. Gradients add up to those of the whole batch. A GPU takes it whole."""
    return batch_size // IN_CACHE if on_cpu and batch_size % IN_CACHE == 0 else 1


def training_arguments(options: Options, folder: str, on_cpu: bool, n_rows: int, n_passes: int) -> dict:
    """What all of TRL's trainers are told alike: their defaults suit models a thousand times larger than the embedded ones."""
    n_steps = options.epochs * math.ceil(n_rows / options.batch_size)
    return {
        "output_dir": folder, "seed": options.seed, "use_cpu": on_cpu, "bf16": number_format("cpu" if on_cpu else "cuda", options.dtype).is_bfloat16,
        "dataloader_pin_memory": not on_cpu, "per_device_train_batch_size": options.batch_size // n_passes, "gradient_accumulation_steps": n_passes,
        "num_train_epochs": options.epochs, "learning_rate": options.learning_rate, "lr_scheduler_type": options.schedule,
        "warmup_steps": int(options.warmup * n_steps),  # rounded down: a warm-up of one step would be a step with a rate of nothing
        "weight_decay": 0.0, "gradient_checkpointing": False, "save_total_limit": 2,
        "save_strategy": "steps" if options.checkpoint_steps else "no", "save_steps": options.checkpoint_steps or 1,
        "report_to": options.tracking, "trackio_space_id": None, "logging_first_step": True, "logging_nan_inf_filter": False, "disable_tqdm": True,
    }  # fmt: skip


def _config(options: Options, folder: str, on_cpu: bool, n_rows: int, validates: bool) -> SFTConfig:
    stops = {"save_strategy": "epoch", "load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": False}
    return SFTConfig(
        per_device_eval_batch_size=options.batch_size, accelerator_config={"split_batches": True},  # among processes, so that their number changes nothing
        max_length=None, dataset_kwargs={"skip_prepare_dataset": True}, train_sampling_strategy="group_by_length",
        eval_strategy="epoch" if validates else "no", logging_steps=10, include_num_input_tokens_seen="all",
        **training_arguments(options, folder, on_cpu, n_rows, n_passes=1) | (stops if options.patience else {}),
    )  # fmt: skip


def adapter_config(options: Options) -> LoraConfig | None:
    """The adapter that is trained, if the method is one. Sets the seed, right before a trainer draws the adapter: the oldest TRL does so only afterwards."""
    set_seed(options.seed)
    return LoraConfig(r=options.rank, lora_alpha=options.alpha, target_modules="all-linear", task_type="CAUSAL_LM") if options.method == "lora" else None


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


def watched(made: Trainer, base: PreTrainedModel | None = None) -> None:
    """One bar in place of the lines that Trainer writes; under an adapter on `base`, what is frozen is shared with it in training."""
    made.remove_callback(PrinterCallback)
    made.add_callback(Progress)
    if base is not None and made.args.use_cpu:
        made.add_callback(Shared(base))


def trainer(chat: LocalChat, conversations: Sequence[Messages], options: Options, folder: str, validation: Sequence[Messages] = (),
            documents: Sequence[str] = ()) -> SFTTrainer:  # fmt: skip
    """TRL's trainer, ready to train a copy of the chat's model; whoever wants another loss or callback has it here.

    Learned are the replies of the conversations, and every word of the documents.
    """
    if not conversations and not documents:
        raise AdaptLabError("There is nothing to learn from: no conversations and no documents.")
    if options.patience and not validation:
        raise AdaptLabError("patience needs validation conversations, whose loss says when to stop.")
    if options.tracking != "none":
        if find_spec(options.tracking) is None:
            raise AdaptLabError(f"Tracking by {options.tracking} needs its package; run: pip install {options.tracking}")
        os.environ.setdefault("WANDB_MODE", "offline")  # nothing here needs an account
    n_processes = PartialState().num_processes
    if options.batch_size % n_processes:
        raise AdaptLabError(f"A batch of {options.batch_size} cannot be shared among {n_processes} processes; choose a multiple of {n_processes}.")
    if options.packing:
        refuse_mixing(chat)
    model = copy_to_train(chat, options.method)
    if options.n_frozen:
        _freeze(model, options.n_frozen)
    rows = tokenized(chat, conversations, options.max_length) + tokenized_documents(chat, documents, options.max_length)
    train = packed(rows, options.max_length) if options.packing else Dataset.from_list(rows)
    valid = Dataset.from_list(tokenized(chat, validation, options.max_length)) if validation else None
    with quietly():
        config = _config(options, folder, model.device.type == "cpu", len(train), bool(validation))
        made = _Trainer(
            model, args=config, train_dataset=train, eval_dataset=valid, processing_class=chat.tokenizer, peft_config=adapter_config(options),
            data_collator=collate if options.packing else None, callbacks=[EarlyStoppingCallback(options.patience)] if options.patience else None,
        )  # fmt: skip
    strip_trainer(made.model)
    watched(made, chat.model if options.method == "lora" else None)
    return made


def fine_tune(chat: LocalChat, conversations: Sequence[Messages], options: Options = DEFAULTS, validation: Sequence[Messages] = (),
              documents: Sequence[str] = ()) -> LocalChat:  # fmt: skip
    """A new chat model: a copy of the old one, trained on what the assistant says, and on documents as they stand.

    Nothing is left on the disk, unless the environment variable ADAPTLAB_ARTEFACTS names a folder: what is trained is kept there by the hash of all that
    it depends on, goes on there where a session was cut off, and is taken from there the next time.
    """
    name = f"{chat.name} + {options.method}"
    if place := os.environ.get("ADAPTLAB_ARTEFACTS"):
        from adaptlab.tune.run import run_or_load  # which calls the trainer above

        return LocalChat(name, run_or_load(chat, conversations, Path(place), options, validation, documents).model, chat.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        made = trainer(chat, conversations, options, folder, validation, documents)
        made.train()
    return trained_chat(made, name, chat)
