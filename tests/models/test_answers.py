"""Servers that answer otherwise than the SDKs expect, over HTTP: each time one sentence, and never
a number that is wrong.
"""

import json
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest

from adaptlab.agents.agent import openai_step
from adaptlab.errors import AdaptLabError
from adaptlab.models.answers import NoUsage
from adaptlab.models.api import AnthropicChat, OpenAIChat
from adaptlab.models.chat import ask
from adaptlab.rag.embed import ServiceEmbedder

QUESTION = [{"role": "user", "content": "What is 3 + 4?"}]
PAGE = "<html>Please log in.</html>"


class Server(BaseHTTPRequestHandler):
    """Answers each request with what `answers` makes of it, as (status, body); a body that is a
    list is a stream of events, and a text a page.
    """

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(asked)
        status, body = self.server.answers(asked)
        kind = {list: "text/event-stream", str: "text/html"}.get(type(body), "application/json")
        text = (
            "".join(body)
            if isinstance(body, list)
            else body
            if isinstance(body, str | bytes)
            else json.dumps(body)
        )
        content = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    httpd.seen = []
    httpd.answers = None
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def client(server):
    chat = OpenAIChat("m", base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
    chat.client.max_retries = 0
    return chat


@pytest.fixture
def anthropic(server):
    chat = AnthropicChat("m", base_url=f"http://127.0.0.1:{server.server_port}", api_key="none")
    chat.client.max_retries = 0
    return chat


def completion(message=None, finish="stop", **changes) -> dict:
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": "7"} | (message or {}),
    }
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    } | changes


def chunk(delta, finish=None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps(whole | {'choices': [choice]})}\n\n"


def always(body, status=200):
    return lambda asked: (status, body)


def without_usage() -> dict:
    return {key: value for key, value in completion().items() if key != "usage"}


@pytest.mark.parametrize(
    "body",
    [without_usage(), completion(usage=None), completion(usage={})],
    ids=["absent", "null", "empty"],
)
def test_unknown_usage_is_0_with_a_warning(server, client, body):
    server.answers = always(body)
    with pytest.warns(NoUsage, match="does not say how many tokens it used; they are counted as 0"):
        reply = ask(client, QUESTION)
    assert (reply.text, reply.n_prompt_tokens, reply.n_completion_tokens) == ("7", 0, 0)
    step = openai_step(client.client, "m")
    with pytest.warns(NoUsage):
        assert step(QUESTION, []).n_tokens == 0


def test_known_usage_is_counted_without_a_warning(server, client):
    server.answers = always(completion())
    with warnings.catch_warnings():
        warnings.simplefilter("error", NoUsage)
        reply = ask(client, QUESTION)
    assert (reply.n_prompt_tokens, reply.n_completion_tokens) == (9, 2)


FAULTS = {
    "no choices": (completion(choices=[]), "without a choice"),
    "null choices": (completion(choices=None), "without a choice"),
    "no message": (
        completion(choices=[{"index": 0}]),
        "without a choice",
    ),
    "null": (b"null", "without a choice"),
    "choices in an object": (completion(choices={"a": 1}), "answered without a choice"),
    "null choice": (completion(choices=[None]), "answered without a choice"),
    "page": (
        PAGE,
        "page .*log in.*/v1",
    ),
    "not JSON": (b"{oops", "JSON"),
    "error": (
        {"error": {"message": "The model is busy."}},
        r"answered with an error \(The model is busy.\).*later",
    ),
}


@pytest.mark.parametrize("body, words", FAULTS.values(), ids=FAULTS)
def test_what_is_no_completion_is_one_sentence(server, client, body, words):
    server.answers = always(body)
    with pytest.raises(AdaptLabError, match=words) as error:
        ask(client, QUESTION)
    assert "\n" not in str(error.value)
    with pytest.raises(AdaptLabError, match=words):
        openai_step(client.client, "m")(QUESTION, [])


ODD = [
    {"content": 7},
    {"content": {"a": 1}},
    {"content": ["7"]},
    {"content": [{"type": "text", "text": None}]},
]


@pytest.mark.parametrize("odd", ODD)
def test_a_content_of_another_shape_is_one_sentence(server, client, odd):
    server.answers = always(completion(odd))
    with pytest.raises(AdaptLabError, match="protocol"):
        ask(client, QUESTION)
    server.answers = always([chunk(odd)])
    with pytest.raises(AdaptLabError, match="protocol"):
        list(client.stream(QUESTION))


