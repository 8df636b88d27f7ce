"""Keys of a row that no reader uses.

They are reported if they only describe the row, and a fault if they may belong to the conversation.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from adaptlab.json_rows import Fault

# Where a row is from, who wrote or rated it, and its statistics, as published data sets name them.
# Not in the list: split, label, train, mask, persona and others that affect the training.
_DESCRIPTIONS = re.sub(
    r"\s+",
    "|",
    """id idx index uid uuid hash source origin dataset url link license licence author annotator
    annotation category subcategory topic subtopic domain subject task type tag title language
    lang locale created created_at updated_at timestamp date time version release model
    model_name dataset_name generator score rating margin quality difficulty vote upvote view
    length turn rationale order status toxic redacted openai_moderation detoxify_moderation
    metadata meta avatarurl skip_prompt_formatting parallel_tool_calls in_gsm8k_train
    turn_identifier hashed_ip country state num_tokens n_tokens token_count total_tokens
    prompt_tokens completion_tokens""",
)
_CONTENT = "max|min|image|audio|video|file|document|tool|function|system|context|history|persona"
_HARMLESS = re.compile(
    rf"(?!(?:{_CONTENT})s?_)(?:[a-z0-9]+_)*?(?:{_DESCRIPTIONS})s?(?:_(?:chosen|rejected))?",
    re.IGNORECASE,
)
# Alpaca's prompt, which some data sets keep next to its parts.
_RENDERED = "Below is an instruction"


class LeftOut(UserWarning):
    """Keys of data that are not used for training."""


def is_empty(value: object) -> bool:
    """Whether a key with this value counts as absent. Some data sets keep JSON in texts."""
    if isinstance(value, str):
        return value.strip() in ("", "[]", "{}", "null")
    return value is None or (isinstance(value, list | dict) and not value)


@cache
def harmless(key: str) -> bool:
    """Whether a key only describes its row or message."""
    return _HARMLESS.fullmatch(key) is not None


def left_out(row: dict, contents: list[str]) -> list[str]:
    """Return the keys that may be left out, among those that no reader took.

    `contents` has all texts of the conversation. A value that repeats them is left out too.

    Raises:
        Fault: if a key may not be left out.
    """
    keys = [key for key, value in row.items() if not is_empty(value)]
    for key in keys:
        if not harmless(key) and not _repeats(row[key], contents):
            raise Fault(
                f'its key "{key}" is unknown; rename it to a key of the format, or remove it'
            )
    return keys


def _repeats(value: object, contents: list[str]) -> bool:
    """Whether a value is one of the messages, a list of them, or the conversation as one text."""
    if isinstance(value, str):
        known = {_plain(text) for text in contents}
        return (
            _plain(value) in known
            or value.startswith(_RENDERED)
            or all(_has(_plain(value), text) for text in known)
        )
    if isinstance(value, list):
        return all(
            isinstance(message, dict) and _repeats_message(message, contents) for message in value
        )
    return False


def _repeats_message(message: dict, contents: list[str]) -> bool:
    texts = [
        text
        for key, text in message.items()
        if key not in ("role", "from") and not harmless(key) and not is_empty(text)
    ]
    return all(isinstance(text, str) and _plain(text) in map(_plain, contents) for text in texts)


def _has(rendered: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", rendered) is not None


def _plain(text: str) -> str:
    return " ".join(text.split())


def described_messages(row: dict) -> Iterator[str]:
    """Return the keys that only describe a message, over all messages in a row."""
    for value in (value for key, value in row.items() if not harmless(key)):
        messages = value if isinstance(value, list) else [value]
        for message in messages:
            if isinstance(message, dict) and message.keys() & {"role", "from", "messages"}:
                yield from (
                    key for key, value in message.items() if harmless(key) and not is_empty(value)
                )
                yield from described_messages(
                    {key: inner for key, inner in message.items() if key == "messages"}
                )


def report(path: object, left: Counter[str]) -> str:
    """Return one sentence on the keys that were left out, each with its number of rows."""
    keys = ", ".join(f"{key} (in {n} row{'s' * (n > 1)})" for key, n in sorted(left.items()))
    return (
        f"{path} has keys that are not used for training: {keys}. Rename a key that belongs"
        " to the conversation."
    )
