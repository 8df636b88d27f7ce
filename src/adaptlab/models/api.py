"""Chat models behind an HTTP API, through the vendors' own SDKs (extra `api`).

Keys and addresses come from the SDKs' environment variables.
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
            f"The package {name} is not installed. Run: pip install 'adaptlab[api]'"
        ) from error


def _call(vendor: str, request):
    """Run a request; report the vendor's error in one sentence."""
    try:
        return timed(request)
    except Exception as error:
        raise sentence(vendor, error) from error


def _pieces(vendor: str, events: Iterator[str]) -> Iterator[str]:
    """Yield the pieces of a stream, which may fail at any piece."""
    try:
        yield from events
    except AdaptLabError:
        raise
    except Exception as error:
        raise sentence(vendor, error) from error


class OpenAIChat:
    """Any server with OpenAI's chat completions, set by OPENAI_BASE_URL and OPENAI_API_KEY."""

    def __init__(self, model: str, base_url: str | None = None, api_key: str | None = None):
        openai = _sdk("openai")
        self.name = f"openai:{model}"
        self.model = model
        try:
            self.client = openai.OpenAI(base_url=base_url, api_key=api_key)
        except openai.OpenAIError as error:
            raise AdaptLabError(
                f"The OpenAI client could not start ({error}). Check the key and the address."
            ) from error
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
    """Anthropic's Messages API. It has no seed, so `seed` is ignored."""

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
                with shaped("Anthropic"):  # the SDK does not check its events
                    yield from stream.text_stream
                _refuse_broken(stream)

        yield from _pieces("Anthropic", events())


def _refuse_broken(stream) -> None:
    """Check the end of one of Anthropic's streams.

    Raises:
        AdaptLabError: if the stream ended before its message, or the text was withheld.
    """
    try:
        message = stream.current_message_snapshot
    except AssertionError as error:  # no event started a message
        raise AdaptLabError(
            "Anthropic streamed no reply. Check that the address serves the Messages API."
        ) from error
    anthropic_text(message)
    if message.stop_reason is None:
        raise AdaptLabError("Anthropic ended the reply too early. Ask again.")
