"""What a model and its adapter take, counted on the real architecture, without its weights.

`architectures.json` holds the sizes of well-known models, each under its name on the hub, where its config.json is the source; what does not
change a count or a shape (rope scaling, token ids) is left out.
"""

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from torch import device, nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig

from adaptlab.errors import AdaptLabError
from adaptlab.lora.adapter import shape, targets

NF4_BLOCK, NF4_SECOND_BLOCK = 64, 256  # weights that share a factor, and factors that share one of their own (Dettmers et al. 2023, section 3)


@cache
def architectures() -> dict[str, dict]:
    """The sizes of well-known models by their names on the hub."""
    return json.loads((Path(__file__).parent / "architectures.json").read_text(encoding="utf-8"))


def architecture(name: str) -> PretrainedConfig:
    """The config of a model: a well-known one's, or that in a folder."""
    if name in architectures():
        return AutoConfig.for_model(**architectures()[name])
    if (Path(name) / "config.json").is_file():
        return AutoConfig.from_pretrained(name)
    raise AdaptLabError(f"The architecture of {name} is not known here; give the folder of its config.json, or one of {', '.join(architectures())}.")


def skeleton(config: PretrainedConfig) -> nn.Module:
    """The model with all its shapes and none of its numbers."""
    with device("meta"):
        return AutoModelForCausalLM.from_config(config)


def n_parameters(model: nn.Module) -> int:
    """Tied weights count once."""
    return sum(p.numel() for p in model.parameters())


def n_lora_parameters(model: nn.Module, rank: int, names: tuple[str, ...] | None = None) -> int:
    """r (d_in + d_out) for each linear layer with an adapter; `names` as in `adapter.targets`."""
    return sum(rank * sum(shape(layer)) for layer in targets(model, names).values())


def adapter_file_bytes(model: nn.Module, rank: int, names: tuple[str, ...] | None = None, bytes_each: int = 4) -> int:
    """Size of the safetensors file that PEFT saves: eight bytes, a JSON header padded to eight, and the numbers."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, layer in sorted(targets(model, names).items(), key=lambda item: f"{item[0]}."):
        d_in, d_out = shape(layer)
        for part, dims in (("A", [rank, d_in]), ("B", [d_out, rank])):
            start, end = end, end + bytes_each * dims[0] * dims[1]
            dtype = {4: "F32", 2: "BF16"}[bytes_each]
            header[f"base_model.model.{name}.lora_{part}.weight"] = {"dtype": dtype, "shape": dims, "data_offsets": [start, end]}
    written = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-written // 8) * 8 + end


def kv_cache_bytes(config: PretrainedConfig, n_tokens: int, n_sequences: int = 1, bytes_each: int = 2) -> int:
    """Keys and values of every attention layer, for sequences of n_tokens."""
    n_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    layers = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    windows = [min(n_tokens, config.sliding_window) if kind == "sliding_attention" else n_tokens for kind in layers if "attention" in kind]
    return 2 * n_heads * head_dim * bytes_each * n_sequences * sum(windows)


def nf4_bytes(n_weights: int, double: bool = True) -> float:
    """Bytes of weights in 4 bits with a factor for each block: 4 bytes, or with double quantisation 1 byte and a second factor of 4."""
    factor = 1 + 4 / NF4_SECOND_BLOCK if double else 4
    return n_weights * (0.5 + factor / NF4_BLOCK)


def weights(model: nn.Module) -> SimpleNamespace:
    """n_linear: weights in the linear layers that QLoRA keeps in 4 bits; n_other: the rest (embeddings, head, norms)."""
    n_linear = sum(layer.weight.numel() for layer in targets(model).values())
    return SimpleNamespace(n_linear=n_linear, n_other=n_parameters(model) - n_linear)
