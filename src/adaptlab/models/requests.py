"""The options of a served request: each of OpenAI's options is supported, rejected by name, or has
no effect.
"""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.chat import check_text
from adaptlab.models.template import ChatTemplate

CHAT = "/v1/chat/completions"
COMPLETION = "/v1/completions"
RESPONSE = "/v1/responses"
# Bookkeeping of a service, for users, storage and billing. It changes no reply.
NO_EFFECT = {
    "metadata",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
}
SAMPLING = {"model", "seed", "stream", "temperature", "top_p"}
HONOURED = {
    CHAT: (
        SAMPLING
        | {
            "logit_bias",
            "max_completion_tokens",
            "max_tokens",
            "messages",
            "response_format",
            "stop",
            "tool_choice",
            "tools",
        }
    ),
    COMPLETION: SAMPLING | {"max_tokens", "prompt", "stop"},
    RESPONSE: SAMPLING | {"input", "instructions", "max_output_tokens", "text"},
}
# Refused unless the value asks for nothing. An option that is in no table is refused with any
# value.
NEUTRAL: dict[str, tuple] = {
    "audio": (None,),
    "background": (None, False),
    "best_of": (None, 1),
    "echo": (None, False),
    "frequency_penalty": (None, 0),
    "function_call": (None, "none"),
    "functions": (None, []),
    "include": (None, []),
    "logit_bias": (None, {}),
    "logprobs": (None, False, 0),
    "modalities": (None, ["text"]),
    "moderation": (None,),
    "n": (None, 1),
    "parallel_tool_calls": (None, True, False),
    "prediction": (None,),
    "presence_penalty": (None, 0),
    "previous_response_id": (None,),
    "prompt": (None,),
    "reasoning": (None,),
    "reasoning_effort": (None, "none"),
    "response_format": (None, {"type": "text"}),
    "stream_options": (None, {}, {"include_usage": True}, {"include_usage": False}),
    "suffix": (None, ""),
    "text": (None, {"format": {"type": "text"}}),
    "tool_choice": (None, "none", "auto"),
    "tools": (None, []),
    "top_logprobs": (None, 0),
    "truncation": (None, "disabled"),
    "verbosity": (None,),
    "web_search_options": (None,),
}
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
FORMATS = ("text", "json_object", "json_schema")
MOST_BIAS = 100  # of a token, either way, as OpenAI's API has it
ROLES = ("system", "developer", "user", "assistant", "data")
OF_MESSAGES = {"role", "content"}
OF_TOOLS = {"tool_calls", "tool_call_id"}
OF_ITEMS = {"id", "status"}  # bookkeeping of the messages that /v1/responses gave out
EMPTY: tuple = (None, "", [])
TEXT_PARTS = ("text", "input_text", "output_text")
OF_PARTS = {"type", "text", "cache_control"}  # the last is bookkeeping again
ANY_OBJECT = {"type": "object"}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any, least: float, most: float = sys.float_info.max) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and least <= value <= most


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64


def _are_stops(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


def _are_biases(value: Any) -> bool:
    if not isinstance(value, dict) or not all(re.fullmatch("[0-9]{1,18}", key) for key in value):
        return False
    return all(_is_number(bias, -MOST_BIAS, MOST_BIAS) for bias in value.values())


# Which values an option may have, and how a refusal describes them.
VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "instructions": (lambda value: isinstance(value, str), "a text"),
    "logit_bias": (
        _are_biases,
        f"an object of token numbers, each with a number from -{MOST_BIAS} to {MOST_BIAS}",
    ),
    "model": (lambda value: isinstance(value, str), "the name of a model that /v1/models lists"),
    "prompt": (lambda value: isinstance(value, str), "one text"),
    "seed": (_is_seed, "a whole number of 64 bits"),
    "stop": (_are_stops, "a text, or a list of texts, none of them empty"),
    "stream": (lambda value: isinstance(value, bool), "true or false"),
    "temperature": (lambda value: _is_number(value, 0), "a number of 0 or more"),
    "top_p": (lambda value: _is_number(value, 0, 1), "a number from 0 to 1"),
}


