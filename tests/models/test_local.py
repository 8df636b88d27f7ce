"""Loading and chatting: batches, seeds, streams, hashes, and refusals in a sentence."""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from adaptlab.errors import AdaptLabError
from adaptlab.messages import merge_data, user
from adaptlab.models import load_model as load
from adaptlab.models.chat import ScriptedChat, ask
from adaptlab.models.load_chat import load_chat
from adaptlab.models.local import LocalChat, groups

QUESTIONS = [
    [{"role": "user", "content": f"What is {a} + {b}?"}]
    for a, b in [(1, 2), (30, 41), (9, 9), (55, 12), (7, 80)]
]
SYSTEM_LONG = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Lena lives in Selby. Where does Lena live?"},
]


def test_embedded_models_load_with_transformers_alone():
    for name in ("main-base", "main-chat", "mini-base", "mini-chat"):
        folder = load.embedded_path(name)
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert 0 < sum(p.numel() for p in model.parameters()) <= 12_000_000
        assert len(AutoTokenizer.from_pretrained(folder)) <= model.config.vocab_size


def test_all_weights_fit_in_40_megabytes():
    assert sum(path.stat().st_size for path in load.WEIGHTS.rglob("*") if path.is_file()) <= 40e6


def test_a_batch_says_what_single_prompts_say(chat):
    conversations = [*QUESTIONS, SYSTEM_LONG]
    together = [reply.text for reply in chat.batch(conversations, max_new_tokens=12)]
    assert together == [ask(chat, messages, max_new_tokens=12).text for messages in conversations]
    assert all(
        reply.n_prompt_tokens > 5 and reply.n_completion_tokens > 0 and reply.seconds > 0
        for reply in chat.batch(QUESTIONS)
    )


def test_sampling_depends_on_the_seed_and_on_nothing_else(chat):
    def draw(seed):
        replies = chat.batch(QUESTIONS * 4, max_new_tokens=12, temperature=2.0, seed=seed)
        return [reply.text for reply in replies]

    torch.manual_seed(1)
    first = draw(3)
    torch.manual_seed(2)
    assert draw(3) == first
    assert draw(4) != first
    state = torch.get_rng_state()
    draw(5)
    assert torch.equal(torch.get_rng_state(), state), "the global generator is left alone"


def test_the_stream_says_what_the_batch_says(chat):
    pieces = list(chat.stream(SYSTEM_LONG, max_new_tokens=12))
    assert (
        len(pieces) > 1
        and "".join(pieces).strip() == ask(chat, SYSTEM_LONG, max_new_tokens=12).text
    )


def test_a_stream_that_fails_raises_where_it_is_read(chat):
    broken = copy.deepcopy(chat.model)
    table = broken.get_input_embeddings()
    table.weight = torch.nn.Parameter(table.weight[:2])  # the prompt's tokens are not in it
    with pytest.raises(IndexError):
        list(LocalChat("broken", broken, chat.tokenizer).stream([user("Hello.")]))


def test_an_empty_batch_is_empty(chat):
    assert chat.batch([]) == []


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user"}],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
    ],
)
def test_conversations_that_nobody_could_answer_are_refused(messages):
    with pytest.raises(AdaptLabError):
        ScriptedChat(["x"]).batch([messages])


def test_groups_cover_all_and_stay_within_the_budget():
    lengths = [3, 50, 7, 50, 20, 1]
    made = list(groups(lengths, 60))
    assert sorted(i for group in made for i in group) == list(range(6))
    assert all(len(group) * max(lengths[i] for i in group) <= 60 for group in made)


def test_data_turns_are_merged_for_models_without_the_role():
    merged = merge_data(
        [
            {"role": "system", "content": "s"},
            {"role": "data", "content": "d"},
            {"role": "user", "content": "q"},
        ]
    )
    assert [m["role"] for m in merged] == ["system", "user"] and merged[1][
        "content"
    ] == "Context:\nd\n\nq"


