"""Load a chat model by its id: embedded, from a hub, from a folder, or behind an API."""

from adaptlab.errors import AdaptLabError
from adaptlab.models.chat import Chat, check_text


def load_chat(model_id: str) -> Chat:
    """Load the chat model with this id."""
    check_text(model_id, "The model's id")
    kind, _, name = model_id.partition(":")
    if kind in ("openai", "anthropic") and not name:
        raise AdaptLabError(f"{model_id!r} does not name a model. Write {kind}:NAME.")
    if kind == "openai":
        from adaptlab.models.api import OpenAIChat

        return OpenAIChat(name)
    if kind == "anthropic":
        from adaptlab.models.api import AnthropicChat

        return AnthropicChat(name)
    from adaptlab.models.local import LocalChat

    return LocalChat(model_id)
