"""Parts that all of TRL's trainers share here: arguments, callbacks, and the model before and
after.
"""

import copy
import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from peft import LoraConfig
from torch import nn
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, set_seed

from adaptlab.errors import AdaptLabError
from adaptlab.lora.adapter import targets as linear_layers
from adaptlab.models.local import LocalChat
from adaptlab.models.merge import whole_model
from adaptlab.models.precision import number_format
from adaptlab.progress import progress_bar
from adaptlab.tune.options import Options
from adaptlab.tune.scoring import in_float32, strip_trainer

IN_CACHE = 8  # sequences


class Diverged(AdaptLabError):
    """The training diverged, so the model is not usable."""


class Progress(TrainerCallback):
    """One bar with the loss and the tokens per second. A loss that is not finite ends the run."""

    def on_train_begin(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self.bar = progress_bar(
                total=state.max_steps, initial=state.global_step, desc="training", unit="step"
            )
        self.began = time.perf_counter()
        self.before = state.num_input_tokens_seen

    def on_step_end(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args, state, control, logs=None, **kwargs):
        losses = [value for key, value in logs.items() if key.endswith("loss")]
        if not all(map(math.isfinite, losses)):
            if state.is_world_process_zero:
                self.bar.close()
            raise Diverged(
                f"The loss is {losses[0]} at step {state.global_step}. Use a lower"
                f" learning_rate than {args.learning_rate:g}."
            )
        if "loss" in logs and state.is_world_process_zero:
            speed = (state.num_input_tokens_seen - self.before) / (time.perf_counter() - self.began)
            self.bar.set_postfix(loss=f"{logs['loss']:.3f}", tokens_a_second=f"{speed:.0f}")

    def on_train_end(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self.bar.close()


class SharedFrozenWeights(TrainerCallback):
    """Under an adapter on a processor, share the frozen weights with the base instead of copying
    them.

    If bfloat16 is fast, frozen matrices are kept in bfloat16. Autocast would round the matrices in
    every step and keep both; the numbers are the same. After training, the model has its own
    weights again, so merging an adapter changes no other model.
    """

    def __init__(self, base: PreTrainedModel):
        self.base = base

    def _frozen(self, model) -> list[tuple[nn.Parameter, nn.Parameter, bool]]:
        """Yield (a parameter in training, the base's parameter, whether it is a matrix under an
        adapter) for all frozen weights.
        """
        inner = model.get_base_model()
        found = []
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


def merged(chat: LocalChat) -> LocalChat:
    """Merge the adapter of an earlier stage into the chat model's weights, so that the next stage
    can add its own.
    """
    whole = whole_model(chat.model)
    return chat if whole is chat.model else LocalChat(chat.name, whole, chat.tokenizer)


def copy_to_train(chat: LocalChat, method: str) -> PreTrainedModel:
    """Copy the chat's model for training. If all weights are trained, they are float32 masters:
    bfloat16 would round a small step away.

    Under an adapter the weights stay unchanged: PEFT makes the adapter itself in float32.
    """
    model = copy.deepcopy(chat.model)
    return (in_float32(model) if method == "full" else model).train()


def trained_chat(made: Trainer, name: str, chat: LocalChat) -> LocalChat:
    """Return the chat model that a trainer made, without what trainers leave on it."""
    strip_trainer(made.model)
    return LocalChat(name, made.model.eval(), chat.tokenizer)


def passes(batch_size: int, on_cpu: bool) -> int:
    """Return the number of passes per batch of a step, for sequences of any length.

    On a processor eight sequences at a time stay in its cache. Compared with sixteen, that is half
    the memory, and on one core a sixth less time, on two a little less. Gradients add up to those
    of the whole batch. A GPU takes the batch in one pass.
    """
    return batch_size // IN_CACHE if on_cpu and batch_size % IN_CACHE == 0 else 1


def training_arguments(
    options: Options, folder: str, on_cpu: bool, n_rows: int, n_passes: int
) -> dict:
    """Return the arguments for all of TRL's trainers: their defaults suit models a thousand times
    larger than the embedded ones.
    """
    n_steps = options.epochs * math.ceil(n_rows / options.batch_size)
    return {
        "output_dir": folder,
        "seed": options.seed,
        "use_cpu": on_cpu,
        "bf16": number_format("cpu" if on_cpu else "cuda", options.dtype).is_bfloat16,
        "dataloader_pin_memory": not on_cpu,
        "per_device_train_batch_size": options.batch_size // n_passes,
        "gradient_accumulation_steps": n_passes,
        "num_train_epochs": options.epochs,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": options.schedule,
        # Rounded down: a warm-up of one step would be a step with a learning rate of 0.
        "warmup_steps": int(options.warmup * n_steps),
        "weight_decay": 0.0,
        "gradient_checkpointing": False,
        "save_total_limit": 2,
        "save_strategy": "steps" if options.checkpoint_steps else "no",
        "save_steps": options.checkpoint_steps or 1,
        "report_to": options.tracking,
        "trackio_space_id": None,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
    }


def target_modules(targets: str, model: nn.Module) -> str | list[str]:
    """Return an option `targets` as PEFT takes it.

    Raises:
        AdaptLabError: if the model has no linear layer of a name.
    """
    names = [name.strip() for name in targets.split(",")]
    if names == ["all-linear"]:
        return names[0]
    linear_layers(model, names)
    return names


def adapter_config(options: Options, model: nn.Module) -> LoraConfig | None:
    """Return the adapter's configuration for a model, if the method is an adapter.

    Sets the seed right before a trainer initializes the adapter: the oldest TRL does so only
    afterwards.
    """
    set_seed(options.seed)
    return (
        LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            target_modules=target_modules(options.targets, model),
            task_type="CAUSAL_LM",
        )
        if options.method == "lora"
        else None
    )


@contextmanager
def quietly() -> Iterator[None]:
    """Hide the short bars of datasets, and warnings on names that transformers is about to drop."""
    bars = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        if bars:
            enable_progress_bars()


def add_progress(made: Trainer, base: PreTrainedModel | None = None) -> None:
    """Show one bar in place of the lines of Trainer; under an adapter on `base`, share the frozen
    weights in training.
    """
    made.remove_callback(PrinterCallback)
    made.add_callback(Progress)
    if base is not None and made.args.use_cpu:
        made.add_callback(SharedFrozenWeights(base))
