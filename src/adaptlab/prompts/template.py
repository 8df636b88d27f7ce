"""A prompt as a template of messages: an instruction, worked examples, and a place for the text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json, reading, write_whole
from adaptlab.messages import Messages, user

PLACEHOLDER = "{text}"
FIX = "Write it again with `adaptlab optimize`."


@dataclass(frozen=True)
class PromptTemplate:
    """Messages in which `placeholder` marks the place of the text."""

    template: tuple[dict, ...]
    placeholder: str = PLACEHOLDER

    def messages(self, text: str) -> Messages:
        """Return the prompt for a text."""
        return [
            message | {"content": message["content"].replace(self.placeholder, text)}
            for message in self.template
        ]

    def as_dict(self) -> dict:
        return {"messages": list(self.template), "placeholder": self.placeholder}


def few_shot_template(
    instruction: str,
    examples: Sequence[tuple[str, str]] = (),
    names: tuple[str, str] = ("Text", "Label"),
) -> PromptTemplate:
    """Make a template of an instruction, worked examples as (text, answer), and the text.

    `names` are written before a text and before an answer. The placeholder occurs nowhere else.
    """
    text_name, answer_name = names
    shown = [f"{text_name}: {text}\n{answer_name}: {answer}" for text, answer in examples]
    placeholder = PLACEHOLDER
    while any(placeholder in part for part in (instruction, *shown)):
        placeholder = f"{{{placeholder}}}"
    asked = f"{text_name}: {placeholder}\n{answer_name}:"
    return PromptTemplate((user("\n\n".join([instruction, *shown, asked])),), placeholder)


def write_prompt(path: Path, prompt: PromptTemplate, **about: object) -> None:
    """Write a prompt as JSON: messages, the placeholder, and what `about` says of them."""
    content = prompt.as_dict() | about
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_prompt(path: Path) -> PromptTemplate:
    """Read a prompt that `write_prompt` wrote.

    Raises:
        AdaptLabError: if the file is missing or damaged, or its placeholder does not occur once.
    """
    found = read_json(Path(path))
    with reading(Path(path), FIX):
        template = tuple(
            {"role": str(message["role"]), "content": str(message["content"])}
            for message in found["messages"]
        )
        placeholder = str(found["placeholder"])
    whole = "".join(message["content"] for message in template)
    if not placeholder or whole.count(placeholder) != 1:
        raise AdaptLabError(
            f"{path} has {whole.count(placeholder) if placeholder else 0} places for the text, not"
            f" one. {FIX}"
        )
    return PromptTemplate(template, placeholder)
