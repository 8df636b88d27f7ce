"""An adapter as a file of safetensors: A and B of each layer in float32 under the layer's name,
with its scale in B, and nothing else.

What is added to a weight is then B @ A, by whatever library the adapter was trained. Whoever reads
a stranger's file says what must be in it.
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

MAX_HEADER = 2**16  # bytes; that of a small model has a tenth
SAVE = "save the tuned model again by save_adapter"
PICKLES = (b"\x80", b"PK")  # how a pickle begins, and the archive that torch.save puts it into


class NotAnAdapter(AdaptLabError):
    """A file that is not the adapter that is asked for; the message says why."""


def form(model: nn.Module, rank: int) -> dict[str, tuple[int, int]]:
    """The names and shapes of the tensors of an adapter beside every target of a model: `layer.a`,
    (r, d_in), and `layer.b`, (d_out, r).
    """
    sizes = {name: dimensions(layer) for name, layer in targets(model).items()}
    return {
        f"{name}.{part}": shape
        for name, (d_in, d_out) in sizes.items()
        for part, shape in (("a", (rank, d_in)), ("b", (d_out, rank)))
    }


def save_adapter(model: nn.Module, path: Path | str) -> None:
    """Write the adapter of a model, PEFT's or the course's own, into a file; an AdaptLabError if it
    has none that is a plain B @ A.
    """
    tensors = dict(_peft(model) if hasattr(model, "peft_config") else _own(model))
    if not tensors:
        raise AdaptLabError(
            'The model has no adapter to save; give the model that was tuned with method="lora".'
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
                "The model has several adapters, or one with magnitudes (DoRA); saved is a single"
                " one that adds B @ A."
            )
        ((key, a),) = layer.lora_A.items()
        yield from (
            (f"{name}.a", a.weight),
            (f"{name}.b", layer.scaling[key] * layer.lora_B[key].weight),
        )


def read_adapter(content: bytes, wanted: Mapping[str, tuple[int, int]]) -> dict[str, Tensor]:
    """The tensors of a file's bytes: those `wanted`, finite and in float32, and no others;
    NotAnAdapter with a sentence for anything else.

    What is in the bytes is believed only after it was seen: safetensors itself takes names twice,
    any names, and numbers that are none.
    """
    said = _header(content)
    _check_names(said, wanted)
    for name, shape in wanted.items():
        _check(name, said[name], list(shape))
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, OverflowError) as error:
        raise NotAnAdapter(
            f"The file is damaged: its list of tensors does not fit its bytes; {SAVE}."
        ) from error
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise NotAnAdapter(
                f"{name} holds numbers that are not finite (NaN or infinity): the training"
                " diverged; train again with a lower learning rate."
            )
    return tensors


def put_in(model: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The model with the adapter of `read_adapter` beside its layers; it is changed, not copied."""
    rank = len(next(tensor for name, tensor in tensors.items() if name.endswith(".a")))
    with torch.no_grad():
        for name, layer in inject(model, rank, alpha=rank).items():
            layer.a.copy_(tensors[f"{name}.a"])
            layer.b.copy_(tensors[f"{name}.b"])
    return model.eval()


def _once(pairs: list[tuple[str, Any]]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotAnAdapter(
            "The file names a tensor twice, so that two programs may read two adapters in it;"
            f" {SAVE}."
        )
    return found


def _header(content: bytes) -> dict[str, Any]:
    """What the file says of its tensors, by their names; free notes (`__metadata__`)
    are left out.
    """
    size = int.from_bytes(content[:8], "little")
    begins = content[8:9] == b"{"  # a header's length may begin as a pickle does
    if content.startswith(PICKLES) and not begins:
        raise NotAnAdapter(
            "The file is a pickle, as torch.save makes it, which runs code when it is opened, so"
            f" nobody opens it; {SAVE}."
        )
    if not begins:
        raise NotAnAdapter(f"The file is empty, cut off, or no safetensors; {SAVE}.")
    if size > MAX_HEADER or size > len(content) - 8:
        raise NotAnAdapter(
            f"The file says that its list of tensors has {size} bytes, and it is cut off or"
            f" damaged; {SAVE}."
        )
    try:
        said = json.loads(content[8 : 8 + size].decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError
        raise NotAnAdapter(f"The file's list of tensors cannot be read; {SAVE}.") from error
    return {name: one for name, one in said.items() if name != "__metadata__"}


def _check_names(said: Mapping[str, Any], wanted: Mapping[str, tuple[int, int]]) -> None:
    missing = [name for name in wanted if name not in said]
    more = [name for name in said if name not in wanted]
    if missing:
        instead = f" and has {more[0][:80]!r}, which does not belong to it" if more else ""
        raise NotAnAdapter(
            f"The adapter lacks {missing[0]}{instead}; {SAVE}, which gives the names."
        )
    if more:
        raise NotAnAdapter(
            f"The file holds {more[0][:80]!r}, which does not belong to the adapter; {SAVE}."
        )


def _check(name: str, one: Any, shape: list[int]) -> None:
    dtype, found = (one.get("dtype"), one.get("shape")) if isinstance(one, dict) else (None, None)
    if dtype != "F32":
        raise NotAnAdapter(
            f"{name} is {str(dtype)[:20]!r} and should be 'F32', numbers of single precision;"
            f" {SAVE}."
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
    raise NotAnAdapter(
        f"{says}; A is (r, d_in) and B is (d_out, r), beside the layer that the name says."
    )
