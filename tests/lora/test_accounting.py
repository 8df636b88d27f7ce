"""Counts equal what was published, what PEFT counts, and what lies on the disk."""

import json

import pytest
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, T5Config

from adaptlab.errors import AdaptLabError
from adaptlab.lora import accounting

# As their makers give them; a file on the hub may also hold tied weights twice, or masks.
PUBLISHED = {
    "openai-community/gpt2": 124_439_808,
    "HuggingFaceTB/SmolLM2-135M": 134_515_008,
    "meta-llama/Llama-2-7b-hf": 6_738_415_616,
    "meta-llama/Llama-3.1-8B": 8_030_261_248,
    "meta-llama/Llama-3.1-70B": 70_553_706_496,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "meta-llama/Llama-3.2-3B": 3_212_749_824,
    "mistralai/Mistral-7B-v0.1": 7_241_732_096,
    "Qwen/Qwen2.5-0.5B": 494_032_768,
    "Qwen/Qwen2.5-7B": 7_615_616_512,
    "Qwen/Qwen3-0.6B": 596_049_920,
    "Qwen/Qwen3-1.7B": 1_720_574_976,
    "Qwen/Qwen3-1.7B-Base": 1_720_574_976,
    "Qwen/Qwen3-4B": 4_022_468_096,
    "Qwen/Qwen3-8B": 8_190_735_360,
}


@pytest.mark.parametrize("name", accounting.architectures())
def test_parameters_are_as_published_and_adapters_as_peft_counts_them(name):
    model = accounting.skeleton(accounting.architecture(name))
    assert accounting.n_parameters(model) == PUBLISHED[name]
    mine = (
        accounting.n_lora_parameters(model, 16),
        accounting.n_lora_parameters(
            model, 16, names := ("c_attn",) if "gpt2" in name else ("q_proj", "v_proj")
        ),
    )
    for expected, chosen in zip(mine, ("all-linear", list(names))):
        peft = get_peft_model(
            accounting.skeleton(accounting.architecture(name)),
            LoraConfig(r=16, target_modules=chosen, task_type="CAUSAL_LM"),
        )
        assert peft.get_nb_trainable_parameters()[0] == expected


@pytest.mark.parametrize("names", [None, ("q_proj", "down_proj")])
def test_an_adapter_on_disk_has_the_bytes_that_were_computed(tmp_path, names):
    config = LlamaConfig(
        vocab_size=59,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=11,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = AutoModelForCausalLM.from_config(config)
    expected = accounting.adapter_file_bytes(model, 3, names)
    peft = get_peft_model(
        model,
        LoraConfig(
            r=3, target_modules=list(names) if names else "all-linear", task_type="CAUSAL_LM"
        ),
    )
    peft.save_pretrained(tmp_path)
    assert (tmp_path / "adapter_model.safetensors").stat().st_size == expected


def test_weights_in_linear_layers():
    llama = accounting.skeleton(accounting.architecture("meta-llama/Llama-2-7b-hf"))
    assert (
        accounting.n_linear_weights(llama) == 32 * (4 * 4096**2 + 3 * 4096 * 11008) == 6_476_005_376
    )


def test_memory_of_four_bits():
    assert accounting.nf4_bytes(64 * 256) == 64 * 256 / 2 + 256 + 4
    assert accounting.nf4_bytes(64, double=False) == 32 + 4


def test_a_run_has_the_architecture_of_its_base(tmp_path):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": "HuggingFaceTB/SmolLM2-135M"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    for folder in (tmp_path, adapter):
        assert accounting.architecture(str(folder)).hidden_size == 576
    with pytest.raises(AdaptLabError, match="is not a GGUF model"):
        accounting.architecture("gguf:nobody")


def test_an_unknown_architecture_is_a_sentence(tmp_path):
    with pytest.raises(AdaptLabError, match="config.json"):
        accounting.architecture("nobody/nothing")
    with pytest.raises(AdaptLabError, match="no config.json"):
        accounting.architecture(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "nobody"}', encoding="utf-8")
    with pytest.raises(AdaptLabError, match="no config.json that transformers can read"):
        accounting.architecture(str(tmp_path))
    with pytest.raises(AdaptLabError, match="causal language model"):
        accounting.skeleton(T5Config())
    with pytest.raises(AdaptLabError, match="F32, F16, BF16"):
        accounting.adapter_file_bytes(
            accounting.skeleton(accounting.architecture("openai-community/gpt2")), 4, dtype="I8"
        )
    with pytest.raises(AdaptLabError, match="whole number"):
        accounting.n_lora_parameters(
            accounting.skeleton(accounting.architecture("openai-community/gpt2")), -3
        )