def test_what_a_server_leaves_out_of_a_choice_is_no_fault(server, client):
    server.answers = always(
        completion(
            choices=[{"message": {"content": "7"}}],
            usage={"prompt_tokens": "9", "completion_tokens": 2},
        )
    )
    with pytest.warns(NoUsage):
        reply = ask(client, QUESTION)
    assert (reply.text, reply.n_prompt_tokens, reply.n_completion_tokens) == ("7", 0, 2)
    server.answers = always([f"data: {json.dumps({'choices': [{'delta': {'content': '7'}}]})}\n\n"])
    assert list(client.stream(QUESTION)) == ["7"]


THOUGHT = {
    "prompt_tokens": 9,
    "completion_tokens": 128,
    "total_tokens": 137,
    "completion_tokens_details": {"reasoning_tokens": 128},
}


@pytest.mark.parametrize(
    "body, words",
    [
        (
            completion({"content": None}),
            "without text .*'stop'",
        ),
        (
            completion({"content": None}, "length"),
            "max_new_tokens",
        ),
        (
            completion({"content": ""}, "length", usage=THOUGHT),
            "max_new_tokens",
        ),
        (
            completion({"content": None}, "content_filter"),
            r"withheld the reply \(content_filter\)",
        ),
        (
            completion({"content": ""}, "content_filter"),
            r"withheld the reply \(content_filter\)",
        ),
        (
            completion({"content": None}, "tool_calls"),
            "tool",
        ),
    ],
)
def test_a_completion_without_a_text_says_why(server, client, body, words):
    server.answers = always(body)
    with pytest.raises(AdaptLabError, match=words):
        ask(client, QUESTION)


@pytest.mark.parametrize(
    "body, text",
    [
        (completion({"content": ""}), ""),
        (completion({"content": None, "refusal": "I cannot."}, "content_filter"), "I cannot."),
        (
            completion(
                {"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "7"}]}
            ),
            "7",
        ),
        (completion({"content": "7"}, "length"), "7"),
    ],
)
def test_a_reply_may_be_empty_a_refusal_in_parts_or_cut(server, client, body, text):
    server.answers = always(body)
    assert ask(client, QUESTION).text == text


def reasoning(asked) -> tuple[int, dict | list]:
    """As a reasoning model answers: one that has another name for the limit."""
    if "max_tokens" in asked:
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
            " 'max_completion_tokens' instead."
        )
        return 400, {
            "error": {
                "message": message,
                "type": "invalid_request_error",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            }
        }
    return 200, (
        [chunk({"content": "7"}), chunk({}, "stop"), "data: [DONE]\n\n"]
        if asked.get("stream")
        else completion()
    )


def test_a_model_that_refuses_max_tokens_is_asked_again_in_the_newer_name(server, client):
    server.answers = reasoning
    assert [reply.text for reply in client.batch([QUESTION, QUESTION], max_new_tokens=9)] == [
        "7",
        "7",
    ]
    assert [
        (asked.get("max_tokens"), asked.get("max_completion_tokens")) for asked in server.seen
    ] == [(9, None), (None, 9), (None, 9)]
    assert all(asked["messages"] == QUESTION and asked["temperature"] == 0 for asked in server.seen)


def test_a_stream_and_an_agent_are_asked_again_too(server, client):
    server.answers = reasoning
    assert list(client.stream(QUESTION)) == ["7"] and len(server.seen) == 2
    assert openai_step(client.client, "m")(QUESTION, []).text == "7" and len(server.seen) == 4


def test_the_newer_name_is_tried_once(server, client):
    server.answers = always({"error": {"message": "max_completion_tokens is not supported."}}, 400)
    with pytest.raises(
        AdaptLabError,
        match="max_completion_tokens is not supported",
    ):
        ask(client, QUESTION)
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    "status, advice",
    [
        (400, "option"),
        (401, "the key"),
        (404, "the model's name"),
        (429, "quota"),
        (500, "later"),
    ],
)
def test_the_advice_follows_from_the_status(server, client, anthropic, status, advice):
    server.answers = always({"error": {"message": "No."}}, status)
    for chat in (client, anthropic):
        with pytest.raises(AdaptLabError, match=f"did not answer .*{status}.*{advice}"):
            ask(chat, QUESTION)


def pieces_before(chat, words: str) -> list[str]:
    """What a stream gave before it failed with a sentence that holds these words."""
    said = []
    with pytest.raises(AdaptLabError, match=words):
        for piece in chat.stream(QUESTION):
            said.append(piece)
    return said


@pytest.mark.parametrize(
    "body, pieces, words",
    [
        (
            [chunk({"content": "7"}), 'data: {"error": {"message": "overloaded"}}\n\n'],
            ["7"],
            r"did not answer .*overloaded.*.*later",
        ),
        (
            ['data: {"error": {"message": "overloaded"}}\n\n'],
            [],
            r"did not answer .*overloaded.*.*later",
        ),
        (PAGE, [], "streamed no reply"),
        (["data: [DONE]\n\n"], [], "streamed no reply"),
        (["data: {oops\n\n"], [], "JSON"),
        ([chunk({"content": None}), chunk({}, "content_filter")], [], "withheld the reply"),
        (
            [chunk({"content": ""}), chunk({}, "length")],
            [],
            "used up all tokens before the reply began",
        ),
    ],
)
def test_a_stream_that_is_no_reply_is_one_sentence(server, client, body, pieces, words):
    server.answers = always(body)
    assert pieces_before(client, words) == pieces


