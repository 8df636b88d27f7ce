"""Messages of a conversation: {"role", "content"}, and the two replies that abstain."""

from collections.abc import Sequence

Messages = list[dict]
ROLES = ("system", "user", "data", "assistant")

NOT_FOUND = "The context does not say."
UNKNOWN = "I do not know."


def system(content: str) -> dict:
    """Make a system message, which precedes the conversation."""
    return {"role": "system", "content": content}


def user(content: str) -> dict:
    """Make a message of the user."""
    return {"role": "user", "content": content}


def data(content: str) -> dict:
    """Make a message of retrieved text, in a role of its own: a model can learn not to follow its
    instructions.
    """
    return {"role": "data", "content": content}


def assistant(content: str) -> dict:
    """Make a message of the assistant."""
    return {"role": "assistant", "content": content}


def merge_data(messages: Messages) -> Messages:
    """Move data turns to the front of the next user turn, or to the end of the last user turn."""
    merged = []
    pending = ""
    for message in messages:
        if message["role"] == "data":
            pending += f"Context:\n{message['content']}\n\n"
        else:
            content = (
                pending + message["content"] if message["role"] == "user" else message["content"]
            )
            pending = "" if message["role"] == "user" else pending
            merged.append(message | {"content": content})
    if not pending:
        return merged
    if merged and merged[-1]["role"] == "user":  # data after the question
        content = f"{merged[-1]['content']}\n\n{pending.rstrip()}"
        return [*merged[:-1], merged[-1] | {"content": content}]
    return [*merged, {"role": "user", "content": pending.rstrip()}]


def merge_system(messages: Sequence[dict]) -> Messages:
    """Move system messages to the front of the next user turn, for templates without a system
    role.
    """
    merged = []
    pending = ""
    for message in messages:
        if message["role"] == "system":
            pending += f"{message['content']}\n\n"
        elif message["role"] == "user":
            merged.append(message | {"content": pending + message["content"]})
            pending = ""
        else:
            merged.append(dict(message))
    return [*merged, {"role": "user", "content": pending.strip()}] if pending else merged
