"""The hyperparameters that all fine-tuning methods share."""

import math
import sys
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

from adaptlab.checks import check_rank
from adaptlab.errors import AdaptLabError
from adaptlab.models.precision import check_format

METHODS = ("lora", "full")
LARGEST = sys.float_info.max
MOST_EPOCHS = 100_000
LARGEST_SEED = 2**32 - 1  # as numpy has it
WHOLE = ("batch_size", "rank", "n_frozen", "max_length", "checkpoint_steps", "patience", "seed")
TRACKERS = ("none", "tensorboard", "trackio", "wandb")


def _schedules() -> tuple[str, ...]:
    from transformers.trainer_utils import SchedulerType  # here: the command line must start fast

    return tuple(kind.value for kind in SchedulerType)


def _field(default: object, help: str, **limits: int) -> Any:
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class Options:
    """Hyperparameters of a fine-tuning run. The `help` of each field describes it."""

    method: str = _field("lora", "lora or full.")
    learning_rate: float = _field(
        2e-3, "Peak learning rate; full fine-tuning needs 1/3 to 1/10 of an adapter's."
    )
    epochs: float = _field(1, "Epochs: passes over the training data.")
    batch_size: int = _field(16, "Batch size: sequences per step.")
    rank: int = _field(16, "Rank of the adapters.")
    alpha: float = _field(32, "LoRA alpha: an adapter is scaled by alpha / rank.")
    targets: str = _field(
        "all-linear",
        "Modules with an adapter: all-linear, or names with commas, such as q_proj,v_proj.",
    )
    n_frozen: int = _field(0, "Method full only: freeze the embeddings and this many first layers.")
    schedule: str = _field("cosine", "Learning rate schedule, by its name in transformers.")
    warmup: float = _field(0.05, "Warm-up: share of the steps in which the learning rate rises.")
    max_length: int = _field(640, "Largest number of tokens in a sequence.")
    checkpoint_steps: int = _field(
        0, "Steps between checkpoints; 0 keeps only those of early stopping.", min=1
    )
    patience: int = _field(
        0,
        "Stop after this many epochs without a lower validation loss and keep the best; 0: never.",
    )
    packing: bool = _field(
        False,
        "Pack several conversations into a row of max_length tokens, without attention"
        " between them.",
    )
    tracking: str = _field("none", "Experiment tracker: none, tensorboard, trackio or wandb.")
    dtype: str = _field(
        "",
        "Number format: float32 or bfloat16; default: ADAPTLAB_DTYPE, or the format that"
        " suits this machine.",
    )
    seed: int = _field(0, "Seed of the shuffling, the adapter and the dropout.")

    def __post_init__(self):
        known_of = {"method": METHODS, "tracking": TRACKERS}
        if self.schedule != "cosine":
            known_of["schedule"] = _schedules()
        for name, known in known_of.items():
            value = getattr(self, name)
            if value not in known:
                raise AdaptLabError(f"{value!r} is not supported. Use one of {', '.join(known)}.")
        check_format(self.dtype)
        if self.method == "lora" and self.n_frozen:
            raise AdaptLabError(
                "n_frozen is not supported with an adapter, which freezes the whole model."
                " Use the method full."
            )
        if not isinstance(self.packing, bool):
            raise AdaptLabError(f"packing is {self.packing!r}. Give True or False.")
        self._check_numbers()
        check_rank(self.rank)
        least = {"learning_rate": 0, "epochs": 0, "batch_size": 0, "alpha": 0, "max_length": 1}
        for name, bound in least.items():
            if not getattr(self, name) > bound:
                raise AdaptLabError(
                    f"{name} is {getattr(self, name)}. Give a number above {bound}."
                )

    def _check_numbers(self) -> None:
        """Check the numbers.

        Raises:
            AdaptLabError: if a number has another type, or a value that no trainer supports.
        """
        for name in ("learning_rate", "epochs", "alpha", "warmup", *WHOLE):
            value = getattr(self, name)
            kind: Any = Integral if name in WHOLE else Real
            if isinstance(value, bool) or not isinstance(value, kind) or not abs(value) <= LARGEST:
                says = "a whole number" if kind is Integral else "a finite number"
                raise AdaptLabError(f"{name} is {value!r}. Give {says}.")
        for name, most in (
            ("n_frozen", None),
            ("checkpoint_steps", None),
            ("patience", None),
            ("epochs", MOST_EPOCHS),
            ("warmup", 1),
            ("seed", LARGEST_SEED),
        ):
            value = getattr(self, name)
            if value < 0 or (most is not None and value > most):
                limits = "of 0 or more" if most is None else f"from 0 to {most}"
                raise AdaptLabError(f"{name} is {value}. Give a number {limits}.")


DEFAULTS = Options()


def refuse_unused(options: Options) -> None:
    """Check that no option for conversations only is set.

    Raises:
        AdaptLabError: if one is set.
    """
    for name in ("packing", "patience"):
        if getattr(options, name):
            says = f"{name} is an option for conversations only"
            raise AdaptLabError(f"{says}. Leave it out.")


# Losses of TRL: DPO's own, and two with another function of the same margin.
LOSSES = ("sigmoid", "ipo", "hinge")


@dataclass(frozen=True)
class PreferenceOptions(Options):
    """Hyperparameters of DPO and related losses."""

    learning_rate: float = _field(
        1e-3, "Peak learning rate; full fine-tuning needs 1/3 to 1/10 of an adapter's."
    )
    beta: float = _field(
        0.1,
        "Strength of the KL penalty: a small beta lets the model move further from the reference.",
    )
    loss: str = _field("sigmoid", "sigmoid (DPO), ipo or hinge.")

    def __post_init__(self):
        super().__post_init__()
        refuse_unused(self)
        if self.loss not in LOSSES:
            raise AdaptLabError(
                f"The loss {self.loss!r} is not supported. Use one of {', '.join(LOSSES)}."
            )
        is_number = isinstance(self.beta, Real) and not isinstance(self.beta, bool)
        if not is_number or not 0 < self.beta < math.inf:
            raise AdaptLabError(f"beta is {self.beta!r}. Give a finite number above 0.")


PREFERENCE_DEFAULTS = PreferenceOptions()
