"""How to fine-tune: the hyperparameters that all methods share."""

import sys
from dataclasses import dataclass
from numbers import Integral, Real

from transformers.trainer_utils import SchedulerType

from adaptlab.errors import AdaptLabError
from adaptlab.lora.adapter import check_rank
from adaptlab.models.precision import check_format

METHODS = ("lora", "full")
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
