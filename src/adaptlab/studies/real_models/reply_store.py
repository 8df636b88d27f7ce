"""Replies of a model, kept as they are made: a killed measurement resumes, and a better judge reads
them again without asking the model.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path

from adaptlab.database import transaction
from adaptlab.messages import Messages
from adaptlab.models.chat import Reply
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, text TEXT NOT NULL, n_prompt INTEGER"
    " NOT NULL, n_completion INTEGER NOT NULL, seconds REAL NOT NULL)",
)
AT_ONCE = 64  # prompts between two writes


class ReplyStore:
    """A model whose replies are kept in a SQLite file.

    `weights` names the model's weights and number format: replies of other weights are not read.
    """

    def __init__(self, chat: LocalChat, weights: str, path: Path):
        self.chat = chat
        self.weights = weights
        self.path = path

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
        """
        texts = [p if isinstance(p, str) else self.chat.render(list(p)) for p in prompts]
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
        starts = range(0, len(left), AT_ONCE)
        for start in progress_bar(starts, few=not left, desc=desc, unit="batch", leave=False):
            group = left[start : start + AT_ONCE]
            made = self.chat.complete(
                [texts[i] for i in group],
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                seed=seed * 100_003 + start,
                make_processor=make_processor,
            )
            found = {keys[i]: reply for i, reply in zip(group, made)}
            self._keep(found)
            kept |= found
        return [kept[key] for key in keys]

    def _key(self, *parts: object) -> str:
        return hashlib.sha256(json.dumps([self.weights, *parts]).encode()).hexdigest()

    def _kept(self, keys: Sequence[str]) -> dict[str, Reply]:
        found = {}
        with transaction(self.path, SCHEMA, "replies") as connection:
            for key in dict.fromkeys(keys):
                row = connection.execute(
                    "SELECT text, n_prompt, n_completion, seconds FROM replies WHERE key = ?",
                    (key,),
                ).fetchone()
                if row:
                    found[key] = Reply(*row)
        return found

    def _keep(self, made: dict[str, Reply]) -> None:
        with transaction(self.path, SCHEMA, "replies") as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)",
                [(key, *astuple(reply)) for key, reply in made.items()],
            )
