"""Prompts as files: each version has the hash of its text, and the regression store records whether
it passed.
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
    """A version of a prompt: the name of its file, its text, and the reason for it."""

    name: str
    text: str
    why: str

    @property
    def hash(self) -> str:
        """Hash of the text only: prompts with the same text are equal."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def read_prompt(path: Path) -> Prompt:
    """Read a TOML file with the keys `text` and `why`.

    Raises:
        AdaptLabError: if the file has another form.
    """
    try:
        found = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise AdaptLabError(
            f"{path} is not TOML ({error}). Write the keys text and why, each with a text."
        ) from error
    if set(found) != {"text", "why"} or not all(
        isinstance(value, str) and value.strip() for value in found.values()
    ):
        raise AdaptLabError(
            f"{path} has other keys than text and why. Write these two keys, each with a text."
        )
    return Prompt(path.stem, found["text"].strip(), found["why"].strip())


def read_prompts(folder: Path) -> list[Prompt]:
    """Read all prompts of a folder, by name."""
    found = [read_prompt(path) for path in sorted(Path(folder).glob("*.toml"))]
    if not found:
        raise AdaptLabError(
            f"{folder} does not contain prompts. Write each prompt into a file NAME.toml with"
            " the keys text and why."
        )
    return found


def require_passed(prompt: Prompt, store: Path) -> None:
    """Check the newest run of this text in the store.

    Raises:
        AdaptLabError: if there is no such run, or if it lost a skill.
    """
    runs = [run for run in read_runs(store) if run.config.get("prompt_hash") == prompt.hash]
    if not runs:
        raise AdaptLabError(
            f"The prompt {prompt.name} ({prompt.hash}) was never measured with its present"
            " text. Run the gate on it first."
        )
    if runs[-1].failed:
        raise AdaptLabError(
            f"The prompt {prompt.name} ({prompt.hash}) lost {', '.join(runs[-1].failed)}."
            " Serve the previous version."
        )
