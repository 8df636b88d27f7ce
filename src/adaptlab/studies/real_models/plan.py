"""Plan the hours of a measurement: the tokens of every experiment times the measured speed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adaptlab.messages import Messages, assistant, user
from adaptlab.models.chat import Reply
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar
from adaptlab.studies.real_models.experiment import Experiment, Model
from adaptlab.studies.real_models.fine_tuned import lora
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.tune.fine_tune import fine_tune

WORDS = "The customer asks for the colour of the lamp and the price of the chair. "
READING_TOKENS = 250  # of a prompt of the probe
ROWS = 8


@dataclass
class Tokens:
    """Tokens to read, to write (at most) and to train on."""

    prompt: int = 0
    reply: int = 0
    training: int = 0


@dataclass(frozen=True)
class Speed:
    """Tokens a second of reading, writing and training an adapter, in batches of `ROWS`."""

    reading: float
    writing: float
    training: float

    def hours(self, tokens: Tokens) -> float:
        seconds = tokens.prompt / self.reading + tokens.reply / self.writing
        return (seconds + tokens.training / self.training) / 3600


@dataclass
class CountingStore(ReplyStore):
    """A store that asks nothing: it counts the tokens that the model would read, write and learn.

    What prompts share is counted once, as it is read once.
    """

    base: LocalChat
    tokens: Tokens = field(default_factory=Tokens)
    weights: str = ""
    path: Path = Path()
    make: None = None

    def replies(self, prompts: Sequence[Messages | str], **options: Any) -> list[Reply]:
        texts = [p if isinstance(p, str) else self.base.render(list(p)) for p in prompts]
        unique = texts if options.get("temperature") else list(dict.fromkeys(texts))
        ids = self.base.tokenizer(unique, add_special_tokens=False)["input_ids"] if texts else []
        limit = options["max_new_tokens"]
        self.tokens.prompt += sum(map(len, ids))
        self.tokens.reply += limit * len(ids)
        return [Reply("unknown", 0, 0, 0.0)] * len(prompts)

    def variant(
        self, weights: str, make: Callable[[], LocalChat], n_training_tokens: int
    ) -> "CountingStore":
        self.tokens.training += n_training_tokens
        return CountingStore(self.base, self.tokens)

    def value(self, make: Callable, *key: object) -> list[float]:
        return [0.0]


def count(experiment: Experiment, chat: LocalChat) -> Tokens:
    """Return the tokens of an experiment, all seeds and the choice of prompts included."""
    store = CountingStore(chat)
    model = Model(store)
    for seed in experiment.seeds:
        experiment.measure(model, seed)
    return store.tokens


def measure_speed(chat: LocalChat) -> Speed:
    """Time one batch of reading, writing and training."""
    text = WORDS * (READING_TOKENS // 15)
    prompts = [f"{i}. {text}" for i in range(ROWS)]
    read, n_read = _timed(chat, prompts, 1)
    write, n_written = _timed(chat, [f"{i}. {WORDS}" for i in range(ROWS)], 48)
    shown: list[Messages] = [
        [user(f"{i}. {WORDS * 6}"), assistant("blue")] for i in range(2 * ROWS)
    ]
    n_learned = sum(len(chat.tokenizer(chat.template.render(talk))["input_ids"]) for talk in shown)
    began = time.perf_counter()
    fine_tune(chat, shown, lora(0))
    training = n_learned / (time.perf_counter() - began)
    return Speed(n_read / read, n_written / write, training)


def _timed(chat: LocalChat, prompts: list[str], n_new: int) -> tuple[float, int]:
    began = time.perf_counter()
    replies = chat.complete(prompts, max_new_tokens=n_new)
    seconds = time.perf_counter() - began
    n_read = sum(reply.n_prompt_tokens for reply in replies)
    return seconds, n_read if n_new == 1 else sum(r.n_completion_tokens for r in replies)


def plan(experiments: dict[str, Experiment], chat: LocalChat) -> dict:
    """Return the measured speed, and for each claim its tokens and hours."""
    speed = measure_speed(chat)
    rows = {}
    for name, experiment in progress_bar(list(experiments.items()), desc="plan", unit="claim"):
        tokens = count(experiment, chat)
        rows[name] = asdict(tokens) | {"hours": round(speed.hours(tokens), 3)}
    return {"speed": {key: round(value, 1) for key, value in asdict(speed).items()}, "claims": rows}
