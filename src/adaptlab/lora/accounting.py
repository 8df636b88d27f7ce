"""What a model and its adapter take, counted on the real architecture, without its weights.

`architectures.json` holds the sizes of well-known models, each under its name on the hub, where its
config.json is the source; what does not change a count or a shape (rotary bases, token ids, lengths
without a table) is left out.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from torch import device, nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig
from transformers.cache_utils import (
    DynamicCache,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    LinearAttentionLayer,
)

from adaptlab.checks import check_rank, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.lora.adapter import dimensions, targets
from adaptlab.models.chat import check_text
from adaptlab.models.load_model import resolve

NF4_BLOCK = 64
NF4_SECOND_BLOCK = 256  # weights that share a factor, and factors that share one of their own
BYTES = {"F32": 4, "F16": 2, "BF16": 2}  # by the names that safetensors gives them


@cache
def architectures() -> dict[str, dict]:
    """The sizes of well-known models by their names on the hub."""
    return json.loads((Path(__file__).parent / "architectures.json").read_text(encoding="utf-8"))


def architecture(model_id: str) -> PretrainedConfig:
    """The config of a model: a well-known one's by its name on the hub, an embedded one's, or that
    in a folder; an AdaptLabError for others.
    """
    check_text(model_id, "The model's id")
    name = model_id.removeprefix("hub:")
    if name in architectures():
        return AutoConfig.for_model(**architectures()[name])
    if model_id.startswith("embedded:") or (model_id and Path(model_id).is_dir()):
        try:
            return AutoConfig.from_pretrained(resolve(model_id))
        except Exception as error:  # transformers has no one error for a file that is damaged
            raise AdaptLabError(
                f"{model_id} has no config.json that transformers can read"
                f" ({[*str(error).splitlines(), type(error).__name__][0]})."
            ) from error
    raise AdaptLabError(
        f"The architecture of {model_id!r} is not known here; give the folder of its config.json,"
        f" or one of {', '.join(architectures())}."
    )


def skeleton(config: PretrainedConfig) -> nn.Module:
    """The causal language model with all its shapes and none of its numbers; an AdaptLabError where
    the architecture has none.
    """
    try:
        with device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except ValueError as error:
        raise AdaptLabError(
            f"A {config.model_type} is no causal language model; give one that continues text."
        ) from error


def n_parameters(model: nn.Module) -> int:
    """Tied weights count once."""
    return sum(p.numel() for p in model.parameters())


def n_linear_weights(model: nn.Module) -> int:
    """Weights in the linear layers without the output head, which QLoRA keeps in 4 bits; biases,
    embeddings, head and norms are the rest.
    """
    return sum(layer.weight.numel() for layer in targets(model).values())


def n_lora_parameters(model: nn.Module, rank: int, names: Sequence[str] | None = None) -> int:
    """r (d_in + d_out) for each linear layer with an adapter (Hu et al. 2021, section 4.2); `names`
    as in `adapter.targets`.
    """
    check_rank(rank)
    return sum(rank * sum(dimensions(layer)) for layer in targets(model, names).values())


def adapter_file_bytes(
    model: nn.Module, rank: int, names: Sequence[str] | None = None, dtype: str = "F32"
) -> int:
    """Size of the safetensors file that PEFT saves: eight bytes, a JSON header padded to eight
    (safetensors' format), and the numbers.

    `dtype` is one of BYTES; PEFT keeps adapters in F32 unless told otherwise.
    """
    check_rank(rank)
    if dtype not in BYTES:
        raise AdaptLabError(f"An adapter is saved as one of {', '.join(BYTES)}, not as {dtype}.")
    header: dict[str, dict] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, layer in sorted(targets(model, names).items(), key=lambda item: f"{item[0]}."):
        d_in, d_out = dimensions(layer)
        for part, shape in (("A", [rank, d_in]), ("B", [d_out, rank])):
            start = end
            end = end + BYTES[dtype] * shape[0] * shape[1]
            header[f"base_model.model.{name}.lora_{part}.weight"] = {
                "dtype": dtype,
                "shape": shape,
                "data_offsets": [start, end],
            }
    written = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-written // 8) * 8 + end


def kv_cache_bytes(
    config: PretrainedConfig, n_tokens: int, n_sequences: int = 1, bytes_each: int = 2
) -> int:
    """Keys and values that `transformers` keeps for sequences of n_tokens: all of them, or a
    layer's window; layers without keys keep none.

    An architecture that keeps something else (compressed keys, chunks) is an AdaptLabError.
    """
    check_whole(n_tokens, "n_tokens", 0), check_whole(n_sequences, "n_sequences", 0)
    check_whole(bytes_each, "bytes_each", 0)
    text = config.get_text_config(decoder=True)
    n_heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    kept = {
        DynamicLayer: lambda layer: n_tokens,
        DynamicSlidingWindowLayer: lambda layer: min(n_tokens, layer.sliding_window),
        LinearAttentionLayer: lambda layer: 0,
    }
    layers = DynamicCache(config=text).layers
    if hasattr(text, "kv_lora_rank") or any(type(layer) not in kept for layer in layers):
        raise AdaptLabError(
            f"The cache of a {config.model_type} is not made of keys and values for each token,"
            " which is all that is counted here."
        )
    return (
        2
        * n_heads
        * head_dim
        * bytes_each
        * n_sequences
        * sum(kept[type(layer)](layer) for layer in layers)
    )


def nf4_bytes(n_weights: int, double: bool = True) -> float:
    """Mean bytes of weights in 4 bits with a factor for each block: 4 bytes, or with double
    quantisation 1 byte and a second factor of 4.

    Dettmers et al. 2023, sections 2 and 3: 0.5 bits a weight for the factors, or 0.127. The last
    block's padding is left out.
    """
    check_whole(n_weights, "n_weights", 0)
    factor = 1 + 4 / NF4_SECOND_BLOCK if double else 4
    return n_weights * (0.5 + factor / NF4_BLOCK)
