"""One base and several adapters behind a real server: what each name says is what the same model
says here, whatever was asked before.
"""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from adaptlab.errors import AdaptLabError
from adaptlab.models.api import OpenAIChat
from adaptlab.models.chat import ask
from adaptlab.models.local import LocalChat
from adaptlab.models.serve import running
from adaptlab.models.serving.model import ServedModel, adapter_folder

BASE = "embedded:mini-chat"
QUESTION = (
    "The records show that the job of Kira Lambert is lawyer. What is the job of Kira Lambert?"
)


def made_adapter(folder: Path, seed: int, model: str = BASE) -> Path:
    """An adapter with strong random weights, as a run of `adaptlab tune` would leave it."""
    from peft import LoraConfig, get_peft_model

    tuned = get_peft_model(
        LocalChat(model).model,
        LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    generator = torch.Generator().manual_seed(seed)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            weight.data = torch.randn(weight.shape, generator=generator) * 1.0
    tuned.save_pretrained(folder / "adapter")
    (folder / "config.json").write_text(json.dumps({"base": {"name": model}}))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    return {f"a{seed}": made_adapter(folder / f"a{seed}", seed) for seed in (1, 2)}


@pytest.fixture(scope="module")
def expected(folders):
    """What each model says by itself."""
    from peft import PeftModel

    alone = {BASE: LocalChat(BASE)}
    for name, folder in folders.items():
        own = LocalChat(BASE)
        alone[name] = LocalChat(
            name, PeftModel.from_pretrained(own.model, folder / "adapter").eval(), own.tokenizer
        )
    return {name: ask(model, QUESTION, max_new_tokens=12) for name, model in alone.items()}


@pytest.fixture(scope="module")
def server(folders):
    with running(
        "adaptlab",
        "serve",
        BASE,
        *(f"--adapter={name}={folder}" for name, folder in folders.items()),
    ) as started:
        yield started


def test_each_name_is_a_model_of_its_own_in_any_order(server, expected):
    assert len({reply.text for reply in expected.values()}) == 3
    for name in (BASE, "a1", "a2", BASE, "a2", "a1"):
        reply = ask(OpenAIChat(name, server.url, "none"), QUESTION, max_new_tokens=12)
        assert (reply.text, reply.n_prompt_tokens) == (
            expected[name].text,
            expected[name].n_prompt_tokens,
        ), name
        assert (
            "".join(
                OpenAIChat(name, server.url, "none").stream(
                    [{"role": "user", "content": QUESTION}], max_new_tokens=12
                )
            ).strip()
            == reply.text
        )


def test_requests_at_once_do_not_mix(server, expected):
    said = []

    def several(name):
        said.extend(
            (name, ask(OpenAIChat(name, server.url, "none"), QUESTION, max_new_tokens=12).text)
            for _ in range(4)
        )

    threads = [threading.Thread(target=several, args=(name,)) for name in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == sorted(
        (name, reply.text) for name, reply in expected.items() for _ in range(4)
    )


def test_the_models_are_listed_and_a_name_that_is_not_there_is_refused(server):
    client = OpenAIChat("nobody", server.url, "none")
    assert [model.id for model in client.client.models.list()] == [BASE, "a1", "a2"]
    with pytest.raises(AdaptLabError, match="did not answer.*404"):
        ask(client, "Hello")


def answer(server, path: str, body: dict | None = None, **headers: str) -> tuple[int, str]:
    """Status and text of what the server answers, to a POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        server.url.removesuffix("/v1") + path, data, {"Content-Type": "application/json"} | headers
    )
    try:
        with urllib.request.urlopen(request) as answered:
            return answered.status, answered.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_pages_of_others_are_refused(server):
    assert answer(server, "/v1/models")[0] == 200
    assert answer(server, "/v1/models", Origin=server.url.removesuffix("/v1"))[0] == 200
    status, text = answer(server, "/v1/models", Origin="http://evil.example")
    assert (
        status == 403
        and json.loads(text)["error"]["message"]
        == "Pages of http://evil.example may not use this server."
    )
    # A name that was made to point here.
    assert answer(server, "/v1/models", Host="evil.example")[0] == 400


@pytest.mark.parametrize("path", ["/load_model", "/reset"])
def test_no_request_loads_or_drops_a_model(server, path):
    assert answer(server, path, {"model": "/etc"})[0] == 404
    assert answer(server, "/health") == (200, '{"status":"ok"}')


def test_a_reply_ends_where_the_models_places_do_and_a_longer_prompt_is_refused(server):
    def said(text: str) -> tuple[int, str]:
        return answer(
            server,
            "/v1/chat/completions",
            {"model": "a1", "messages": [{"role": "user", "content": text}], "max_tokens": 10**9},
        )

    status, text = said("word " * 990)
    assert status == 200 and 990 < json.loads(text)["usage"]["total_tokens"] <= 1024
    status, text = said("word " * 2000)
    assert status == 400 and "1024" in text
    assert answer(server, "/health")[0] == 200


@pytest.mark.parametrize(
    "values",
    [
        {"max_tokens": -5},
        {"max_tokens": "many"},
        {"messages": []},
        {"messages": None},
        {"messages": [{"role": "user", "content": 5}]},
    ],
    ids=str,
)
def test_values_that_do_not_suit_are_a_bad_request(server, values):
    body = {"model": "a1", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    status, text = answer(server, "/v1/chat/completions", body | values)
    assert status == 400 and "no answer here" in text
    assert answer(server, "/v1/chat/completions", body)[0] == 200


def test_more_stop_sequences_than_can_be_searched_for_are_refused(server):
    def said(n_stops: int) -> tuple[int, str]:
        stops = [f"stop{i}" for i in range(n_stops)]
        return answer(
            server,
            "/v1/chat/completions",
            {
                "model": "a1",
                "messages": [{"role": "user", "content": "Hello"}],
                "max_tokens": 4,
                "stop": stops,
            },
        )

    assert said(4)[0] == 200
    status, text = said(1000)
    assert status == 400 and "4 at most" in text


def test_with_an_api_key_only_those_who_send_it_are_answered():
    with running("adaptlab", "serve", BASE, "--api-key", "sesame") as closed:
        assert answer(closed, "/health")[0] == 200
        for sent in ({}, {"Authorization": "Bearer no"}, {"Authorization": "sesame"}):
            status, text = answer(closed, "/v1/models", **sent)
            assert status == 401 and "API key" in text
        assert [
            model.id for model in OpenAIChat(BASE, closed.url, "sesame").client.models.list()
        ] == [BASE]


def test_a_crowd_is_told_to_come_later_and_the_server_goes_on(server):
    body = {"model": "a1", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    with ThreadPoolExecutor(150) as crowd:
        said = list(
            crowd.map(lambda _: answer(server, "/v1/chat/completions", body)[0], range(150))
        )
    assert set(said) <= {200, 503} and 200 in said
    assert answer(server, "/v1/chat/completions", body)[0] == 200


def test_a_port_that_is_taken_is_a_sentence(server):
    command = [
        Path(sys.executable).parent / "adaptlab",
        "serve",
        BASE,
        "--port",
        server.url.rpartition(":")[2].removesuffix("/v1"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (
        ended.returncode == 2
        and "--port" in ended.stderr
        and len(ended.stderr.strip().splitlines()) == 1
    )


def test_the_base_is_in_memory_once(folders):
    one, two = (ServedModel(BASE, dict(list(folders.items())[:n])) for n in (1, 2))
    sizes = [sum(weight.nbytes for weight in shared.base.parameters()) for shared in (one, two)]
    adapter = sum(weight.nbytes for name, weight in one.base.named_parameters() if "lora_" in name)
    assert 0 < sizes[1] - sizes[0] == adapter < sizes[0] - adapter


def test_a_block_that_fails_ends_its_server():
    with (
        pytest.raises(RuntimeError, match="in the block"),
        running("adaptlab", "serve", BASE) as started,
    ):
        assert started.process.poll() is None and started.megabytes() > 10
        raise RuntimeError("in the block")
    assert started.process.poll() is not None


def test_a_server_that_does_not_come_up_says_why(tmp_path):
    with (
        pytest.raises(AdaptLabError, match="did not start.*adapter"),
        running("adaptlab", "serve", BASE, f"--adapter=x={tmp_path}"),
    ):
        pass


def test_an_adapter_of_another_base_is_refused(folders, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"base": {"name": "embedded:mini-base"}}))
    (tmp_path / "adapter").symlink_to(folders["a1"] / "adapter")
    with pytest.raises(AdaptLabError, match="trained on embedded:mini-base"):
        adapter_folder(tmp_path, BASE)
    assert adapter_folder(folders["a1"] / "adapter", BASE) == folders["a1"] / "adapter"
    with pytest.raises(AdaptLabError, match="was trained on .*mini-chat, not on embedded:chat"):
        ServedModel("embedded:chat", {"x": folders["a1"] / "adapter"})
    with pytest.raises(AdaptLabError, match="cannot have the base model's name"):
        ServedModel(BASE, {BASE: folders["a1"]})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["a1"], "NAME=FOLDER"),
        (["=x"], "NAME=FOLDER"),
        (["a=x", "a=y"], "the same name"),
    ],
)
def test_the_command_refuses_in_a_sentence(given, says):
    command = [
        Path(sys.executable).parent / "adaptlab",
        "serve",
        BASE,
        *(f"--adapter={one}" for one in given),
    ]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (
        ended.returncode == 2
        and says in ended.stderr
        and len(ended.stderr.strip().splitlines()) == 1
    )