def test_a_model_that_this_test_saves_loads_from_its_path_and_as_a_hub_id(
    tmp_path, tokenizer, monkeypatch
):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "org" / "tiny")
    tokenizer.save_pretrained(tmp_path / "org" / "tiny")
    assert (
        ask(
            load_chat(str(tmp_path / "org" / "tiny")), "Hello", max_new_tokens=3
        ).n_completion_tokens
        <= 3
    )
    # Transformers takes org/tiny from the working folder before it asks the hub.
    monkeypatch.chdir(tmp_path)
    assert load_chat("hub:org/tiny").model.config.hidden_size == 32


@pytest.mark.parametrize(
    ("model_id", "says"),
    [
        ("embedded:huge", "main-chat"),
        ("hub:", "is not a model"),
        ("nowhere", "is not a model"),
        ("hub:no/such", "could not be loaded"),
        ("/", "config.json"),
    ],
)
def test_unknown_models_are_refused_in_a_sentence(model_id, says):
    with pytest.raises(AdaptLabError, match=says):
        load_chat(model_id)


def test_models_that_run_elsewhere_are_no_local_ones():
    with pytest.raises(AdaptLabError, match="on this machine"):
        LocalChat("openai:some-model")


def test_damaged_weights_are_refused(tmp_path):
    for name in ("mini-chat", "sha256.json"):
        (shutil.copytree if (load.WEIGHTS / name).is_dir() else shutil.copy)(
            load.WEIGHTS / name, tmp_path / name
        )
    assert load.embedded_path("mini-chat", tmp_path).name == "mini-chat"
    weights = tmp_path / "mini-chat" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(AdaptLabError, match="damaged"):
        load.embedded_path("mini-chat", tmp_path)
    weights.unlink()
    with pytest.raises(AdaptLabError, match="damaged or missing"):
        load.embedded_path("mini-chat", tmp_path)


def test_every_file_of_the_weights_is_hashed():
    hashed = set(json.loads(load.HASHES.read_text()))
    needed = [
        path for path in load.WEIGHTS.glob("*/*") if path.name not in ("training.json", "log.jsonl")
    ]
    assert {str(path.relative_to(load.WEIGHTS)) for path in needed} == hashed


def test_profiles():
    assert load.profile("cpu")["chat_model"] == "embedded:chat"
    with pytest.raises(AdaptLabError, match="no profile"):
        load.profile("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(AdaptLabError, match="needs a CUDA GPU"):
            load.profile("gpu")


def test_a_model_is_surer_of_its_own_greedy_reply_than_of_another(chat):
    question = [{"role": "user", "content": "What is 12 + 7?"}]
    own = ask(chat, question, max_new_tokens=8).text
    mine, other = (chat.log_probabilities(question, text) for text in (own, "The lamp is red"))
    assert len(mine) == len(chat.tokenizer(f" {own}", add_special_tokens=False)["input_ids"])
    assert all(p <= 0 for p in mine + other) and sum(mine) / len(mine) > sum(other) / len(other)


QUANTIZERS = Path(__file__).parents[2] / "build" / "quantizers"
FOUR_BIT = """
import sys
from adaptlab.models.local import LocalChat
whole, small = LocalChat(sys.argv[1]), LocalChat(sys.argv[1] + ":4bit")
ask = [[{"role": "user", "content": "Lena lives in Selby. Where does Lena live?"}]]
ratio = small.model.get_memory_footprint() / whole.model.get_memory_footprint()
replies = (chat.batch(ask, max_new_tokens=8)[0].text for chat in (whole, small))
print(ratio, *replies, sep="|")
"""


def test_weights_of_four_bits_take_less_and_still_answer():
    assert QUANTIZERS.exists(), "run `make build/quantizers` first, as `make test` does"
    command = [sys.executable, "-c", FOUR_BIT, str(load.embedded_path("chat"))]
    found = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(QUANTIZERS)}, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    share, whole, small = found.stdout.strip().splitlines()[-1].split("|")
    assert 0.1 < float(share) < 0.4 and "Selby" in whole and "Selby" in small


def test_weights_of_four_bits_without_their_package_are_a_sentence():
    with pytest.raises(AdaptLabError, match="bitsandbytes.*pip install 'adaptlab"):
        LocalChat("embedded:chat:4bit")