@dataclass(frozen=True)
class Checked:
    """A valid request: its body, and the JSON schema of the reply, if there is one."""

    body: dict
    schema: dict | None


def checked(
    path: str, body: Mapping[str, Any], template: ChatTemplate, default_model: str
) -> Checked:
    """Check a request and return it as it will be answered.

    Raises:
        AdaptLabError: that names the option which is not supported.
    """
    for option, value in body.items():
        if (
            option not in HONOURED[path]
            and option not in NO_EFFECT
            and value not in NEUTRAL.get(option, (None,))
        ):
            raise AdaptLabError(f"The option {option} is not supported here. Leave it out.")
    for option in LIMITS:
        value = body.get(option)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or value < 1
        ):
            raise AdaptLabError(f"{option} is {value!r}. Give a whole number of 1 or more.")
    made = {
        option: value
        for option, value in body.items()
        if option in HONOURED[path] and value is not None
    }
    _check_values(made)
    made["model"] = made.get("model") or default_model
    if path == COMPLETION and not made.get("prompt"):
        raise AdaptLabError("The prompt is empty. Give the text to continue.")
    if made.get("stop") == []:
        del made["stop"]
    if biases := made.pop("logit_bias", None):
        made["logit_bias"] = _biases(biases, template)
    if path == RESPONSE:
        made.setdefault("stream", False)
        given = made.get("input")
        if isinstance(given, str):
            check_text(given, "input")
        made["input"] = (
            given if isinstance(given, str) and given else _text_messages(given, template)
        )
        return Checked(made, _schema_of_text(made.pop("text", None)))
    if path == CHAT:
        made["messages"] = _text_messages(made.get("messages"), template)
        _check_tools(made, template)
        return Checked(made, _schema(made.pop("response_format", None)))
    return Checked(made, None)


def _check_values(body: Mapping[str, Any]) -> None:
    """Check the types of the options.

    Raises:
        AdaptLabError: that names the first option with a value of another type.
    """
    for option, (suits, kind) in VALUES.items():
        if option in body and not suits(body[option]):
            raise AdaptLabError(f"{option} is {body[option]!r}. Give {kind}.")
        value = body.get(option)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                check_text(text, option)


def _biases(given: Mapping[str, float], template: ChatTemplate) -> dict[str, float]:
    """Return the biases in the form of transformers.

    Raises:
        AdaptLabError: if a token is unknown.
    """
    n_tokens = len(template.tokenizer)
    if unknown := [token for token in given if int(token) >= n_tokens]:
        wrong = f"logit_bias names the token {unknown[0]}"
        raise AdaptLabError(f"{wrong}. Give token numbers below {n_tokens}.")
    return {token: float(bias) for token, bias in given.items()}


def _text_messages(messages: Any, template: ChatTemplate) -> Messages:
    """Convert messages to text in the roles of the course: text parts are joined, and developer
    becomes system.

    Tool calls and their results stay unchanged for a template that renders tools.
    """
    if messages and not isinstance(messages, list):
        raise AdaptLabError("The messages are not a list. Give messages with role and content.")
    if not messages:
        raise AdaptLabError("The list of messages is empty. Give messages with role and content.")
    of_tools = any(isinstance(message, dict) and OF_TOOLS & message.keys() for message in messages)
    takes_tools = of_tools and template.takes_tools
    return [
        _text_message(number, message, takes_tools) for number, message in enumerate(messages, 1)
    ]


