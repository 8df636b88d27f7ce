"""What a served request may ask for: each option of OpenAI's API is honoured, refused by name, or without effect on a reply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.models.chat import Messages
from adaptlab.models.template import ChatTemplate

CHAT, COMPLETION, RESPONSE = "/v1/chat/completions", "/v1/completions", "/v1/responses"
# Bookkeeping of a service: who asks, what is stored or billed. It changes no reply.
NO_EFFECT = {
    "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "user",
}  # fmt: skip
SAMPLING = {"model", "seed", "stream", "temperature", "top_p"}
HONOURED = {
    CHAT: SAMPLING | {"logit_bias", "max_completion_tokens", "max_tokens", "messages", "response_format", "stop", "tool_choice", "tools"},
    COMPLETION: SAMPLING | {"max_tokens", "prompt", "stop", "suffix"},
    RESPONSE: SAMPLING | {"input", "instructions", "max_output_tokens"},
}
# Refused unless the value asks for nothing. An option that is in no table is refused with any value.
NEUTRAL: dict[str, tuple] = {
    "audio": (None,), "background": (None, False), "best_of": (None, 1), "echo": (None, False), "frequency_penalty": (None, 0),
    "function_call": (None, "none"), "functions": (None, []), "include": (None, []), "logit_bias": (None, {}), "logprobs": (None, False, 0),
    "modalities": (None, ["text"]), "moderation": (None,), "n": (None, 1), "parallel_tool_calls": (None, True, False), "prediction": (None,),
    "presence_penalty": (None, 0), "previous_response_id": (None,), "prompt": (None,), "reasoning": (None,), "reasoning_effort": (None, "none"),
    "response_format": (None, {"type": "text"}), "stream_options": (None, {}, {"include_usage": True}, {"include_usage": False}),
    "text": (None, {"format": {"type": "text"}}), "tool_choice": (None, "none", "auto"), "tools": (None, []), "top_logprobs": (None, 0),
    "truncation": (None, "disabled"), "verbosity": (None,), "web_search_options": (None,),
}  # fmt: skip
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
FORMATS = ("text", "json_object", "json_schema")
ROLES = ("system", "developer", "user", "assistant", "data")
OF_MESSAGES = {"role", "content"}
OF_TOOLS = {"tool_calls", "tool_call_id"}
TEXT_PARTS = ("text", "input_text", "output_text")
ANY_OBJECT = {"type": "object"}


@dataclass(frozen=True)
class Checked:
    """A request that can be answered: its body, and the JSON schema that the reply is held to, if there is one."""

    body: dict
    schema: dict | None


def checked(path: str, body: Mapping[str, Any], template: ChatTemplate, default_model: str) -> Checked:
    """The request as it will be answered. Raises AdaptLabError that names the option which cannot be honoured."""
    for option, value in body.items():
        if option not in HONOURED[path] and option not in NO_EFFECT and value not in NEUTRAL.get(option, (None,)):
            raise AdaptLabError(f"The option {option} is not supported here. Leave it out.")
    for option in LIMITS:
        value = body.get(option)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise AdaptLabError(f"{option} is {value!r}. Give a whole number of 1 or more.")
    made = {option: value for option, value in body.items() if option in HONOURED[path] and value is not None}
    made["model"] = made.get("model") or default_model
    if path == COMPLETION and not made.get("prompt"):
        raise AdaptLabError("The prompt is empty. Give the text that is to be continued.")
    if path == RESPONSE:
        given = made.get("input")
        made["input"] = given if isinstance(given, str) and given else _text_messages(given, template)
    if path == CHAT:
        made["messages"] = _text_messages(made.get("messages"), template)
        _check_tools(made, template)
        return Checked(made, _schema(made.pop("response_format", None)))
    return Checked(made, None)


def _text_messages(messages: Any, template: ChatTemplate) -> Messages:
    """Messages of text in the roles of the course: text parts joined, a developer's message as that of the system.

    Calls of tools and their results stay as they are for a template that renders tools.
    """
    if not isinstance(messages, list) or not messages:
        raise AdaptLabError("The list of messages is empty. Give messages with role and content.")
    of_tools = any(isinstance(message, dict) and OF_TOOLS & message.keys() for message in messages)
    takes_tools = of_tools and template.takes_tools
    return [_text_message(number, message, takes_tools) for number, message in enumerate(messages, 1)]


def _text_message(number: int, message: Any, takes_tools: bool) -> dict:
    roles, keys = (ROLES + ("tool",), OF_MESSAGES | OF_TOOLS) if takes_tools else (ROLES, OF_MESSAGES)
    if not isinstance(message, dict) or message.get("role") not in roles:
        role = message.get("role") if isinstance(message, dict) else None
        raise AdaptLabError(f"The role of message {number} is {role!r}. Use one of {', '.join(roles)}.")
    if more := [key for key, value in message.items() if key not in keys and value is not None]:
        raise AdaptLabError(f"Message {number} has {more[0]}, which is not supported here. Leave it out.")
    content = message.get("content")
    if content is None and takes_tools and message.get("tool_calls"):
        content = ""
    if isinstance(content, list):
        content = "".join(_text_part(number, part) for part in content)
    if not isinstance(content, str):
        raise AdaptLabError(f"The content of message {number} is not a text. Give a string.")
    role = "system" if message["role"] == "developer" else message["role"]
    kept = {key: message[key] for key in OF_TOOLS if message.get(key) is not None}
    return {"role": role, "content": content} | kept


def _text_part(number: int, part: Any) -> str:
    if isinstance(part, dict) and part.get("type") in TEXT_PARTS and isinstance(part.get("text"), str):
        return part["text"]
    kind = part.get("type") if isinstance(part, dict) else part
    raise AdaptLabError(f"Message {number} has a part of the kind {kind!r}. Give parts of the kind 'text': the model reads nothing else.")


def _check_tools(body: dict, template: ChatTemplate) -> None:
    """Raises AdaptLabError for tools that the model's template does not show to it, and for a call that is demanded of it."""
    if body.get("tool_choice") not in NEUTRAL["tool_choice"]:
        raise AdaptLabError("The option tool_choice demands a tool call, which is not supported here. Use 'auto' or 'none'.")
    if body.get("tool_choice") == "none":
        body.pop("tools", None)
    if body.get("tools") and not template.takes_tools:
        raise AdaptLabError("The option tools is not supported by this model: its chat template renders no tools. Leave it out.")
    body.pop("tool_choice", None)


def _schema(response_format: Any) -> dict | None:
    """The JSON schema that a response format asks for; None for text."""
    if response_format is None:
        return None
    kind = response_format.get("type") if isinstance(response_format, dict) else response_format
    if kind not in FORMATS:
        raise AdaptLabError(f"The type of response_format is {kind!r}. Use one of {', '.join(FORMATS)}.")
    if kind == "json_schema":
        schema = (response_format.get("json_schema") or {}).get("schema")
        if not isinstance(schema, dict):
            raise AdaptLabError("response_format has no schema. Give it as json_schema: {'name': ..., 'schema': {...}}.")
        return schema
    return ANY_OBJECT if kind == "json_object" else None
