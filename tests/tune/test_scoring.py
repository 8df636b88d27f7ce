"""Log-probabilities where replies stand: the same whether a prompt is read once or with each of its
replies.
"""

import copy

import pytest
import torch
from tune.test_dpo import llama

from adaptlab.tune import scoring
from adaptlab.tune.loss_mask import IGNORED
from adaptlab.tune.scoring import score_replies_only

PROMPTS = ([1, 40, 41, 42, 43, 44, 45, 46], [1, 50, 51])
REPLIES = ([60, 61, 62], [70], [80, 81, 82, 83])


def batch(padding_side: str) -> dict[str, torch.Tensor]:
    """Each prompt with each reply, replies in turn, as a trainer collates them."""
    rows = [(prompt, reply) for reply in REPLIES for prompt in PROMPTS]
    longest = max(len(prompt) + len(reply) for prompt, reply in rows)

    def padded(values: list[list[int]], filler: int) -> torch.Tensor:
        fill = [[filler] * (longest - len(row)) for row in values]
        return torch.tensor(
            [
                [*more, *row] if padding_side == "left" else [*row, *more]
                for row, more in zip(values, fill)
            ]
        )

    return {
        "input_ids": padded([prompt + reply for prompt, reply in rows], 0),
        "attention_mask": padded([[1] * len(prompt + reply) for prompt, reply in rows], 0),
        "labels": padded([[IGNORED] * len(prompt) + reply for prompt, reply in rows], IGNORED),
    }


@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("which", ["embedded", "llama"])
def test_a_prompt_is_read_once_with_the_same_numbers_and_gradients(
    chat, which, padding_side, monkeypatch
):
    start = chat if which == "embedded" else llama(chat)
    given = batch(padding_side)
    found = []
    n_read = []
    for goes_on in (scoring._can_continue, lambda model: False):
        monkeypatch.setattr(scoring, "_can_continue", goes_on)
        model = copy.deepcopy(start.model).float()
        score_replies_only(model)
        n_read.append(0)
        handle = model.base_model.register_forward_pre_hook(
            lambda module, args: n_read.append(n_read.pop() + args[0].numel())
        )
        scored = model(**given, fused_lm_head=True)
        handle.remove()
        scored.log_probs.sum().backward()
        found.append((scored, model.get_input_embeddings().weight.grad))
    (once, gradient), (each, gradient_of_each) = found
    torch.testing.assert_close(once.log_probs, each.log_probs, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(once.entropy, each.entropy, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(gradient, gradient_of_each, atol=1e-4, rtol=1e-3)
    assert n_read[0] < n_read[1]


def test_where_no_two_replies_share_a_prompt_nothing_is_cut(chat):
    given = batch("right")
    assert (
        scoring._split(
            given["input_ids"][:2], given["attention_mask"][:2], given["labels"][:2] != IGNORED
        )
        is None
    )


def test_a_model_that_does_not_go_on_from_what_it_read_is_found(chat, monkeypatch):
    assert scoring._can_continue(chat.model)
    monkeypatch.setattr(
        "transformers.cache_utils.LinearAttentionLayer.update_conv_state",
        lambda self, states, *args, **kwargs: states,
    )
    assert not scoring._can_continue(chat.model)
    monkeypatch.delattr("transformers.cache_utils.Cache.update_conv_state", raising=True)
    assert not scoring._can_continue(chat.model)
