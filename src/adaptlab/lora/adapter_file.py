"""An adapter as a safetensors file: A and B of each layer in float32 under the layer's name, with
its scale in B.

The change of a weight is then B @ A, whichever library trained the adapter. If you read a
stranger's file, say which tensors it must contain.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from adaptlab.errors import AdaptLabError
from adaptlab.files import write_whole
from adaptlab.lora.adapter import LoRALinear, dimensions, inject, targets

MAX_HEADER = 2**16  # bytes; a small model's header has a tenth
SAVE = "Save the fine-tuned model again with save_adapter"
PICKLES = (b"\x80", b"PK")  # how a pickle begins, and the archive that torch.save puts it into


class NotAnAdapter(AdaptLabError):
    """A file that is not the requested adapter; the message gives the reason."""


def form(model: nn.Module, rank: int) -> dict[str, tuple[int, int]]:
    """Return the names and shapes of an adapter's tensors for every target of a model.

    The tensors are `layer.a`, (r, d_in), and `layer.b`, (d_out, r).
    """
    sizes = {name: dimensions(layer) for name, layer in targets(model).items()}
    return {
        f"{name}.{part}": shape
        for name, (d_in, d_out) in sizes.items()
        for part, shape in (("a", (rank, d_in)), ("b", (d_out, rank)))
    }


def save_adapter(model: nn.Module, path: Path | str) -> None:
    """Write the adapter of a model, PEFT's or the course's own, to a file.

    Raises:
        AdaptLabError: if the model has no adapter that is a plain B @ A.
    """
    tensors = dict(_peft(model) if hasattr(model, "peft_config") else _own(model))
    if not tensors:
        raise AdaptLabError(
            'The model has no adapter to save. Give a model that was fine-tuned with method="lora".'
        )
    write_whole(
        Path(path),
        [
            save(
                {
                    name: tensor.detach().float().cpu().contiguous()
                    for name, tensor in tensors.items()
                }
            )
        ],
    )


def _own(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, layer in model.named_modules():
        if isinstance(layer, LoRALinear):
            yield from ((f"{name}.a", layer.a), (f"{name}.b", layer.factor * layer.b))


def _peft(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, layer in model.get_base_model().named_modules():
        if not getattr(layer, "lora_A", None):
            continue
        if len(layer.lora_A) > 1 or getattr(layer, "lora_magnitude_vector", None):
            raise AdaptLabError(
                "The model has several adapters, or an adapter with magnitudes (DoRA). Give"
                " a model with one adapter that adds B @ A."
            )
        ((key, a),) = layer.lora_A.items()
        yield from (
            (f"{name}.a", a.weight),
            (f"{name}.b", layer.scaling[key] * layer.lora_B[key].weight),
        )


def read_adapter(content: bytes, wanted: Mapping[str, tuple[int, int]]) -> dict[str, Tensor]:
    """Read the tensors of a file's bytes: exactly the `wanted` tensors, finite and in float32.

    Nothing in the bytes is trusted before its check: safetensors itself accepts repeated names, any
    names, and numbers that are not finite.

    Raises:
        NotAnAdapter: if the bytes are anything else.
    """
    header = _header(content)
    _check_names(header, wanted)
    for name, shape in wanted.items():
        _check(name, header[name], list(shape))
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, OverflowError) as error:
        raise NotAnAdapter(
            f"The file is damaged: its list of tensors does not fit its bytes. {SAVE}."
        ) from error
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise NotAnAdapter(
                f"{name} contains numbers that are not finite (NaN or infinity): the training"
                " diverged. Train again with a lower learning rate."
            )
    return tensors


def put_in(model: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Add the adapter of `read_adapter` to the model's layers; the model is changed, not copied."""
    rank = len(next(tensor for name, tensor in tensors.items() if name.endswith(".a")))
    with torch.no_grad():
        for name, layer in inject(model, rank, alpha=rank).items():
            layer.a.copy_(tensors[f"{name}.a"])
            layer.b.copy_(tensors[f"{name}.b"])
    return model.eval()


def _once(pairs: list[tuple[str, Any]]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotAnAdapter(f"The file names a tensor twice. {SAVE}.")
    return found


def _header(content: bytes) -> dict[str, Any]:
    """Read the file's list of tensors, by name; free notes (`__metadata__`) are left out."""
    size = int.from_bytes(content[:8], "little")
    begins = content[8:9] == b"{"  # a header's length may begin as a pickle does
    if content.startswith(PICKLES) and not begins:
        raise NotAnAdapter(
            "The file is a pickle, as written by torch.save. Opening it would run code, so"
            f" it is not opened. {SAVE}."
        )
    if not begins:
        raise NotAnAdapter(f"The file is empty, cut off, or no safetensors file. {SAVE}.")
    if size > MAX_HEADER or size > len(content) - 8:
        raise NotAnAdapter(
            f"The file states {size} bytes for its list of tensors, so it is cut off or"
            f" damaged. {SAVE}."
        )
    try:
        header = json.loads(content[8 : 8 + size].decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError
        raise NotAnAdapter(f"The file's list of tensors cannot be read. {SAVE}.") from error
    return {name: one for name, one in header.items() if name != "__metadata__"}


def _check_names(header: Mapping[str, Any], wanted: Mapping[str, tuple[int, int]]) -> None:
    missing = [name for name in wanted if name not in header]
    more = [name for name in header if name not in wanted]
    if missing:
        instead = f" and has {more[0][:80]!r}, which does not belong to it" if more else ""
        raise NotAnAdapter(
            f"The adapter lacks {missing[0]}{instead}. {SAVE}, which writes the names."
        )
    if more:
        raise NotAnAdapter(
            f"The file contains {more[0][:80]!r}, which does not belong to the adapter. {SAVE}."
        )


def _check(name: str, one: Any, shape: list[int]) -> None:
    dtype, found = (one.get("dtype"), one.get("shape")) if isinstance(one, dict) else (None, None)
    if dtype != "F32":
        raise NotAnAdapter(
            f"{name} is {str(dtype)[:20]!r} and should be 'F32' (single precision). {SAVE}."
        )
    if found == shape:
        return
    says = f"{name} has the shape {str(found)[:60]} and should have {shape}"
    if found == shape[::-1]:
        raise NotAnAdapter(f"{says}: it is transposed. A is (r, d_in) and B is (d_out, r).")
    rank_at = int(name.endswith(".b"))
    if isinstance(found, list) and len(found) == 2 and found[1 - rank_at] == shape[1 - rank_at]:
        raise NotAnAdapter(
            f"{says}: its rank is {str(found[rank_at])[:20]}. Train with rank={shape[rank_at]}."
        )
    raise NotAnAdapter(f"{says}. A is (r, d_in) and B is (d_out, r) for the layer in its name.")
