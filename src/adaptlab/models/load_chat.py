"""The chat model that an id names: embedded, of a hub, of a folder, or behind an API."""

from adaptlab.errors import AdaptLabError
from adaptlab.models.chat import Chat, check_text


def load_chat(model_id: str) -> Chat:
    """The chat model that an id names."""
    check_text(model_id, "The model's id")
    kind, _, name = model_id.partition(":")
    if kind in ("openai", "anthropic") and not name:
        raise AdaptLabError(f"{model_id!r} names no model. Write {kind}:NAME.")
    if kind == "openai":
        from adaptlab.models.api import OpenAIChat

        return OpenAIChat(name)
    if kind == "anthropic":
        from adaptlab.models.api import AnthropicChat

        return AnthropicChat(name)
    from adaptlab.models.local import LocalChat

    return LocalChat(model_id)
