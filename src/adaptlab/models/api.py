"""Chat models behind an HTTP API, by the vendors' own SDKs (extra `api`). Keys and addresses come from the SDKs' environment variables."""

from collections.abc import Iterator
from functools import partial

from adaptlab.errors import AdaptLabError
from adaptlab.models.chat import Messages, Reply, check_messages, timed
from adaptlab.models.local import merge_data


def _sdk(name: str):
    try:
        return __import__(name)
    except ImportError as error:
        raise AdaptLabError(f"The package {name} is not installed; run: pip install 'adaptlab[api]'") from error


def _call(vendor: str, request):
    """Run a request; what the vendor refuses becomes one sentence."""
    try:
        return timed(request)
    except Exception as error:
        raise _sentence(vendor, error) from error


def _sentence(vendor: str, error: Exception) -> Exception:
    """What the vendor's SDK says, as one sentence; other errors as they are. Anthropic's SDK reports a missing key as a TypeError."""
    if type(error).__module__.split(".")[0] not in ("openai", "anthropic", "httpx") and "authentication" not in str(error):
        return error
    reason = (str(error).splitlines() or [""])[0]
    return AdaptLabError(f"{vendor} did not answer ({type(error).__name__}: {reason}); check the model's name, the key and the address.")


def _pieces(vendor: str, events: Iterator[str]) -> Iterator[str]:
    """The pieces of a stream, which may break off at any of them."""
    try:
        yield from events
    except Exception as error:
        raise _sentence(vendor, error) from error


class OpenAIChat:
    """Any server that speaks OpenAI's chat completions; OPENAI_BASE_URL and OPENAI_API_KEY say which."""

    def __init__(self, model: str, base_url: str | None = None, api_key: str | None = None):
        openai = _sdk("openai")
        self.name, self.model = f"openai:{model}", model
        try:
            self.client = openai.OpenAI(base_url=base_url, api_key=api_key)
        except openai.OpenAIError as error:
            raise AdaptLabError(f"The OpenAI client could not start ({error}).") from error

    def _options(self, messages: Messages, max_new_tokens: int, temperature: float, seed: int) -> dict:
        check_messages(messages)
        return {"model": self.model, "messages": merge_data(messages), "max_tokens": max_new_tokens, "temperature": temperature, "seed": seed}

    def batch(self, conversations: list[Messages], *, max_new_tokens: int = 128, temperature: float = 0.0, seed: int = 0) -> list[Reply]:
        replies = []
        for i, messages in enumerate(conversations):
            options = self._options(messages, max_new_tokens, temperature, seed + i)
            answer, seconds = _call("The OpenAI-compatible server", partial(self.client.chat.completions.create, **options))
            text = (answer.choices[0].message.content or "").strip()
            replies.append(Reply(text, answer.usage.prompt_tokens, answer.usage.completion_tokens, seconds))
        return replies

    def stream(self, messages: Messages, *, max_new_tokens: int = 128, temperature: float = 0.0, seed: int = 0) -> Iterator[str]:
        options = self._options(messages, max_new_tokens, temperature, seed)
        events, _ = _call("The OpenAI-compatible server", partial(self.client.chat.completions.create, stream=True, **options))
        yield from _pieces("The OpenAI-compatible server", (e.choices[0].delta.content for e in events if e.choices and e.choices[0].delta.content))


class AnthropicChat:
    """Anthropic's Messages API. It has no seed, so `seed` is ignored there."""

    def __init__(self, model: str, base_url: str | None = None, api_key: str | None = None):
        anthropic = _sdk("anthropic")
        self.name, self.model = f"anthropic:{model}", model
        self.client = anthropic.Anthropic(base_url=base_url, api_key=api_key)

    def _options(self, messages: Messages, max_new_tokens: int, temperature: float) -> dict:
        check_messages(messages)
        merged = merge_data(messages)
        system = "\n".join(m["content"] for m in merged if m["role"] == "system")
        options = {"model": self.model, "max_tokens": max_new_tokens, "extra_body": {"temperature": temperature}}
        return options | {"messages": [m for m in merged if m["role"] != "system"]} | ({"system": system} if system else {})

    def batch(self, conversations: list[Messages], *, max_new_tokens: int = 128, temperature: float = 0.0, seed: int = 0) -> list[Reply]:
        replies = []
        for messages in conversations:
            answer, seconds = _call("Anthropic", partial(self.client.messages.create, **self._options(messages, max_new_tokens, temperature)))
            text = "".join(block.text for block in answer.content if block.type == "text").strip()
            replies.append(Reply(text, answer.usage.input_tokens, answer.usage.output_tokens, seconds))
        return replies

    def stream(self, messages: Messages, *, max_new_tokens: int = 128, temperature: float = 0.0, seed: int = 0) -> Iterator[str]:
        def events() -> Iterator[str]:  # the request is sent when the context is entered
            with self.client.messages.stream(**self._options(messages, max_new_tokens, temperature)) as stream:
                yield from stream.text_stream

        yield from _pieces("Anthropic", events())
