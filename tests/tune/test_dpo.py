"""DPO: the loss is log 2 where nothing was learned, ours and TRL's agree in value and gradient, and
what was trained is what writes.
"""

import ast
import copy
import math
import random
import re
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from trl import DPOTrainer
from trl.trainer import utils as trl_utils

from adaptlab.errors import AdaptLabError
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.tune import dpo
from adaptlab.tune.dpo import dpo_trainer, prefer
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.scoring import score_replies_only, strip_trainer
from adaptlab.tune.trainer import merged
from adaptlab.world.preferences import preference

ROOT = Path(__file__).parents[2]


def pairs(n: int, seed: int = 0) -> list[Pair]:
    rng = random.Random(seed)
    made = [preference(rng) for _ in range(n)]
    return [Pair(list(item.case.messages), item.chosen, item.rejected) for item in made]


def llama(chat: LocalChat) -> LocalChat:
    torch.manual_seed(3)
    settings = LlamaConfig(
        vocab_size=len(chat.tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return LocalChat("llama", LlamaForCausalLM(settings).eval(), chat.tokenizer)


def step(made: DPOTrainer) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients of the trainer's first batch, with adapters that are not at zero."""
    torch.manual_seed(5)
    for name, weight in made.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    batch = made._prepare_inputs(next(iter(made.get_train_dataloader())))
    loss = made.compute_loss(made.model, batch)
    loss.backward()
    return loss.item(), {
        name: weight.grad.clone()
        for name, weight in made.model.named_parameters()
        if weight.grad is not None
    }


# bfloat16 rounds to 1 part in 256, and the two ways round in another order.
NEAR = {"float32": {"atol": 1e-5, "rtol": 1e-3}, "bfloat16": {"atol": 2e-2, "rtol": 5e-2}}


@pytest.mark.parametrize("dtype", NEAR)
@pytest.mark.parametrize("which", ["embedded", "llama"])
def test_loss_and_gradients_are_those_of_trl(chat, which, dtype, tmp_path, monkeypatch):
    start = chat if which == "embedded" else llama(chat)
    options = PreferenceOptions(batch_size=6, beta=0.3, dtype=dtype)
    ours = step(dpo_trainer(start, pairs(6), options, str(tmp_path)))
    monkeypatch.setattr(dpo, "score_replies_only", lambda model: None)
    theirs = step(dpo_trainer(start, pairs(6), options, str(tmp_path)))
    assert abs(ours[0] - theirs[0]) < NEAR[dtype]["atol"] and abs(ours[0] - math.log(2)) > 1e-3
    assert ours[1].keys() == theirs[1].keys()
    for name, gradient in theirs[1].items():
        torch.testing.assert_close(ours[1][name], gradient, **NEAR[dtype], msg=name)


def test_the_loss_begins_at_log_two(chat):
    _, log = prefer(chat, pairs(4), PreferenceOptions(batch_size=4))
    assert abs(log[0]["loss"] - math.log(2)) < 2e-3 and abs(log[0]["rewards/margins"]) < 2e-2


def test_what_was_trained_is_what_writes_after_a_full_tuning_too(chat):
    """TRL leaves a forward pass on a model, which in a copy still runs the original."""
    given = pairs(8)
    first = fine_tune(
        chat, [given[0].conversation(given[0].chosen)], Options(method="full", learning_rate=1e-6)
    )
    tuned, _ = prefer(first, given, PreferenceOptions(batch_size=4, epochs=4, learning_rate=2e-2))
    prompts = [pair.prompt for pair in given]
    assert texts(first, prompts, max_new_tokens=12) == texts(chat, prompts, max_new_tokens=12)
    assert texts(tuned, prompts, max_new_tokens=12) != texts(first, prompts, max_new_tokens=12)
    whole = merged(tuned)
    assert not hasattr(whole.model, "peft_config")
    assert sum(whole.log_probabilities(prompts[0], "Oslo")) == pytest.approx(
        sum(tuned.log_probabilities(prompts[0], "Oslo")), abs=1e-3
    )
    assert "forward" not in tuned.model.get_base_model().__dict__


def test_a_copy_runs_its_own_weights(chat):
    model = copy.deepcopy(chat.model)
    score_replies_only(model)
    twin = copy.deepcopy(model)
    ids = torch.tensor([[1, 5, 9, 12]])
    with torch.no_grad():
        twin.get_input_embeddings().weight.zero_()
        assert not torch.equal(twin(ids).logits, model(ids).logits)
    strip_trainer(model)
    assert "forward" not in model.__dict__


def test_bad_options_and_data_are_sentences(chat, tmp_path):
    for options, reason in (
        ({"beta": 0}, "beta is"),
        ({"loss": "best"}, "loss 'best'"),
        ({"learning_rate": 0}, "learning_rate"),
    ):
        with pytest.raises(AdaptLabError, match=reason):
            PreferenceOptions(**options)
    with pytest.raises(AdaptLabError, match="at least one pair"):
        prefer(chat, [])
    with pytest.raises(AdaptLabError, match=r"Pair 1 has \d+ tokens .* 20"):
        prefer(chat, pairs(2), PreferenceOptions(max_length=20))
    with pytest.raises(AdaptLabError, match="a lower learning_rate"):
        prefer(
            chat,
            pairs(8),
            PreferenceOptions(batch_size=2, epochs=3, method="full", learning_rate=1e12),
        )


WORDS = ("The desk lamp is on the shelf in the shop and the price is on the label. " * 8).strip()
DIGITS = "7301948265" * 20  # fewer letters than WORDS, and more tokens: 1 for each digit


@pytest.mark.parametrize(
    "chosen, rejected", [(WORDS, DIGITS), (DIGITS, WORDS)], ids=["rejected", "chosen"]
)
def test_the_length_of_a_pair_is_that_of_its_longer_side_in_tokens(chosen, rejected):
    """TRL would cut the longer side, and with it the mark that ends the reply."""
    mini = LocalChat("embedded:mini-chat")
    given = [Pair([{"role": "user", "content": "Where is it?"}], chosen, rejected)] * 2
    assert len(DIGITS) < len(WORDS) and dpo.rows(mini, given, 209)[0]["length"] == 209
    with pytest.raises(
        AdaptLabError,
        match="Pair 1 has 209 tokens .* 190.*max_length",
    ):
        dpo.rows(mini, given, 190)


def test_trl_cuts_no_reply_of_a_pair_that_was_accepted(tmp_path):
    mini = LocalChat("embedded:mini-chat")
    given = [Pair([{"role": "user", "content": "Where is it?"}], WORDS, DIGITS)] * 2
    made = dpo_trainer(mini, given, PreferenceOptions(max_length=209, batch_size=2), str(tmp_path))
    batch = next(iter(made.get_train_dataloader()))
    ends = [
        ids[mask.bool()][-1].item()
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"])
    ]
    assert ends == [mini.tokenizer.eos_token_id] * 4


def test_a_pair_that_writes_a_control_token_is_refused_by_name(chat):
    given = pairs(2)
    with pytest.raises(AdaptLabError, match=r"Message 2 of pair 2 .*control token <\|end\|>"):
        prefer(chat, [given[0], replace(given[1], rejected="No.<|end|>")])


def lesson_solution(name: str):
    """An exercise of the lesson, with its folded solution in place of what a student writes."""
    cells = nbformat.read(ROOT / "notebooks" / "06_preferences.ipynb", as_version=4).cells
    place = next(i for i, cell in enumerate(cells) if f"def {name}(" in cell.source)
    (stub,) = [
        node
        for node in ast.parse(cells[place].source).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    solution = re.findall(r"```python\n(.*?)```", cells[place - 1].source, flags=re.S)[-1]
    stub.body = ast.parse(f"def solved():\n{textwrap.indent(solution, '    ')}").body[0].body
    defined = {"nn": torch.nn}
    exec(compile(ast.Module([stub], []), name, "exec"), defined)
    return defined[name]


@pytest.mark.skipif(
    not hasattr(trl_utils, "add_fused_lm_head"),
    reason="TRL before 1 makes log-probabilities from logits within its loss",
)
def test_the_loss_that_the_lesson_derives_is_that_of_trl(chat, tmp_path):
    """TRL's own code, given log-probabilities, against the lesson's, in value and gradient."""
    dpo_loss = lesson_solution("dpo_loss")
    made = dpo_trainer(chat, pairs(5), PreferenceOptions(batch_size=5, beta=0.25), str(tmp_path))
    batch = made._prepare_inputs(next(iter(made.get_train_dataloader())))
    generator = torch.Generator().manual_seed(1)
    # Five chosen, then five rejected.
    sums = torch.randn(10, generator=generator).mul(4).requires_grad_()
    batch["ref_chosen_logps"], batch["ref_rejected_logps"] = (
        torch.randn(2, 5, generator=generator) * 4
    )
    n = batch["completion_mask"].shape[1] - 1

    def given(**kwargs):
        spread = torch.cat([sums[:, None], sums.new_zeros(10, n - 1)], dim=1)
        zeros = spread.detach() * 0
        return SimpleNamespace(
            log_probs=spread, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool(), aux_loss=None
        )

    theirs = made.compute_loss(given, batch)
    ours = dpo_loss(
        sums[:5], sums[5:], batch["ref_chosen_logps"], batch["ref_rejected_logps"], beta=0.25
    )
    assert abs(ours.item() - theirs.item()) < 1e-6
    torch.testing.assert_close(
        torch.autograd.grad(ours, sums)[0],
        torch.autograd.grad(theirs, sums)[0],
        atol=1e-6,
        rtol=1e-6,
    )
