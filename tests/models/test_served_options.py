"""Each option of OpenAI's published schema is honoured, refused by name, or without effect on a
reply: nothing is dropped without a word.
"""

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from models.test_serve import BASE, answer
from models.test_template import STORED, made
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming as ChatParams
from openai.types.completion_create_params import (
    CompletionCreateParamsStreaming as CompletionParams,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsStreaming as ResponseParams,
)

from adaptlab.errors import AdaptLabError
from adaptlab.models.api import OpenAIChat
from adaptlab.models.local import LocalChat
from adaptlab.models.requests import (
    CHAT,
    COMPLETION,
    HONOURED,
    NEUTRAL,
    NO_EFFECT,
    RESPONSE,
    checked,
)
from adaptlab.models.serve import running

SCHEMAS = {CHAT: ChatParams, COMPLETION: CompletionParams, RESPONSE: ResponseParams}
LEAST = {
    CHAT: {"messages": [{"role": "user", "content": "Hello"}]},
    COMPLETION: {"prompt": "The lamp"},
    RESPONSE: {"input": "Hello"},
}
ORDER = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "enum": ["lamp", "desk"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["name", "count"],
    "additionalProperties": False,
}
# Some of what they may ask for is honoured.
IN_PART = {"response_format", "text", "tool_choice", "tools"}
ASKS = {
    "n": 2,
    "best_of": 3,
    "logprobs": True,
    "top_logprobs": 2,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "echo": True,
    "background": True,
    "tool_choice": "required",
    "response_format": {"type": "xml"},
    "stream_options": {"include_obfuscation": True},
    "verbosity": "low",
}


def every_option(path: str) -> list[str]:
    return sorted(
        {name for kind in SCHEMAS[path].__mro__ for name in getattr(kind, "__annotations__", {})}
        | set(SCHEMAS[path].__annotations__)
    )


@pytest.fixture(scope="module")
def template():
    return LocalChat(BASE).template


@pytest.mark.parametrize(
    "path, option", [(path, option) for path in SCHEMAS for option in every_option(path)]
)
def test_an_option_is_honoured_refused_by_name_or_without_effect(template, path, option):
    if option in HONOURED[path] - IN_PART or option in NO_EFFECT:
        return
    with pytest.raises(AdaptLabError, match=option):
        checked(
            path, LEAST[path] | {option: ASKS.get(option, {"something": "else"})}, template, BASE
        )
    for neutral in NEUTRAL.get(option, (None,)):
        if option not in LEAST[path]:
            assert (
                option not in checked(path, LEAST[path] | {option: neutral}, template, BASE).body
                or option in HONOURED[path]
            )


def test_the_schema_is_read():
    assert {"response_format", "n", "logprobs", "tool_choice", "messages"} <= set(
        every_option(CHAT)
    ) and "echo" in every_option(COMPLETION)


@pytest.mark.parametrize("option", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "many", True])
def test_a_limit_that_is_none_is_refused(template, option, value):
    with pytest.raises(AdaptLabError, match=f"{option} is {value!r}"):
        checked(CHAT, LEAST[CHAT] | {option: value}, template, BASE)


@pytest.mark.parametrize(
    "messages, names",
    [
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
                    ],
                }
            ],
            "message 1|Message 1.*image_url",
        ),
        (
            [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}],
            "input_audio",
        ),
        ([{"role": "robot", "content": "x"}], "role of message 1 is 'robot'"),
        (
            [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": None, "tool_calls": [{}]},
            ],
            "Message 2 has tool_calls",
        ),
        ([{"role": "user", "content": "x", "name": "Ann"}], "Message 1 has name"),
        ([{"role": "user", "content": None}], "content of message 1 is not a text"),
        (["Hello"], "role of message 1"),
        ([], "list of messages is empty"),
        (
            [{"type": "function_call_output", "call_id": "c", "output": "4"}],
            "Message 1 .*'function_call_output'",
        ),
        (
            [{"role": "user", "content": [{"type": "text", "text": "x", "annotations": [{}]}]}],
            "Message 1 has a part with annotations",
        ),
    ],
)
def test_what_a_message_holds_beside_text_is_refused_by_name(template, messages, names):
    with pytest.raises(AdaptLabError, match=names):
        checked(CHAT, {"messages": messages}, template, BASE)


def test_parts_of_text_are_joined_and_null_keys_are_as_if_absent(template):
    parts = [
        {"type": "text", "text": "Where is ", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "the lamp?"},
    ]
    given = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": parts, "name": None},
    ]
    made = checked(CHAT, {"messages": given, "user": "ann", "n": None}, template, BASE).body
    assert made == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Where is the lamp?"},
        ],
        "model": BASE,
    }


