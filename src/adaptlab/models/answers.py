"""Check the answers of chat servers: a missing part is reported in a sentence, and unknown usage is
0.
"""

import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from adaptlab.errors import AdaptLabError

SERVER = "The OpenAI-compatible server"
SHOWN = 200  # characters of a server's own words
_SDKS = ("openai", "anthropic", "httpx", "httpx2")
_CALLS = ("tool_calls", "function_call", "tool_use")
_CUT = ("length", "max_tokens")
_WITHHELD = ("content_filter", "refusal")


class NoUsage(UserWarning):
    """A server does not report how many tokens it read and wrote."""


def sentence(vendor: str, error: Exception) -> Exception:
    """Convert an error of a vendor's SDK to an AdaptLabError; return other errors unchanged.

    Anthropic's SDK reports a missing key as a TypeError.
    """
    known = type(error).__module__.split(".")[0] in _SDKS or isinstance(error, json.JSONDecodeError)
    if not known and "authentication" not in str(error):
        return error
    # Some servers send a text where OpenAI's sends an object, and the SDK leaves it out.
    body = getattr(error, "body", None)
    words = (
        f"{error} - {body}"
        if isinstance(body, str) and body and body not in str(error)
        else str(error)
    )
    reason = _start((words.splitlines() or [""])[0])
    advice = _advice(error)
    return AdaptLabError(f"{vendor} did not answer ({type(error).__name__}: {reason}). {advice}.")


