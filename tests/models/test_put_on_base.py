"""Adapters of any kind compute what they did when PEFT saved them, or are refused."""

import copy
import json
import warnings
from pathlib import Path

import pytest
import torch
from peft import IA3Config, LoraConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file

from adaptlab.errors import AdaptLabError
from adaptlab.models.load_adapter import with_adapter
from adaptlab.models.load_model import load_model

BASE = "embedded:mini-chat"
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
IDS = torch.arange(5, 15)[None]


@pytest.fixture(scope="module")
def base():
    return load_model(BASE)[0]


def lora(**options) -> LoraConfig:
    usual = {"task_type": "CAUSAL_LM", "r": 4, "target_modules": ["q_proj", "v_proj"]}
    return LoraConfig(**usual | options)


def saved(base, folder: Path, config, **options) -> torch.Tensor:
    """The logits that an adapter gives before it is saved."""
    model = get_peft_model(copy.deepcopy(base), config)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += torch.randn_like(parameter) * 0.05
    model.eval().save_pretrained(folder, **options)
    return logits(model)


@torch.no_grad()
def logits(model) -> torch.Tensor:
    return model(IDS).logits.float()


def loaded(base, folder: Path) -> torch.Tensor:
    return logits(with_adapter(copy.deepcopy(base), folder, BASE))


KINDS = {
    "DoRA": lora(use_dora=True),
    "rsLoRA": lora(use_rslora=True),
    "a module saved whole": lora(modules_to_save=["lm_head"]),
    "embeddings": lora(target_modules=["embed_tokens", "q_proj"]),
    "all linear layers": lora(target_modules="all-linear"),
    "a pattern of ranks": lora(rank_pattern={"q_proj": 8}, alpha_pattern={"q_proj": 3}),
    "biases": lora(bias="all"),
    "PiSSA": lora(init_lora_weights="pissa"),
    "tokens": lora(trainable_token_indices=[5, 6]),
    "IA3": IA3Config(task_type="CAUSAL_LM", target_modules=["k_proj"], feedforward_modules=[]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_of_any_kind_computes_as_before(base, tmp_path, kind):
    expected = saved(base, tmp_path, KINDS[kind])
    assert torch.equal(loaded(base, tmp_path), expected)
    assert not torch.allclose(logits(base), expected, atol=1e-2)


def test_an_adapter_that_changes_nothing_is_warned_of(base, tmp_path):
    get_peft_model(copy.deepcopy(base), lora()).save_pretrained(tmp_path / "as made")
    with pytest.warns(UserWarning, match="changes nothing"):
        assert torch.equal(loaded(base, tmp_path / "as made"), logits(base))
    saved(base, tmp_path / "trained", lora())
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*changes nothing")
        loaded(base, tmp_path / "trained")


def test_weights_as_torch_saves_them_are_read(base, tmp_path):
    expected = saved(base, tmp_path, lora(), safe_serialization=False)
    assert torch.equal(loaded(base, tmp_path), expected)


def test_two_adapters_of_other_ranks_keep_apart(base, tmp_path):
    kinds = {"a": lora(), "b": KINDS["a pattern of ranks"], "c": KINDS["a module saved whole"]}
    expected = {name: saved(base, tmp_path / name, kind) for name, kind in kinds.items()}
    model = copy.deepcopy(base)
    for name in kinds:
        model = with_adapter(model, tmp_path / name, BASE, name)
    for name in (*kinds, "a"):
        model.set_adapter(name)
        assert torch.equal(logits(model), expected[name])


def edited(**values):
    def edit(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text()) | values
        kept = {key: value for key, value in config.items() if value is not ...}
        (folder / CONFIG).write_text(json.dumps(kept))

    return edit


def written(name: str, content: bytes):
    return lambda folder: (folder / name).write_bytes(content)


def changed(change):
    def edit(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        save_file({name: change(tensor) for name, tensor in tensors.items()}, folder / WEIGHTS)

    return edit


def as_bin(content: bytes):
    def edit(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / "adapter_model.bin").write_bytes(content)

    return edit


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n"
FAULTS = {
    "a rank in letters": (edited(r="4"), "has r '4', which is not a number"),
    "alpha in letters": (edited(lora_alpha="32"), "has lora_alpha '32', which is not a number"),
    "another rank": (edited(r=8), "does not fit .*size mismatch"),
    "no kind": (edited(peft_type=...), "peft_type"),
    "a list": (written(CONFIG, b"[]"), "peft_type"),
    "a number as base": (edited(base_model_name_or_path=5), "was trained on 5, not on"),
    "another base": (edited(base_model_name_or_path="Qwen/Qwen3-0.6B"), "was trained on Qwen"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), f"has no {WEIGHTS}"),
    "no bytes": (written(WEIGHTS, b""), "are damaged .* Copy them again"),
    "a pointer of Git LFS": (written(WEIGHTS, POINTER), "are damaged .* Copy them again"),
    "broken .bin": (as_bin(b"abc"), "are damaged .* Copy them again"),
    "NaN": (changed(lambda tensor: tensor * torch.nan), "8 of 8 .*finite"),
    "integers": (changed(lambda tensor: tensor.to(torch.int8)), "8 of 8 .*finite"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_adapter_is_one_sentence(base, tmp_path, fault):
    edit, says = FAULTS[fault]
    saved(base, tmp_path, lora())
    edit(tmp_path)
    with pytest.raises(AdaptLabError, match=says):
        loaded(base, tmp_path)


@pytest.mark.parametrize("path", ["/home/me/mini", "C:\\models\\mini"])
def test_the_path_of_another_machine_is_only_warned_of(base, tmp_path, path):
    expected = saved(base, tmp_path, lora())
    edited(base_model_name_or_path=path)(tmp_path)
    with pytest.warns(UserWarning, match="Check that embedded:mini-chat is the same model"):
        assert torch.equal(loaded(base, tmp_path), expected)


def test_an_adapter_of_the_prompt_is_refused(base, tmp_path):
    """A model called without PEFT's wrapper, as served ones are, would never see it."""
    saved(base, tmp_path, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    with pytest.raises(AdaptLabError, match="adds tokens to the prompt, which is not supported"):
        loaded(base, tmp_path)