def _text_message(number: int, message: Any, takes_tools: bool) -> dict:
    kind = message.get("type") if isinstance(message, dict) else None
    if kind not in (None, "message"):
        raise AdaptLabError(f"Message {number} has the type {kind!r}. Give only messages.")
    roles = [*ROLES, "tool"] if takes_tools else list(ROLES)
    if not isinstance(message, dict) or message.get("role") not in roles:
        role = message.get("role") if isinstance(message, dict) else None
        raise AdaptLabError(
            f"The role of message {number} is {role!r}. Use one of {', '.join(roles)}."
        )
    is_item = message.get("type") == "message"  # as /v1/responses writes it
    known = (
        OF_MESSAGES
        | (OF_ITEMS | {"type"} if is_item else set())
        | (OF_TOOLS if takes_tools else set())
    )
    if more := [key for key in message if key not in known and message[key] not in EMPTY]:
        raise AdaptLabError(
            f"Message {number} has {more[0]}, which is not supported here. Leave it out."
        )
    content = message.get("content")
    if content is None and takes_tools and message.get("tool_calls"):
        content = ""
    if isinstance(content, list):
        content = "".join(_text_part(number, part) for part in content)
    check_text(content, f"The content of message {number}")
    role = "system" if message["role"] == "developer" else message["role"]
    kept = {key: message[key] for key in OF_TOOLS if takes_tools and message.get(key) not in EMPTY}
    return {"role": role, "content": content} | kept


def _text_part(number: int, part: Any) -> str:
    if (
        isinstance(part, dict)
        and part.get("type") in TEXT_PARTS
        and isinstance(part.get("text"), str)
    ):
        if more := [key for key in part if key not in OF_PARTS and part[key] not in EMPTY]:
            problem = f"Message {number} has a part with {more[0]}"
            raise AdaptLabError(f"{problem}, which is not supported here. Leave it out.")
        return part["text"]
    kind = part.get("type") if isinstance(part, dict) else part
    raise AdaptLabError(
        f"Message {number} has a part of the type {kind!r}. Give only parts of the type 'text'."
    )


def _check_tools(body: dict, template: ChatTemplate) -> None:
    """Check the tools of a request.

    Raises:
        AdaptLabError: if the model's template does not render tools, or the request demands a call.
    """
    if body.get("tool_choice") not in NEUTRAL["tool_choice"]:
        raise AdaptLabError(
            "The option tool_choice demands a tool call, which is not supported here. Use 'auto' or"
            " 'none'."
        )
    if body.get("tool_choice") == "none":
        body.pop("tools", None)
    if body.get("tools") and not template.takes_tools:
        raise AdaptLabError(
            "The option tools is not supported by this model: its chat template renders no tools."
            " Leave it out."
        )
    body.pop("tool_choice", None)


def _schema_of_text(text: Any) -> dict | None:
    """Return the JSON schema in the option text of /v1/responses; None for text."""
    if text is None:
        return None
    if not isinstance(text, dict):
        raise AdaptLabError(f"text is {text!r}. Give it as {{'format': {{...}}}}.")
    if more := [key for key in text if key != "format" and text[key] not in (None, "medium")]:
        raise AdaptLabError(f"The option text.{more[0]} is not supported here. Leave it out.")
    given = text.get("format")
    if isinstance(given, dict) and given.get("type") == "json_schema":
        given = {"type": "json_schema", "json_schema": given}
    return _schema(given, "text.format", "schema: {...}")


def _schema(
    response_format: Any,
    name: str = "response_format",
    place: str = "json_schema: {'name': ..., 'schema': {...}}",
) -> dict | None:
    """Return the JSON schema of a response format; None for text.

    Errors name the option and the place of the schema.
    """
    if response_format is None:
        return None
    kind = response_format.get("type") if isinstance(response_format, dict) else response_format
    if kind not in FORMATS:
        raise AdaptLabError(f"The type of {name} is {kind!r}. Use one of {', '.join(FORMATS)}.")
    if kind == "json_schema":
        whole = response_format if isinstance(response_format, dict) else {}
        described = whole.get("json_schema")
        schema = described.get("schema") if isinstance(described, dict) else None
        if not isinstance(schema, dict):
            raise AdaptLabError(f"{name} has no schema. Give it as {place}.")
        return schema
    return ANY_OBJECT if kind == "json_object" else None
