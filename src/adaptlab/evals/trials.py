"""The replies of a prompt search, kept as they are made, so that an interrupted search resumes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from adaptlab.database import transaction
from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.chat import Chat, Reply
from adaptlab.models.kept_replies import kept_replies

AT_ONCE = 16  # prompts of a local model between two writes; a served model has one
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, part TEXT NOT NULL, candidate"
    " INTEGER NOT NULL, text TEXT NOT NULL, n_prompt INTEGER NOT NULL, n_completion INTEGER NOT"
    " NULL, seconds REAL NOT NULL)",
)


class TrialStore:
    """The replies of a search in a SQLite file, kept as they are made."""

    def __init__(self, chat: Chat, path: Path, model: str, max_new_tokens: int):
        self.chat = chat
        self.path = path
        self.model = model
        self.max_new_tokens = max_new_tokens
        self.at_once = AT_ONCE if hasattr(chat, "tokenizer") else 1

    def refuse_others(self, settings: dict) -> None:
        """Keep the settings of the search.

        Raises:
            AdaptLabError: if the file has those of another search.
        """
        with transaction(self.path, SCHEMA, "prompt searches") as connection:
            kept = dict(connection.execute("SELECT name, value FROM settings").fetchall())
            given = {name: json.dumps(value) for name, value in settings.items()}
            if not kept:
                connection.executemany("INSERT INTO settings VALUES (?, ?)", [*given.items()])
                return
        if differing := [name for name in given if kept.get(name) != given[name]]:
            raise AdaptLabError(
                f"{self.path.parent} contains a search with other {' and '.join(differing)}. Choose"
                " a new folder."
            )

    def replies(self, prompts: Sequence[Messages], part: str, candidate: int, bar) -> list[Reply]:
        """Return a reply to each prompt; only prompts without a kept reply are asked."""
        self._check_length(prompts)
        keys = [self._key(prompt) for prompt in prompts]
        kept = self._kept(keys)
        bar.update(len(kept))
        left = [i for i, key in enumerate(keys) if key not in kept]
        for start in range(0, len(left), self.at_once):
            group = left[start : start + self.at_once]
            made = self.chat.batch([prompts[i] for i in group], max_new_tokens=self.max_new_tokens)
            rows = [(keys[i], part, candidate, *astuple(reply)) for i, reply in zip(group, made)]
            with transaction(self.path, SCHEMA, "prompt searches") as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", rows
                )
            kept |= {keys[i]: reply for i, reply in zip(group, made)}
            bar.update(len(group))
        return [kept[key] for key in keys]

    def _check_length(self, prompts: Sequence[Messages]) -> None:
        """Check that the longest prompt fits into a local model's context.

        Raises:
            AdaptLabError: if it does not.
        """
        config = getattr(getattr(self.chat, "model", None), "config", None)
        room = getattr(config, "max_position_embeddings", None)
        if not room or not prompts:
            return
        longest = max(prompts, key=lambda prompt: len(prompt[-1]["content"]))
        text = self.chat.render(longest)  # type: ignore[attr-defined]
        ids = self.chat.tokenizer(text, add_special_tokens=False)  # type: ignore[attr-defined]
        n_tokens = len(ids["input_ids"])
        if n_tokens + self.max_new_tokens > room:
            raise AdaptLabError(
                f"A prompt has {n_tokens} tokens and its reply up to {self.max_new_tokens}, but the"
                f" context of {self.chat.name} has {room}. Give fewer examples or shorter texts."
            )

    def _key(self, prompt: Messages) -> str:
        content = json.dumps([self.model, self.max_new_tokens, prompt])
        return hashlib.sha256(content.encode()).hexdigest()

    def _kept(self, keys: Sequence[str]) -> dict[str, Reply]:
        with transaction(self.path, SCHEMA, "prompt searches") as connection:
            return kept_replies(connection, keys)


def identity(chat: Chat) -> str:
    """Return the model's name, and for a local model a hash of its weights."""
    model = getattr(chat, "model", None)
    if not hasattr(model, "named_parameters"):
        return chat.name
    from adaptlab.tune.run import fingerprint  # here: a served model needs no torch

    return f"{chat.name} {fingerprint(model)}"
