"""Chat models behind an HTTP API, by the vendors' own SDKs (extra `api`). Keys and addresses come
from the SDKs' environment variables.
"""

from collections.abc import Iterator
from functools import partial

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages, merge_data
from adaptlab.models.answers import (
    SERVER,
    anthropic_text,
    openai_pieces,
    openai_text,
    sentence,
    shaped,
    tokens,
)
from adaptlab.models.chat import Reply, check_messages, timed
from adaptlab.models.completions import Completions


def _sdk(name: str):
    try:
        return __import__(name)
    except ImportError as error:
        raise AdaptLabError(
            f"The package {name} is not installed; run: pip install 'adaptlab[api]'"
        ) from error


def _call(vendor: str, request):
    """Run a request; what the vendor refuses becomes one sentence."""
    try:
        return timed(request)
    except Exception as error:
        raise sentence(vendor, error) from error


def _pieces(vendor: str, events: Iterator[str]) -> Iterator[str]:
    """The pieces of a stream, which may break off at any of them."""
    try:
        yield from events
    except AdaptLabError:
        raise
    except Exception as error:
        raise sentence(vendor, error) from error


class OpenAIChat:
    """Any server that speaks OpenAI's chat completions; OPENAI_BASE_URL and OPENAI_API_KEY say
    which.
    """

    def __init__(self, model: str, base_url: str | None = None, api_key: str | None = None):
        openai = _sdk("openai")
        self.name = f"openai:{model}"
        self.model = model
        try:
            self.client = openai.OpenAI(base_url=base_url, api_key=api_key)
        except openai.OpenAIError as error:
            raise AdaptLabError(f"The OpenAI client could not start ({error}).") from error
        self.completions = Completions(self.client)

    def _options(
        self, messages: Messages, max_new_tokens: int, temperature: float, seed: int
    ) -> dict:
        check_messages(messages)
        return {
            "model": self.model,
            "messages": merge_data(messages),
            "max_tokens": max_new_tokens,
            "temperature": temperature,
            "seed": seed,
        }

    def batch(
        self,
        conversations: list[Messages],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> list[Reply]:
        replies = []
        for i, messages in enumerate(conversations):
            options = self._options(messages, max_new_tokens, temperature, seed + i)
            answer, seconds = _call(SERVER, partial(self.completions.create, **options))
            text = openai_text(answer).strip()
            read, written = tokens(SERVER, answer, "prompt_tokens", "completion_tokens")
            replies.append(Reply(text, read, written, seconds))
        return replies

    def stream(
        self,
        messages: Messages,
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Iterator[str]:
        options = self._options(messages, max_new_tokens, temperature, seed) | {"stream": True}
        events, _ = _call(SERVER, partial(self.completions.create, **options))
        yield from _pieces(SERVER, openai_pieces(events))


class AnthropicChat:
    """Anthropic's Messages API. It has no seed, so `seed` is ignored there."""

    def __init__(self, model: str, base_url: str | None = None, api_key: str | None = None):
        anthropic = _sdk("anthropic")
        self.name = f"anthropic:{model}"
        self.model = model
        self.client = anthropic.Anthropic(base_url=base_url, api_key=api_key)

    def _options(self, messages: Messages, max_new_tokens: int, temperature: float) -> dict:
        check_messages(messages)
        merged = merge_data(messages)
        system = "\n".join(m["content"] for m in merged if m["role"] == "system")
        options = {
            "model": self.model,
            "max_tokens": max_new_tokens,
            "extra_body": {"temperature": temperature},
        }
        return (
            options
            | {"messages": [m for m in merged if m["role"] != "system"]}
            | ({"system": system} if system else {})
        )

    def batch(
        self,
        conversations: list[Messages],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> list[Reply]:
        replies = []
        for messages in conversations:
            answer, seconds = _call(
                "Anthropic",
                partial(
                    self.client.messages.create,
                    **self._options(messages, max_new_tokens, temperature),
                ),
            )
            text = anthropic_text(answer).strip()
            read, written = tokens("Anthropic", answer, "input_tokens", "output_tokens")
            replies.append(Reply(text, read, written, seconds))
        return replies

    def stream(
        self,
        messages: Messages,
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Iterator[str]:
        def events() -> Iterator[str]:  # the request is sent when the context is entered
            with self.client.messages.stream(
                **self._options(messages, max_new_tokens, temperature)
            ) as stream:
                with shaped("Anthropic"):  # the SDK takes events as they should be
                    yield from stream.text_stream
                _refuse_broken(stream)

        yield from _pieces("Anthropic", events())


def _refuse_broken(stream) -> None:
    """Raises AdaptLabError if a stream of Anthropic's ended before its message did, or withheld the
    text.
    """
    try:
        message = stream.current_message_snapshot
    except AssertionError as error:  # no event began a message
        raise AdaptLabError(
            "Anthropic streamed no reply; check that the address is one for messages."
        ) from error
    anthropic_text(message)
    if message.stop_reason is None:
        raise AdaptLabError("Anthropic broke the reply off before its end; ask again.")
