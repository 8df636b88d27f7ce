"""A genuine language model for the live cells of the lessons, where it is on this machine."""

from adaptlab.errors import AdaptLabError
from adaptlab.models.local import LocalChat

NAME = "smollm2"


def genuine_model() -> LocalChat | None:
    """Return SmolLM2-135M-Instruct; if it was not fetched, say how, and return None."""
    try:
        return LocalChat(f"gguf:{NAME}")
    except AdaptLabError as error:
        print(error)
        return None
