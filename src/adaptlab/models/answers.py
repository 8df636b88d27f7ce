"""Answers of chat servers, checked: what is missing in one is a sentence, and unknown
usage is 0.
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
    """A server does not say how many tokens it read and wrote."""


def sentence(vendor: str, error: Exception) -> Exception:
    """What a vendor's SDK says, as an AdaptLabError; other errors as they are.

    Anthropic's SDK reports a missing key as a TypeError.
    """
    known = type(error).__module__.split(".")[0] in _SDKS or isinstance(error, json.JSONDecodeError)
    if not known and "authentication" not in str(error):
        return error
    # Some servers send a text where OpenAI's sends an object, and the SDK leaves it out.
    said = getattr(error, "body", None)
    words = (
        f"{error} - {said}"
        if isinstance(said, str) and said and said not in str(error)
        else str(error)
    )
    reason = _start((words.splitlines() or [""])[0])
    advice = _advice(error)
    return AdaptLabError(f"{vendor} did not answer ({type(error).__name__}: {reason}); {advice}.")


def _advice(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if isinstance(error, json.JSONDecodeError):
        return "it sent something else than JSON, so check the address"
    if status in (400, 413, 422):
        return "change the option or the prompt that it names, or choose another model"
    if status == 429:
        return "wait before you ask again, or check your quota"
    # A stream that has begun reports an error without a status, or under the status 200.
    if type(error).__name__ == "APIError" or status == 200 or (status or 0) >= 500:
        return "ask again later, or choose another model"
    return "check the model's name, the key and the address"


@contextmanager
def shaped(vendor: str) -> Iterator[None]:
    """Raises AdaptLabError for an answer that lacks what the code inside takes from it."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise AdaptLabError(
            f"{vendor} answered in another shape than its protocol has ({error}); check the"
            " address, and its version."
        ) from error


def openai_choice(answer: object):
    """The first choice of a chat completion. Raises AdaptLabError if there is none."""
    if isinstance(answer, str):
        raise _not_json(SERVER, answer)
    choices = getattr(answer, "choices", None)
    if error := _error_in(answer):
        raise AdaptLabError(
            f"{SERVER} answered with an error ({error}); ask again later, or choose another model."
        )
    if not isinstance(choices, list) or not choices or getattr(choices[0], "message", None) is None:
        raise AdaptLabError(
            f"{SERVER} answered without a choice; check that its address is one for chat"
            " completions."
        )
    return choices[0]


def openai_text(answer: object) -> str:
    """The reply in a chat completion, which may be a refusal. Raises AdaptLabError if there is
    none.
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
    """A content in parts, as some servers send it, is the text of its parts."""
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
    """The pieces of a streamed reply. Raises AdaptLabError if the stream has none, and
    no reason.
    """
    answered = False
    said = False
    finish = None
    for event in events:
        if error := _error_in(event):
            raise AdaptLabError(
                f"{SERVER} broke the reply off ({error}); ask again later, or choose another model."
            )
        for choice in (getattr(event, "choices", None) or [])[:1]:
            answered = True
            finish = getattr(choice, "finish_reason", None) or finish
            with shaped(SERVER):
                piece = choice.delta and (
                    _text(choice.delta.content) or getattr(choice.delta, "refusal", None)
                )
            if piece:
                said = True
                yield piece
    if not answered:
        raise AdaptLabError(
            f"{SERVER} streamed no reply; check that its address is one for chat completions."
        )
    if not said and finish in (*_CUT, *_WITHHELD, *_CALLS):
        raise _silent(SERVER, finish)
    if said and finish is None:
        problem = f"{SERVER} ended its stream without a finish_reason"
        warnings.warn(f"{problem}: the reply may be cut. Ask again without a stream.", stacklevel=2)


def anthropic_text(answer: Any) -> str:
    """The text of a message of Anthropic's. Raises AdaptLabError if there is none, and a reason."""
    if isinstance(answer, str):
        raise _not_json("Anthropic", answer)
    if error := _error_in(answer):
        raise AdaptLabError(
            f"Anthropic answered with an error ({error}); ask again later, or choose another model."
        )
    content = getattr(answer, "content", None)
    if not isinstance(content, list):
        raise AdaptLabError(
            "Anthropic answered without a content; check that the address is one for messages."
        )
    with shaped("Anthropic"):
        text = "".join(block.text for block in content if block.type == "text")
    if not text and answer.stop_reason in (*_CUT, *_WITHHELD, *_CALLS):
        raise _silent("Anthropic", answer.stop_reason)
    return text


def tokens(vendor: str, answer: object, *names: str) -> tuple[int, ...]:
    """The counts of these names in the usage of an answer; unknown ones are 0, with a warning."""
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
    """What an answer with status 200 says of an error, as some servers send it."""
    error = (getattr(answer, "model_extra", None) or {}).get("error")
    if isinstance(error, dict):
        error = error.get("message") or error
    return _start(str(error)) if error else ""


def _not_json(vendor: str, page: str) -> AdaptLabError:
    return AdaptLabError(
        f"{vendor} answered with a page and not with JSON ({_start(page)!r}); check the address,"
        " which often ends in /v1."
    )


def _start(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _silent(vendor: str, reason: str | None) -> AdaptLabError:
    if reason in _CUT:
        return AdaptLabError(
            f"{vendor} used up all tokens before the reply began; raise max_new_tokens."
        )
    if reason in _WITHHELD:
        return AdaptLabError(
            f"{vendor} withheld the reply ({reason}); change the prompt, or choose another model."
        )
    if reason in _CALLS:
        return AdaptLabError(f"{vendor} called a tool that it was not given; choose another model.")
    return AdaptLabError(
        f"{vendor} answered without a text (it ended with {reason!r}); ask again, or choose another"
        " model."
    )