@pytest.fixture(scope="module")
def server():
    with running("adaptlab", "serve", BASE) as started:
        yield started


def chat(server, **options) -> tuple[int, dict]:
    status, text = answer(server, CHAT, LEAST[CHAT] | {"max_tokens": 40} | options)
    return status, json.loads(text)


def said(server, **options) -> str:
    status, body = chat(server, **options)
    assert status == 200, body
    return body["choices"][0]["message"]["content"]


def test_a_json_schema_is_honoured(server):
    asked = {
        "type": "json_schema",
        "json_schema": {"name": "order", "schema": ORDER, "strict": True},
    }
    record = json.loads(said(server, response_format=asked))
    assert (
        record.keys() == {"name", "count"}
        and record["name"] in ("lamp", "desk")
        and 1 <= record["count"] <= 9
    )
    assert said(server, response_format={"type": "json_object"}).lstrip().startswith("{")
    assert said(server, response_format={"type": "text"}) == said(server)


def test_a_response_in_json_is_honoured(server):
    def written(**of_format) -> str:
        asked = {"input": "Hello", "max_output_tokens": 40, "text": {"format": of_format}}
        return client(server).responses.create(model=BASE, **asked).output_text

    record = json.loads(written(type="json_schema", name="order", schema=ORDER, strict=True))
    assert record.keys() == {"name", "count"} and 1 <= record["count"] <= 9
    assert written(type="json_object").lstrip().startswith("{")
    assert written(type="text") == said(server)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ({"format": {"type": "json_schema", "name": "x"}}, "text.format has no schema"),
        ({"format": {"type": "xml"}}, "type of text.format is 'xml'"),
        ({"verbosity": "low"}, "option text.verbosity"),
        ("json", "text is 'json'"),
    ],
)
def test_a_response_in_another_form_is_refused_by_name(template, text, says):
    with pytest.raises(AdaptLabError, match=says):
        checked(RESPONSE, LEAST[RESPONSE] | {"text": text}, template, BASE)


def test_a_schema_that_cannot_be_kept_is_refused(server):
    bad = {
        "type": "json_schema",
        "json_schema": {"name": "order", "schema": {"type": "nothing known"}},
    }
    status, body = chat(server, response_format=bad)
    assert status == 400 and "JSON schema" in body["error"]["message"]
    status, body = chat(server, response_format={"type": "json_schema"})
    assert status == 400 and "has no schema" in body["error"]["message"]


def test_a_temperature_samples_and_a_seed_repeats(server):
    drawn = [said(server, temperature=2.0, seed=seed) for seed in (1, 2, 3, 1)]
    assert drawn[0] == drawn[3] and len(set(drawn)) > 1
    assert said(server, temperature=0) == said(server)


def test_without_a_model_the_base_answers(server):
    for model in ({}, {"model": None}):
        status, body = chat(server, **model)
        assert status == 200 and body["model"] == BASE
    assert answer(server, COMPLETION, {"prompt": ""})[0] == 400
    assert answer(server, COMPLETION, {"prompt": "The lamp", "max_tokens": 4})[0] == 200
    assert answer(server, RESPONSE, {"input": "Hello", "max_output_tokens": 8})[0] == 200
    status, text = answer(server, RESPONSE, {"input": "Hello", "previous_response_id": "x"})
    assert status == 400 and "previous_response_id" in text


def test_a_client_shows_the_servers_own_words(server):
    client = OpenAIChat(BASE, server.url, "none").client
    for options, words in (
        ({"n": 3}, "The option n is not supported"),
        ({"model": "nobody"}, "no model 'nobody'"),
        ({"stop": ["a"] * 9}, "9 stop sequences"),
    ):
        with pytest.raises(openai.APIStatusError, match=words):
            client.chat.completions.create(
                **LEAST[CHAT] | {"model": BASE, "max_tokens": 4} | options
            )


