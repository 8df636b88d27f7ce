"""Replies of /v1/responses that a limit cut off, which transformers reports as completed."""

import json

CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
DATA = "data: "  # before the JSON of a streamed event


def marked(response: dict, limit: int | None) -> dict:
    """Mark a response as incomplete if it has as many tokens as the limit allows."""
    if limit is None or response["usage"]["output_tokens"] < limit:
        return response
    *before, last = response["output"] or [{}]
    return response | CUT | {"output": [*before, last | {"status": CUT["status"]}]}


def marked_events(events: str, limit: int | None) -> str:
    """Pass on streamed events; the last event says whether the response is incomplete."""
    lines = events.split("\n")
    return "\n".join(_marked_line(line, limit) if line.startswith(DATA) else line for line in lines)


def _marked_line(line: str, limit: int | None) -> str:
    if '"response.completed"' not in line:
        return line
    event = json.loads(line.removeprefix(DATA))
    if event["type"] != "response.completed":  # a reply that quotes it
        return line
    response = marked(event["response"], limit)
    if response["status"] == CUT["status"]:
        event = event | {"type": "response.incomplete", "response": response}
    return DATA + json.dumps(event, ensure_ascii=False)
