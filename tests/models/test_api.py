"""The API clients: OpenAI's against a real OpenAI-compatible server that serves the embedded model,
Anthropic's against the wire.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.models.api import AnthropicChat, OpenAIChat
from adaptlab.models.chat import ask
from adaptlab.models.serve import running

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "data", "content": "[1] x"},
    {"role": "user", "content": "What is 3 + 4?"},
]


@pytest.fixture(scope="module")
def remote():
    """The embedded model behind `adaptlab serve`, on a free port of the loopback."""
    with running("adaptlab", "serve", "embedded:chat") as server:
        yield OpenAIChat("embedded:chat", base_url=server.url, api_key="none")


def test_the_server_says_what_the_local_model_says(remote, chat):
    question = [{"role": "user", "content": "What is 30 + 41?"}]
    over_http = ask(remote, question, max_new_tokens=8)
    here = ask(chat, question, max_new_tokens=8)
    assert over_http.text == here.text
    assert (
        over_http.n_prompt_tokens == here.n_prompt_tokens
        and over_http.n_completion_tokens >= 1
        and over_http.seconds > 0
    )


def test_streaming_over_http(remote):
    question = [{"role": "user", "content": "What is 30 + 41? Think step by step."}]
    assert (
        "".join(remote.stream(question, max_new_tokens=8)).strip()
        == ask(remote, question, max_new_tokens=8).text
    )


def test_a_refused_connection_is_one_sentence():
    with pytest.raises(AdaptLabError, match="did not answer"):
        ask(OpenAIChat("m", base_url="http://127.0.0.1:9/v1", api_key="none"), "hello")


@pytest.mark.parametrize("make", [OpenAIChat, AnthropicChat])
def test_a_stream_that_is_refused_and_a_missing_key_are_one_sentence(make, monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AdaptLabError, match="did not answer"):
        list(make("m", base_url="http://127.0.0.1:9/v1", api_key="none").stream(TALK))
    with pytest.raises(AdaptLabError, match="did not answer|could not start"):
        ask(make("m", base_url="http://127.0.0.1:9/v1"), "hello")


class MessagesApi(BaseHTTPRequestHandler):
    """What the Messages API answers to one request; remembers the request."""

    seen: list = []

    def do_POST(self):
        self.seen.append(
            (self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        )
        body = json.dumps(
            {
                "id": "m1",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "content": [{"type": "text", "text": " 7 "}],
                "usage": {"input_tokens": 11, "output_tokens": 2},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_anthropics_sdk_sends_what_the_messages_api_expects():
    httpd = HTTPServer(("127.0.0.1", 0), MessagesApi)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    reply = ask(
        AnthropicChat("m", base_url=f"http://127.0.0.1:{httpd.server_port}", api_key="none"),
        TALK,
        max_new_tokens=9,
    )
    httpd.shutdown()
    assert (reply.text, reply.n_prompt_tokens, reply.n_completion_tokens) == ("7", 11, 2)
    path, request = MessagesApi.seen[0]
    assert (
        path == "/v1/messages" and request["system"] == "Be brief." and request["max_tokens"] == 9
    )
    assert request["messages"] == [{"role": "user", "content": "Context:\n[1] x\n\nWhat is 3 + 4?"}]
