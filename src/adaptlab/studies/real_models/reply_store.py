"""Replies of a model, kept as they are made: a killed measurement resumes, and a better judge reads
them again without asking the model.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple
from functools import cached_property
from pathlib import Path
from typing import Any

from adaptlab.database import transaction
from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.chat import Reply
from adaptlab.models.finite import FiniteScores
from adaptlab.models.kept_replies import kept_replies
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, text TEXT NOT NULL, n_prompt INTEGER"
    " NOT NULL, n_completion INTEGER NOT NULL, seconds REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS measured (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
AT_ONCE = 64  # prompts between two writes


class ContextTooShort(AdaptLabError):
    """A prompt and its reply do not fit into the model's context."""


class ReplyStore:
    """A model whose replies and measured values are kept in a SQLite file.

    `weights` names the model's weights and number format: replies of other weights are not read.
    `base` renders prompts; `make` makes the model itself, when it is first asked: a model whose
    replies are all kept is not trained again.
    """

    def __init__(
        self,
        base: LocalChat,
        weights: str,
        path: Path,
        make: Callable[[], LocalChat] | None = None,
    ):
        self.base = base
        self.weights = weights
        self.path = path
        self.make = make

    @cached_property
    def chat(self) -> LocalChat:
        return self.make() if self.make else self.base

    def variant(
        self, weights: str, make: Callable[[], LocalChat], n_training_tokens: int
    ) -> "ReplyStore":
        """Return the store of a model that is fine-tuned from this one when it is first asked."""
        return ReplyStore(self.base, f"{self.weights} {weights}", self.path, make)

    def value(self, make: Callable[[LocalChat], Any], *key: object) -> Any:
        """Return what `make(chat)` computes, a JSON value, computed once for this key."""
        digest = self._key("value", *key)
        with transaction(self.path, SCHEMA, "replies") as connection:
            row = connection.execute(
                "SELECT value FROM measured WHERE key = ?", (digest,)
            ).fetchone()
        if row:
            return json.loads(row[0])
        made = make(self.chat)
        with transaction(self.path, SCHEMA, "replies") as connection:
            connection.execute(
                "INSERT OR REPLACE INTO measured VALUES (?, ?)", (digest, json.dumps(made))
            )
        return made

    def replies(
        self,
        prompts: Sequence[Messages | str],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        make_processor: Callable | None = None,
        constraint: str = "",
        desc: str = "",
    ) -> list[Reply]:
        """Return replies in the order of the prompts; a text is continued without a template.

        `constraint` names the processor, as part of the key.

        Raises:
            ContextTooShort: if a prompt and its reply do not fit into the model's context.
            AdaptLabError: if the model computes NaN.
        """
        texts = [p if isinstance(p, str) else self.base.render(list(p)) for p in prompts]
        # Sampled replies to the same prompt differ by their number.
        asked = [(max_new_tokens, temperature, seed if temperature else 0, constraint)] * len(texts)
        repeats: dict[str, int] = {}
        keys = []
        for text, options in zip(texts, asked):
            repeats[text] = repeats.get(text, -1) + 1
            number = repeats[text] if temperature else 0
            keys.append(self._key(text, *options, number))
        kept = self._kept(keys)
        left = [i for i, key in enumerate(keys) if key not in kept]
        if not temperature:
            left = list({keys[i]: i for i in left}.values())
        left.sort(key=lambda i: len(texts[i]))  # batches of like lengths
        self._check_length(texts[left[-1]] if left else "", max_new_tokens)
        starts = range(0, len(left), AT_ONCE)
        for start in progress_bar(starts, few=not left, desc=desc, unit="batch", leave=False):
            group = left[start : start + AT_ONCE]
            made = self.chat.complete(
                [texts[i] for i in group],
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                seed=seed * 100_003 + start,
                make_processor=make_processor or (lambda: FiniteScores(self.chat.name)),
            )
            found = {keys[i]: reply for i, reply in zip(group, made)}
            self._keep(found)
            kept |= found
        return [kept[key] for key in keys]

    def _check_length(self, longest: str, max_new_tokens: int) -> None:
        room = getattr(self.base.model.config, "max_position_embeddings", None)
        n_tokens = len(self.base.tokenizer(longest, add_special_tokens=False)["input_ids"])
        if room and n_tokens + max_new_tokens > room:
            raise ContextTooShort(
                f"A prompt has {n_tokens} tokens and its reply up to {max_new_tokens}, but the"
                f" context of {self.base.name} has {room}. Choose a model with a longer context."
            )

    def _key(self, *parts: object) -> str:
        return hashlib.sha256(json.dumps([self.weights, *parts]).encode()).hexdigest()

    def _kept(self, keys: Sequence[str]) -> dict[str, Reply]:
        with transaction(self.path, SCHEMA, "replies") as connection:
            return kept_replies(connection, keys)

    def _keep(self, made: dict[str, Reply]) -> None:
        with transaction(self.path, SCHEMA, "replies") as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)",
                [(key, *astuple(reply)) for key, reply in made.items()],
            )