def _advice(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if isinstance(error, json.JSONDecodeError):
        return "Check the address: it did not send JSON"
    if status in (400, 413, 422):
        return "Change the option or the prompt that it names, or choose another model"
    if status == 429:
        return "Wait before you ask again, or check your quota"
    # A stream that has begun reports an error without a status, or under the status 200.
    if type(error).__name__ == "APIError" or status == 200 or (status or 0) >= 500:
        return "Ask again later, or choose another model"
    return "Check the model's name, the key and the address"


@contextmanager
def shaped(vendor: str) -> Iterator[None]:
    """Check an answer while the code inside reads it.

    Raises:
        AdaptLabError: if the answer lacks a field that the code inside reads.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise AdaptLabError(
            f"{vendor} did not answer in the form of its protocol ({error}). Check the"
            " address, and the version of the server."
        ) from error


def openai_choice(answer: object):
    """Return the first choice of a chat completion.

    Raises:
        AdaptLabError: if there is no choice.
    """
    if isinstance(answer, str):
        raise _not_json(SERVER, answer)
    choices = getattr(answer, "choices", None)
    if error := _error_in(answer):
        raise AdaptLabError(
            f"{SERVER} answered with an error ({error}). Ask again later, or choose another model."
        )
    if not isinstance(choices, list) or not choices or getattr(choices[0], "message", None) is None:
        raise AdaptLabError(
            f"{SERVER} answered without a choice. Check that the address serves chat completions."
        )
    return choices[0]


def openai_text(answer: object) -> str:
    """Return the text of a chat completion, which may be a refusal.

    Raises:
        AdaptLabError: if there is no text.
    """
    choice = openai_choice(answer)
    with shaped(SERVER):
        content = (
            _text(choice.message.content)
            or getattr(choice.message, "refusal", None)
            or choice.message.content
        )
    if content:
        return content
    withheld = content is None or choice.finish_reason in _WITHHELD
    if withheld or (choice.finish_reason in _CUT and _reasoned(answer)):
        raise _silent(SERVER, choice.finish_reason)
    return content


def _text(content: object) -> str | None:
    """Return a content as text; some servers send it in parts."""
    if isinstance(content, list):
        texts = [part["text"] for part in content if part["type"] == "text"]
        return "".join(texts) or None
    if not isinstance(content, str | None):
        raise TypeError(f"its content is of the type {type(content).__name__}")
    return content


def _reasoned(answer: object) -> bool:
    details = getattr(getattr(answer, "usage", None), "completion_tokens_details", None)
    return bool(getattr(details, "reasoning_tokens", 0))


def openai_pieces(events: Iterable) -> Iterator[str]:
    """Yield the pieces of a streamed reply.

    Raises:
        AdaptLabError: if the stream has an error or no reply, or ends without text for a known
            reason.
    """
    answered = False
    has_text = False
    finish = None
    for event in events:
        if error := _error_in(event):
            raise AdaptLabError(
                f"{SERVER} ended the reply too early ({error}). Ask again later, or choose"
                " another model."
            )
        for choice in (getattr(event, "choices", None) or [])[:1]:
            answered = True
            finish = getattr(choice, "finish_reason", None) or finish
            with shaped(SERVER):
                piece = choice.delta and (
                    _text(choice.delta.content) or getattr(choice.delta, "refusal", None)
                )
            if piece:
                has_text = True
                yield piece
    if not answered:
        raise AdaptLabError(
            f"{SERVER} streamed no reply. Check that the address serves chat completions."
        )
    if not has_text and finish in (*_CUT, *_WITHHELD, *_CALLS):
        raise _silent(SERVER, finish)
    if has_text and finish is None:
        problem = f"{SERVER} ended its stream without a finish_reason"
        warnings.warn(f"{problem}: the reply may be cut. Ask again without a stream.", stacklevel=2)


def anthropic_text(answer: Any) -> str:
    """Return the text of one of Anthropic's messages.

    Raises:
        AdaptLabError: with the reason, if there is no text.
    """
    if isinstance(answer, str):
        raise _not_json("Anthropic", answer)
    if error := _error_in(answer):
        raise AdaptLabError(
            f"Anthropic answered with an error ({error}). Ask again later, or choose another model."
        )
    content = getattr(answer, "content", None)
    if not isinstance(content, list):
        raise AdaptLabError(
            "Anthropic answered without content. Check that the address serves the Messages API."
        )
    with shaped("Anthropic"):
        text = "".join(block.text for block in content if block.type == "text")
    if not text and answer.stop_reason in (*_CUT, *_WITHHELD, *_CALLS):
        raise _silent("Anthropic", answer.stop_reason)
    return text


def tokens(vendor: str, answer: object, *names: str) -> tuple[int, ...]:
    """Return the token counts of these names in the usage of an answer; unknown counts are 0, with
    a warning.
    """
    usage = getattr(answer, "usage", None)
    counts = [getattr(usage, name, None) for name in names]
    counts = [count if isinstance(count, int) else None for count in counts]
    if None in counts:
        warnings.warn(
            f"{vendor} does not say how many tokens it used; they are counted as 0.",
            NoUsage,
            stacklevel=3,
        )
    return tuple(count or 0 for count in counts)


def _error_in(answer: object) -> str:
    """Return the error in an answer with status 200, as some servers send it."""
    error = (getattr(answer, "model_extra", None) or {}).get("error")
    if isinstance(error, dict):
        error = error.get("message") or error
    return _start(str(error)) if error else ""


def _not_json(vendor: str, page: str) -> AdaptLabError:
    return AdaptLabError(
        f"{vendor} answered with a page instead of JSON ({_start(page)!r}). Check the"
        " address, which often ends in /v1."
    )


def _start(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _silent(vendor: str, reason: str | None) -> AdaptLabError:
    if reason in _CUT:
        return AdaptLabError(
            f"{vendor} used up all tokens before the reply began. Raise max_new_tokens."
        )
    if reason in _WITHHELD:
        return AdaptLabError(
            f"{vendor} withheld the reply ({reason}). Change the prompt, or choose another model."
        )
    if reason in _CALLS:
        return AdaptLabError(f"{vendor} called an unknown tool. Choose another model.")
    return AdaptLabError(
        f"{vendor} answered without text (the reply ended with {reason!r}). Ask again, or"
        " choose another model."
    )
