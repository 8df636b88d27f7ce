"""LoRA from scratch equals PEFT, on logits and on gradients, for the embedded model and for small
ones of other shapes.
"""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config

from adaptlab.errors import AdaptLabError
from adaptlab.lora import adapter, spectrum
from adaptlab.models.load_model import embedded_path

CONFIGS = {
    "llama": LlamaConfig(
        vocab_size=53,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    ),
    "qwen": Qwen2Config(
        vocab_size=53,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    ),
    "gpt2": GPT2Config(vocab_size=53, n_embd=24, n_layer=2, n_head=4, n_positions=32),
}
NAMES = {
    "llama": ("q_proj", "v_proj", "down_proj"),
    "qwen": ("q_proj", "up_proj"),
    "gpt2": ("c_attn", "c_fc"),
}


def base_model(kind: str):
    if kind == "embedded":
        return AutoModelForCausalLM.from_pretrained(
            embedded_path("mini-chat"), dtype=torch.float64
        ).eval()
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(CONFIGS[kind], dtype=torch.float64).eval()


def pair(kind: str, names: tuple[str, ...] | None, rank_stabilized: bool):
    """The same model with the same adapter, B not zero, by PEFT and by us."""
    base = base_model(kind)
    config = LoraConfig(
        r=5,
        lora_alpha=7,
        target_modules=list(names) if names else "all-linear",
        use_rslora=rank_stabilized,
        task_type="CAUSAL_LM",
    )
    peft = get_peft_model(copy.deepcopy(base), config).eval()
    ours = copy.deepcopy(base)
    made = adapter.inject(ours, 5, 7.0, names, rank_stabilized)
    theirs = {
        name.removeprefix("base_model.model."): module
        for name, module in peft.named_modules()
        if hasattr(module, "lora_A")
    }
    assert theirs.keys() == made.keys()
    generator = torch.Generator().manual_seed(5)
    for name, module in theirs.items():
        a = module.lora_A.default.weight
        b = module.lora_B.default.weight
        with torch.no_grad():
            b.copy_(torch.randn(b.shape, generator=generator) * 0.1)
            made[name].a.copy_(a)
            made[name].b.copy_(b)
    return base, peft, ours, made, theirs


@pytest.mark.parametrize("kind", ["embedded", *CONFIGS])
@pytest.mark.parametrize("everything, rank_stabilized", [(True, False), (False, True)])
def test_logits_gradients_and_merging_equal_peft(kind, everything, rank_stabilized):
    names = None if everything else NAMES.get(kind, ("q_proj", "v_proj"))
    base, peft, ours, made, theirs = pair(kind, names, rank_stabilized)
    ids = torch.randint(3, 50, (2, 11), generator=torch.Generator().manual_seed(1))
    expected = peft(ids).logits
    got = ours(ids).logits
    assert (got - base(ids).logits).abs().max() > 1e-3, (
        "the adapter does nothing, so nothing is compared"
    )
    assert torch.allclose(got, expected, atol=1e-5)
    for logits in (expected, got):
        torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
        ).backward()
    for name, module in theirs.items():
        for mine, other in (
            (made[name].a, module.lora_A.default.weight),
            (made[name].b, module.lora_B.default.weight),
        ):
            assert other.grad.abs().max() > 0 and torch.allclose(mine.grad, other.grad, atol=1e-5)
        added = module.get_delta_weight("default")
        assert torch.allclose(made[name].delta(), added.T if kind == "gpt2" else added, atol=1e-9)
    trained = {name for name, p in ours.named_parameters() if p.requires_grad}
    assert trained == {f"{name}.{part}" for name in made for part in "ab"}
    before = copy.deepcopy(ours.state_dict())
    for layer in adapter.adapters(ours):
        layer.merge()
        layer.merge()  # twice is once
    peft.merge_adapter()
    for name, layer in made.items():
        assert torch.allclose(layer.base.weight, theirs[name].get_base_layer().weight, atol=1e-9)
        assert not torch.allclose(layer.base.weight, before[f"{name}.base.weight"])
    assert torch.allclose(ours(ids).logits, got, atol=1e-5)
    for layer in adapter.adapters(ours):
        layer.unmerge()
    assert all(
        torch.allclose(value, before[name], atol=1e-6) for name, value in ours.state_dict().items()
    )


def test_a_fresh_adapter_changes_nothing_and_can_learn():
    base = base_model("gpt2")
    again = base_model("gpt2")
    other = base_model("gpt2")
    ids = torch.arange(9)[None]
    before = base(ids).logits
    first = adapter.inject(base, 3, 6.0)
    assert torch.equal(base(ids).logits, before)
    same = adapter.inject(again, 3, 6.0)
    differing = adapter.inject(other, 3, 6.0, seed=1)
    for name, layer in first.items():
        bound = layer.a.shape[1] ** -0.5
        # Uniform: bound / sqrt 3.
        assert (
            0.8 * bound < layer.a.abs().max() <= bound
            and 0.4 * bound < layer.a.std() < 0.75 * bound
        )
        assert torch.equal(layer.a, same[name].a) and not torch.equal(layer.a, differing[name].a)


