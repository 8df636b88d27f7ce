"""A common beginning of prompts is read once, and changes no reply."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from adaptlab.messages import assistant, user
from adaptlab.models import local
from adaptlab.models.load_model import load_model
from adaptlab.models.local import LocalChat
from adaptlab.models.shared_prefix import (
    LEAST_TOKENS,
    can_share,
    padded_rests,
    shared_length,
)


@pytest.fixture(scope="module")
def chat():
    """A Llama with random weights, whose replies depend on every token of the prompt."""
    _, tokenizer = load_model("embedded:mini-chat")
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), **shape, **heads)
    model = LlamaForCausalLM(config).eval()
    for parameter in model.parameters():
        parameter.data *= 5  # far from uniform
    return LocalChat("random", model, tokenizer)


def conversations():
    shown = [
        turn
        for i in range(12)
        for turn in (user(f"What is {i} + {i + 1}?"), assistant(str(2 * i + 1)))
    ]
    asked = ["What is 2 + 2?", "Where does Jana Osborne live, and why?", "Why?", "What is 20 + 31?"]
    return [[*shown, user(text)] for text in asked]


def test_replies_are_those_of_whole_prompts(chat, monkeypatch):
    read = []
    whole = local.read_prefix
    monkeypatch.setattr(
        local, "read_prefix", lambda *given: read.append(len(given[1])) or whole(*given)
    )
    shared = chat.batch(conversations(), max_new_tokens=12)
    assert read and min(read) >= LEAST_TOKENS
    monkeypatch.setattr(local, "can_share", lambda model: False)
    alone = chat.batch(conversations(), max_new_tokens=12)
    assert [reply.text for reply in shared] == [reply.text for reply in alone]
    assert [reply.n_prompt_tokens for reply in shared] == [r.n_prompt_tokens for r in alone]
    assert len({reply.text for reply in alone}) > 1


def test_a_model_with_another_cache_reads_every_prompt():
    model, _ = load_model("embedded:mini-chat")  # its convolutions keep a state of their own
    assert not can_share(model)


def test_a_short_beginning_or_a_single_prompt_is_not_shared():
    long = list(range(LEAST_TOKENS + 5))
    assert shared_length([long, [*long, 1]]) == len(long) - 1
    assert shared_length([long]) == shared_length([]) == 0
    assert shared_length([long[:10], long]) == 0
    assert shared_length([long, [9, *long]]) == 0


def test_padding_lies_between_the_beginning_and_the_rest():
    ids, mask = padded_rests([[1, 2, 3], [1, 2, 4, 5, 6]], 2, 0)
    assert ids.tolist() == [[1, 2, 0, 0, 3], [1, 2, 4, 5, 6]]
    assert mask.tolist() == [[1, 1, 0, 0, 1], [1, 1, 1, 1, 1]]