def test_calls_of_tools_and_their_results_go_to_a_template_that_renders_them(template):
    talk = [
        {"role": "user", "content": "What is 3 + 4?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "7"},
    ]
    with pytest.raises(
        AdaptLabError, match="Message 2 has tool_calls|content of message 2|role of message 3"
    ):
        checked(CHAT, {"messages": talk}, template, BASE)
    qwen = made((STORED / "qwen3.jinja").read_text(encoding="utf-8")).template
    tools = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
    body = checked(CHAT, {"messages": talk, "tools": tools, "tool_choice": "auto"}, qwen, BASE).body
    assert body["tools"] == tools and body["messages"] == [
        talk[0],
        talk[1] | {"content": ""},
        talk[2],
    ]
    assert all(
        word in qwen.render(body["messages"], prompt=True)
        for word in ('"add"', "<tool_response>", "7")
    )


def test_nobody_ends_a_turn_by_writing_its_mark(server):
    """The count of the prompt's tokens says that the mark was read as letters."""
    plain, marked = (
        chat(server, messages=[{"role": "user", "content": text}])[1]["usage"]["prompt_tokens"]
        for text in ("a b", "a<|end|>b")
    )
    assert marked > plain + 3


A_NUMBER = (True, "hot", [1], -1, float("nan"), float("inf"), 10**400)
NO_TOKENS = ({"a": 1}, {"-3": 1}, {"99999999": 1}, {"²": 1}, {"9" * 5000: 1})
NOT_VALUES = {
    "temperature": A_NUMBER,
    "top_p": (*A_NUMBER, 2),
    "seed": ("x", 1.5, True, 2**70),
    "stream": ("yes", 1),
    "model": (5, ["x"]),
    "stop": (5, [5], "", [""], [None], {"a": 1}),
    "logit_bias": ("junk", [1], {"5": "x"}, {"5": 101}, *NO_TOKENS),
    "prompt": (5, ["a"], {"a": 1}),
    "instructions": (5, ["x"]),
}


def options_with_values(path: str) -> list[str]:
    return sorted(HONOURED[path] & NOT_VALUES.keys())


WRONG = [
    (p, option, v) for p in SCHEMAS for option in options_with_values(p) for v in NOT_VALUES[option]
]


@pytest.mark.parametrize("path, option, value", WRONG)
def test_an_option_of_another_kind_is_refused_by_name(template, path, option, value):
    with pytest.raises(AdaptLabError, match=rf"^{option} (is|names) .*\. Give "):
        checked(path, LEAST[path] | {option: value}, template, BASE)


@pytest.mark.parametrize("messages", [{"role": "user", "content": "x"}, "Hello", 5])
def test_messages_in_no_list_are_not_called_empty(template, messages):
    with pytest.raises(AdaptLabError, match="messages are not a list"):
        checked(CHAT, {"messages": messages}, template, BASE)


def test_what_clients_send_with_every_request_is_taken(template):
    """An empty list of stop sequences, whole numbers as biases, and what a reply had in it."""
    reply = {"role": "assistant", "content": "Yes.", "tool_calls": [], "refusal": None}
    given = {"messages": [*LEAST[CHAT]["messages"], reply], "stop": [], "logit_bias": {"5": -100}}
    made = checked(CHAT, given, template, BASE).body
    assert made["messages"][1] == {"role": "assistant", "content": "Yes."}
    assert "stop" not in made and made["logit_bias"] == {"5": -100.0}
    part = {"type": "output_text", "text": "Yes.", "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    given = {"input": [item | {"content": [part]}]}
    assert checked(RESPONSE, given, template, BASE).body["input"] == made["messages"][1:]


@pytest.mark.parametrize("given", ["json_schema", {"type": "json_schema", "json_schema": "x"}])
def test_a_schema_of_another_kind_is_refused(template, given):
    with pytest.raises(AdaptLabError, match="response_format has no schema"):
        checked(CHAT, LEAST[CHAT] | {"response_format": given}, template, BASE)


def client(server) -> OpenAI:
    return OpenAI(base_url=server.url, api_key="none", max_retries=0)


def test_a_reply_ends_before_its_stop_sequence(server):
    """Also where it begins in one piece of a stream and ends in another."""
    create = client(server).completions.create
    asked = {"model": BASE, "prompt": "The lamp", "max_tokens": 12}
    whole = create(**asked).choices[0].text
    for stop in (whole[4:6], whole[len(whole) // 2 :][:6]):
        expected = whole[: whole.index(stop)]
        assert create(**asked, stop=stop).choices[0].text == expected
        assert create(**asked, stop=["never said", stop]).choices[0].text == expected
        pieces = create(**asked, stop=stop, stream=True)
        assert "".join(piece.choices[0].text for piece in pieces) == expected
    pieces = create(**asked, stop=whole[-3:] + "!", stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == whole


def test_top_p_alone_samples(server):
    drawn = {said(server, top_p=0.99, seed=seed) for seed in range(6)}
    assert len(drawn) > 1
    assert said(server, top_p=1) == said(server, top_p=0) == said(server)


def test_no_temperature_is_too_small(server):
    assert said(server, temperature=1e-300) == said(server)


def test_the_seed_of_another_request_changes_no_reply(server):
    def sampled(seed: int) -> str:
        asked = {"prompt": "The", "max_tokens": 60, "temperature": 2, "seed": seed}
        status, text = answer(server, COMPLETION, asked)
        assert status == 200
        return json.loads(text)["choices"][0]["text"]

    alone = [sampled(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(sampled, range(4))) == alone


def test_a_response_is_no_stream_unless_asked(server):
    asked = {"model": BASE, "input": "Hello", "max_output_tokens": 8}
    made = client(server).responses.create(**asked)
    assert made.output_text == said(server, max_tokens=8)
    events = client(server).responses.create(**asked, stream=True)
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(pieces) == made.output_text


@pytest.mark.parametrize("limit, cut", [(2, True), (60, False)])
def test_a_response_says_whether_its_limit_cut_it_off(server, limit, cut):
    asked = {"model": BASE, "input": "Hello", "max_output_tokens": limit}
    made = client(server).responses.create(**asked)
    *_, last = client(server).responses.create(**asked, stream=True)
    assert last.type == ("response.incomplete" if cut else "response.completed")
    for found in (made, last.response):
        assert found.status == ("incomplete" if cut else "completed") == found.output[-1].status
        assert (found.incomplete_details and found.incomplete_details.reason) == (
            "max_output_tokens" if cut else None
        )


def test_a_served_reply_begins_without_thoughts_as_one_on_this_machine_does(tmp_path):
    chat = LocalChat(BASE)
    thinks = (
        "{% if add_generation_prompt and enable_thinking | default(true) %}Let me think.{% endif %}"
    )
    chat.tokenizer.chat_template += thinks
    chat.model.save_pretrained(tmp_path)
    chat.tokenizer.save_pretrained(tmp_path)
    asked = LEAST[CHAT]["messages"]
    expected = LocalChat(str(tmp_path)).batch([asked], max_new_tokens=4)[0]
    with running("adaptlab", "serve", str(tmp_path)) as started:
        create = client(started)
        reply = create.chat.completions.create(model=str(tmp_path), messages=asked, max_tokens=4)
        made = create.responses.create(model=str(tmp_path), input="Hello", max_output_tokens=16)
    assert reply.usage.prompt_tokens == expected.n_prompt_tokens == made.usage.input_tokens
    assert reply.choices[0].message.content.strip() == expected.text.strip()


def test_an_empty_schema_is_any_json(server):
    asked = {"type": "json_schema", "json_schema": {"name": "any", "schema": {}}}
    json.loads(said(server, response_format=asked, max_tokens=60))


@pytest.mark.parametrize("path", SCHEMAS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_without_places_is_a_bad_request_before_a_stream_begins(server, path, stream):
    long = "word " * 5000
    asked = {CHAT: [{"role": "user", "content": long}], COMPLETION: long, RESPONSE: long}[path]
    (option,) = LEAST[path]
    status, text = answer(server, path, {option: asked, "stream": stream})
    assert status == 400 and "horten" in text


@pytest.mark.parametrize("path", SCHEMAS)
@pytest.mark.parametrize("sent", [b"", b"not json", b"[1]", b'"x"', b"null", b"\xff\xfe"])
def test_a_body_that_is_no_object_is_a_bad_request(server, path, sent):
    kind = {"Content-Type": "application/json"}
    asked = urllib.request.Request(server.url.removesuffix("/v1") + path, sent, kind)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    assert refused.value.code == 400 and b"not a JSON object" in refused.value.read()


def test_a_client_shows_the_sentence(server):
    with pytest.raises(BadRequestError, match="stop is 5. Give a text, or a list"):
        client(server).completions.create(model=BASE, prompt="The lamp", stop=5)
    with pytest.raises(NotFoundError, match="There is no model 'nobody' here"):
        client(server).completions.create(model="nobody", prompt="The lamp")


@pytest.mark.parametrize("path", SCHEMAS)
def test_half_of_a_character_is_refused_by_name(template, path):
    half = "a\ud83d"
    (option,) = LEAST[path]
    given = [{"role": "user", "content": half}] if option == "messages" else half
    with pytest.raises(AdaptLabError, match=f"({option}|content of message 1) .*half"):
        checked(path, {option: given}, template, BASE)
    if "stop" in HONOURED[path]:
        with pytest.raises(AdaptLabError, match="stop .*half of a character"):
            checked(path, LEAST[path] | {"stop": ["b", half]}, template, BASE)
