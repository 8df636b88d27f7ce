"""Structured output: ask for it, repair it, or constrain the decoder to it."""

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from adaptlab.checks import check_whole
from adaptlab.messages import Messages
from adaptlab.models.constraint import JsonConstraint  # noqa: F401


def validation_error(text: str, schema: type[BaseModel]) -> str | None:
    """Return the error of a reply as an instance of the schema, in one line, or None."""
    try:
        schema.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'reply'}: {first['msg']}"
    return None


@dataclass(frozen=True)
class Repaired:
    """The first and the last reply, the number of calls, and whether the last reply is valid."""

    first: str
    text: str
    n_calls: int
    valid: bool


def ask_and_repair(
    chat, conversations: list[Messages], schema: type[BaseModel], max_calls: int = 3, **options
) -> list[Repaired]:
    """Ask; if the reply is not valid, show the model its reply with the error and ask again, at
    most max_calls times.
    """
    check_whole(max_calls, "max_calls", 1)
    conversations = [list(messages) for messages in conversations]
    results: list[Repaired] = [Repaired("", "", 0, False)] * len(conversations)
    open_ones = list(range(len(conversations)))
    for n_calls in range(1, max_calls + 1):
        replies = chat.batch([conversations[i] for i in open_ones], **options)
        still_open = []
        for i, reply in zip(open_ones, replies):
            error = validation_error(reply.text, schema)
            results[i] = Repaired(
                results[i].first if n_calls > 1 else reply.text, reply.text, n_calls, error is None
            )
            if error:
                repair = f"That is not valid ({error}). Write the record again."
                conversations[i] += [
                    {"role": "assistant", "content": reply.text},
                    {"role": "user", "content": repair},
                ]
                still_open.append(i)
        open_ones = still_open
        if not open_ones:
            break
    return results
