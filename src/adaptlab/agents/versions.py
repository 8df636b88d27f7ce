"""Prompts as files, each version known by the hash of its text; and whether the regression store
holds a run in which that text passed.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.evals.store import read_runs
from adaptlab.files import read_text


@dataclass(frozen=True)
class Prompt:
    """A version of a prompt: the name of its file, its text, and why it was made."""

    name: str
    text: str
    why: str

    @property
    def hash(self) -> str:
        """Of the text alone: a prompt that says the same is the same."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def read_prompt(path: Path) -> Prompt:
    """A TOML file with the keys `text` and `why`."""
    try:
        found = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise AdaptLabError(
            f"{path} is not TOML ({error}); write the keys text and why, each with a text."
        ) from error
    if set(found) != {"text", "why"} or not all(
        isinstance(value, str) and value.strip() for value in found.values()
    ):
        raise AdaptLabError(
            f"{path} must hold the keys text and why, each with a text, and nothing else."
        )
    return Prompt(path.stem, found["text"].strip(), found["why"].strip())


def read_prompts(folder: Path) -> list[Prompt]:
    """All prompts of a folder, by name."""
    found = [read_prompt(path) for path in sorted(Path(folder).glob("*.toml"))]
    if not found:
        raise AdaptLabError(
            f"{folder} holds no prompts; write each into a file NAME.toml with the keys text and"
            " why."
        )
    return found


def require_passed(prompt: Prompt, store: Path) -> None:
    """An AdaptLabError unless the newest run of this very text, in the store, lost nothing."""
    runs = [run for run in read_runs(store) if run.config.get("prompt_hash") == prompt.hash]
    if not runs:
        raise AdaptLabError(
            f"The prompt {prompt.name} ({prompt.hash}) was never measured as it now stands; run the"
            " gate on it first."
        )
    if runs[-1].failed:
        raise AdaptLabError(
            f"The prompt {prompt.name} ({prompt.hash}) lost {', '.join(runs[-1].failed)}; serve the"
            " version before it."
        )
