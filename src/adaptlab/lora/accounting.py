"""Count the parameters and bytes of a model and its adapter, on the real architecture, without its
weights.

`architectures.json` has the sizes of well-known models under their names on the hub; the source is
the config.json there. Fields that change no count and no shape are left out (rotary bases, token
ids, lengths without a table).
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from torch import device, nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig
from transformers.utils import logging

from adaptlab.checks import check_rank, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.lora.adapter import dimensions, targets
from adaptlab.models.chat import check_text
from adaptlab.models.load_local import ADAPTER, base_of, result_of
from adaptlab.models.load_model import resolve

NF4_BLOCK = 64
NF4_SECOND_BLOCK = 256  # weights that share a factor, and factors that share a second factor
BYTES = {"F32": 4, "F16": 2, "BF16": 2}  # by the names that safetensors gives them


@cache
def architectures() -> dict[str, dict]:
    """Return the sizes of well-known models by their names on the hub."""
    return json.loads((Path(__file__).parent / "architectures.json").read_text(encoding="utf-8"))


def architecture(model_id: str) -> PretrainedConfig:
    """Return the config of a model: well-known by its name on the hub, embedded, a GGUF model, or
    in a folder. A run's or an adapter's is that of its base model.

    Raises:
        AdaptLabError: if the model is unknown.
    """
    check_text(model_id, "The model's id")
    name = model_id.removeprefix("hub:")
    if name in architectures():
        return AutoConfig.for_model(**architectures()[name])
    if model_id and Path(model_id).is_dir():
        folder = result_of(Path(model_id))
        if (folder / ADAPTER).exists():
            return architecture(base_of(folder))
        model_id = str(folder)
    if model_id.startswith(("embedded:", "gguf:")) or (model_id and Path(model_id).is_dir()):
        source = resolve(model_id)
        try:
            return AutoConfig.from_pretrained(source)
        except Exception as error:  # transformers raises several errors for a damaged file
            raise AdaptLabError(
                f"{model_id} has no config.json that transformers can read"
                f" ({[*str(error).splitlines(), type(error).__name__][0]}). Check the name or"
                " the folder."
            ) from error
    raise AdaptLabError(
        f"The architecture of {model_id!r} is not in the library. Give the folder of its"
        f" config.json, or one of {', '.join(architectures())}."
    )


def skeleton(config: PretrainedConfig) -> nn.Module:
    """Build the causal language model with all its shapes and without its numbers.

    Raises:
        AdaptLabError: if the architecture has no causal language model.
    """
    logging.set_verbosity_error()  # or it notes optional CUDA kernels
    try:
        with device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except ValueError as error:
        raise AdaptLabError(
            f"A {config.model_type} is not a causal language model. Give a model that"
            " continues text."
        ) from error


def n_parameters(model: nn.Module) -> int:
    """Count the parameters; tied weights count once."""
    return sum(p.numel() for p in model.parameters())


def n_linear_weights(model: nn.Module) -> int:
    """Count the weights in the linear layers without the output head, which QLoRA keeps in 4 bits.

    Biases, embeddings, head and norms are not counted.
    """
    return sum(layer.weight.numel() for layer in targets(model).values())


def n_lora_parameters(model: nn.Module, rank: int, names: Sequence[str] | None = None) -> int:
    """Count the parameters of an adapter: r (d_in + d_out) for each linear layer with an adapter.

    `names` is as in `adapter.targets`. Source: Hu et al. 2021, section 4.2.
    """
    check_rank(rank)
    return sum(rank * sum(dimensions(layer)) for layer in targets(model, names).values())


def adapter_file_bytes(
    model: nn.Module, rank: int, names: Sequence[str] | None = None, dtype: str = "F32"
) -> int:
    """Compute the size of the safetensors file that PEFT saves, in bytes.

    The file has eight bytes, a JSON header padded to eight (safetensors' format), and the numbers.
    `dtype` is one of BYTES; PEFT keeps adapters in F32 by default.
    """
    check_rank(rank)
    if dtype not in BYTES:
        raise AdaptLabError(
            f"The dtype of the adapter is {dtype}. Choose one of {', '.join(BYTES)}."
        )
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


def nf4_bytes(n_weights: int, double: bool = True) -> float:
    """Compute the mean bytes of weights in 4 bits with a factor for each block.

    A factor has 4 bytes, or with double quantisation 1 byte and a second factor of 4. That is 0.5
    bits per weight for the factors, or 0.127. The padding of the last block is left out. Source:
    Dettmers et al. 2023, sections 2 and 3.
    """
    check_whole(n_weights, "n_weights", 0)
    factor = 1 + 4 / NF4_SECOND_BLOCK if double else 4
    return n_weights * (0.5 + factor / NF4_BLOCK)