def test_a_stream_that_breaks_off_is_warned_of(server, client):
    server.answers = always([chunk({"content": "7 and"})])
    with pytest.warns(UserWarning, match="without a finish_reason: the reply may be cut"):
        assert list(client.stream(QUESTION)) == ["7 and"]


def test_a_stream_may_refuse_and_may_have_nothing_to_say(server, client):
    server.answers = always([chunk({"refusal": "I cannot."}), chunk({}, "stop")])
    assert list(client.stream(QUESTION)) == ["I cannot."]
    server.answers = always(
        [chunk({"content": ""}), chunk({}, "stop"), 'data: {"choices": [], "usage": null}\n\n']
    )
    assert list(client.stream(QUESTION)) == []


def message(content=None, reason="end_turn", **changes) -> dict:
    content = [{"type": "text", "text": "7"}] if content is None else content
    usage = {"input_tokens": 9, "output_tokens": 2}
    return {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "stop_reason": reason,
        "content": content,
        "usage": usage,
    } | changes


@pytest.mark.parametrize(
    "body, words",
    [
        (PAGE, "page"),
        (b"{oops", "JSON"),
        (message(content=[], reason="refusal"), r"withheld the reply \(refusal\)"),
        (
            message(content=[], reason="max_tokens"),
            "max_new_tokens",
        ),
        (message(content=["7"]), "protocol"),
        (message(content=[{"type": "text"}]), "protocol"),
        (message() | {"content": None}, "without content"),
        (
            {"type": "error", "error": {"message": "Overloaded"}},
            r"answered with an error \(Overloaded\)",
        ),
    ],
)
def test_what_is_no_message_of_anthropics_is_one_sentence(server, anthropic, body, words):
    server.answers = always(body)
    with pytest.raises(AdaptLabError, match=f"^Anthropic .*{words}"):
        ask(anthropic, QUESTION)


def test_unknown_usage_of_anthropics_is_0_with_a_warning(server, anthropic):
    server.answers = always(message(usage=None))
    with pytest.warns(NoUsage, match="^Anthropic does not say"):
        assert ask(anthropic, QUESTION).n_prompt_tokens == 0
    server.answers = always(message(content=[]))
    assert ask(anthropic, QUESTION).text == ""


def event(kind: str, **body) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | body)}\n\n"


START = event("message_start", message=message(content=[], reason=None))
TEXT = [
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "7"}),
    event("content_block_stop", index=0),
]


def ending(reason: str) -> list[str]:
    return [
        event(
            "message_delta",
            delta={"stop_reason": reason, "stop_sequence": None},
            usage={"output_tokens": 2},
        ),
        event("message_stop"),
    ]


@pytest.mark.parametrize(
    "body, pieces, words",
    [
        (PAGE, [], "streamed no reply"),
        ([START, *ending("refusal")], [], "withheld the reply"),
        ([START, *TEXT], ["7"], "too early"),
        ([START], [], "too early"),
        (
            [event("message_start", message=None)],
            [],
            "protocol",
        ),
        ([START, TEXT[1]], [], "protocol"),
        (
            [
                START,
                *TEXT,
                event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
            ],
            ["7"],
            "did not answer .*Overloaded",
        ),
    ],
)
def test_a_stream_of_anthropics_that_is_no_reply_is_one_sentence(
    server, anthropic, body, pieces, words
):
    server.answers = always(body)
    assert pieces_before(anthropic, words) == pieces


def test_a_stream_of_anthropics_gives_its_pieces(server, anthropic):
    server.answers = always([START, *TEXT, *ending("end_turn")])
    assert list(anthropic.stream(QUESTION)) == ["7"]
    server.answers = always([START, *ending("end_turn")])
    assert list(anthropic.stream(QUESTION)) == []


@pytest.mark.parametrize("body", [PAGE, {"object": "list"}, b"null"])
def test_a_service_without_embeddings_is_one_sentence(server, body):
    server.answers = always(body)
    with pytest.raises(AdaptLabError, match="without embeddings"):
        ServiceEmbedder("m", base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")


def test_the_agents_client_says_where_a_server_is_away():
    step = openai_step(
        openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="none", max_retries=0), "m"
    )
    with pytest.raises(AdaptLabError, match="did not answer .* key"):
        step(QUESTION, [])
