"""Messages of a conversation: {"role", "content"}, and the two replies that abstain."""

from collections.abc import Sequence

Messages = list[dict]
ROLES = ("system", "user", "data", "assistant")

NOT_FOUND = "The context does not say."
UNKNOWN = "I do not know."


def system(content: str) -> dict:
    """What the model is told before the conversation."""
    return {"role": "system", "content": content}


def user(content: str) -> dict:
    """What the user says."""
    return {"role": "user", "content": content}


def data(content: str) -> dict:
    """Retrieved text, in a role of its own: a model can learn that it holds no instructions."""
    return {"role": "data", "content": content}


def assistant(content: str) -> dict:
    """What the model says."""
    return {"role": "assistant", "content": content}


def merge_data(messages: Messages) -> Messages:
    """Data turns put in front of the user turn that follows them, or behind the last one."""
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
    """System messages put in front of the user turn that follows them, for templates that take
    none.
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
