"""The loop against a server that speaks OpenAI's protocol, by OpenAI's own client; its limits; what
it does with errors.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai
import pytest

from adaptlab.agents.agent import AgentLimits, openai_step, run_agent
from adaptlab.agents.tools import Expression, Tool, calculate
from adaptlab.errors import AdaptLabError

TOOLS = [Tool("calculate", "Work out an expression.", Expression, calculate)]


class Scripted(BaseHTTPRequestHandler):
    """Answers each request by the next message of a script, the last again and again; remembers the
    requests.
    """

    script: list = []
    seen: list = []

    def do_POST(self):
        self.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        message = self.script[min(len(self.seen), len(self.script)) - 1]
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": None} | message,
        }
        body = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [choice],
            "usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100},
        }
        answer = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


def calling(*calls):
    return {
        "tool_calls": [
            {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": given}}
            for i, (name, given) in enumerate(calls)
        ]
    }


@pytest.fixture
def step():
    Scripted.seen = []
    server = HTTPServer(("127.0.0.1", 0), Scripted)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield openai_step(
        openai.OpenAI(
            base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none", max_retries=0
        ),
        "m",
    )
    server.shutdown()
    server.server_close()


def test_results_and_errors_go_back_until_the_model_answers(step):
    Scripted.script = [
        calling(("multiply", "{}"), ("calculate", '{"expression": "2 +"}')),
        calling(("calculate", '{"expression": "6 * 7"}')),
        {"content": " It is 42. "},
    ]
    outcome = run_agent(step, TOOLS, "What is 6 * 7?")
    assert (outcome.text, outcome.ended, outcome.n_steps, outcome.n_tokens) == (
        "It is 42.",
        "answer",
        3,
        300,
    )
    assert [(made.name, made.failed) for made in outcome.called] == [
        ("multiply", True),
        ("calculate", True),
        ("calculate", False),
    ]
    first, second, third = Scripted.seen
    assert first["tools"][0]["function"]["name"] == "calculate" and [
        m["role"] for m in first["messages"]
    ] == ["system", "user"]
    returned = [m for m in second["messages"] if m["role"] == "tool"]
    assert [m["tool_call_id"] for m in returned] == ["c0", "c1"] and all(
        m["content"].startswith("Error: ") for m in returned
    )
    assert second["messages"][2]["tool_calls"][1]["function"]["name"] == "calculate"
    assert third["messages"][-1] == {"role": "tool", "tool_call_id": "c0", "content": "42"}


@pytest.mark.parametrize(
    ("limits", "ended", "n_steps"),
    [
        (AgentLimits(steps=3), "steps", 3),
        (AgentLimits(steps=9, tokens=200), "tokens", 2),
        (AgentLimits(1, 1), "tokens", 1),
    ],
)
def test_a_model_that_never_stops_is_stopped(step, limits, ended, n_steps):
    Scripted.script = [calling(("calculate", '{"expression": "1 + 1"}'))]
    outcome = run_agent(step, TOOLS, "Go on.", limits)
    assert (outcome.text, outcome.ended, outcome.n_steps, len(Scripted.seen)) == (
        "",
        ended,
        n_steps,
        n_steps,
    )


def test_a_model_that_calls_nothing_has_answered(step):
    Scripted.script = [{"content": "Hello."}]
    outcome = run_agent(step, TOOLS, "Hi")
    assert (outcome.text, outcome.called, outcome.n_steps) == ("Hello.", (), 1)


def test_a_server_that_is_away_is_one_sentence():
    step = openai_step(
        openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="none", max_retries=0), "m"
    )
    with pytest.raises(AdaptLabError, match="did not answer"):
        run_agent(step, TOOLS, "Hi")