def test_in_half_precision_the_adapter_stays_in_float32_as_with_peft():
    config = CONFIGS["llama"]
    ids = torch.arange(11)[None]
    torch.manual_seed(4)
    base = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    peft = get_peft_model(
        copy.deepcopy(base),
        LoraConfig(r=5, lora_alpha=7, target_modules="all-linear", task_type="CAUSAL_LM"),
    ).eval()
    ours = base
    made = adapter.inject(ours, 5, 7.0)
    for name, module in peft.named_modules():
        if hasattr(module, "lora_A"):
            mine = made[name.removeprefix("base_model.model.")]
            a = module.lora_A.default.weight
            b = module.lora_B.default.weight
            assert mine.a.dtype == a.dtype == torch.float32
            with torch.no_grad():
                b.fill_(0.02)
                mine.a.copy_(a)
                mine.b.copy_(b)
    assert ours(ids).logits.dtype == torch.bfloat16
    assert torch.equal(ours(ids).logits, peft(ids).logits)


def test_an_adapter_has_the_rank_it_was_given():
    a = torch.randn(4, 20, generator=torch.Generator().manual_seed(0))
    b = torch.randn(17, 4, generator=torch.Generator().manual_seed(1))
    delta = adapter.delta_weight(a, b, adapter.scale(8, 4))
    assert torch.linalg.matrix_rank(delta) == 4
    assert torch.allclose(delta, 2 * b @ a)
    assert adapter.scale(8, 4, rank_stabilized=True) == 4


def test_bad_shapes_ranks_and_names_are_sentences():
    with pytest.raises(AdaptLabError, match="shape"):
        adapter.delta_weight(torch.ones(3, 5), torch.ones(7, 4), 1.0)
    with pytest.raises(AdaptLabError, match="from 1"):
        adapter.scale(8, 0)
    with pytest.raises(AdaptLabError, match="z_proj.*c_attn, c_fc, c_proj"):
        adapter.inject(base_model("gpt2"), 3, 6.0, ("c_attn", "z_proj"))
    with pytest.raises(AdaptLabError, match="list"):
        adapter.inject(base_model("gpt2"), 3, 6.0, "c_attn")
    with pytest.raises(AdaptLabError, match="list"):
        adapter.inject(base_model("gpt2"), 3, 6.0, ())
    with pytest.raises(AdaptLabError, match="whole number"):
        adapter.scale(8, 1.5)
    with pytest.raises(AdaptLabError, match="Alpha"):
        adapter.scale(float("nan"), 4)
    with pytest.raises(AdaptLabError, match="no linear layer"):
        adapter.inject(torch.nn.Linear(3, 4), 2, 4.0)
    with pytest.raises(AdaptLabError, match="Embedding"):
        adapter.LoRALinear(torch.nn.Embedding(3, 4), 2, 4.0)
    with pytest.raises(AdaptLabError, match="has adapters already"):
        adapter.inject(model := base_model("gpt2"), 2, 4.0)
        adapter.inject(model, 2, 4.0)


def test_the_spectrum_says_what_a_lower_rank_loses():
    generator = torch.Generator().manual_seed(2)
    matrix = spectrum.with_spectrum(torch.tensor([4.0, 3.0, 0.0]), 11, 7, generator)
    assert torch.allclose(
        spectrum.singular_values(matrix)[:3],
        torch.tensor([4.0, 3.0, 0.0], dtype=torch.float64),
        atol=1e-9,
    )
    assert [round(spectrum.best_error(matrix, r), 6) for r in (0, 1, 2)] == [1.0, 0.6, 0.0]
    equal = spectrum.with_spectrum(torch.ones(5), 9, 8, generator)
    assert spectrum.effective_rank(equal) == pytest.approx(5, rel=1e-6)
    u, s, v = torch.linalg.svd(matrix)
    assert spectrum.best_error(matrix, 1) == pytest.approx(
        float(
            torch.linalg.norm(matrix - s[0] * torch.outer(u[:, 0], v[0]))
            / torch.linalg.norm(matrix)
        )
    )
    with pytest.raises(AdaptLabError, match="from 0 to 7"):
        spectrum.best_error(matrix, 8)
    nothing = torch.zeros(4, 3)
    assert spectrum.best_error(nothing, 0) == spectrum.effective_rank(nothing) == 0
    for bad in (torch.ones(3), torch.full((2, 2), torch.nan)):
        with pytest.raises(AdaptLabError, match="finite numbers"):
            spectrum.effective_rank(bad)
    with pytest.raises(AdaptLabError, match="has 4 singular values, not 5"):
        spectrum.with_spectrum(torch.ones(5), 4, 8, generator)
