"""Add a PEFT adapter to its base model after checking that they fit: PEFT silently skips tensors
that do not fit.
"""

import warnings
from pathlib import Path, PureWindowsPath
from pickle import UnpicklingError

import torch
from peft import PeftModel, get_peft_model_state_dict, load_peft_weights
from peft.utils import SAFETENSORS_WEIGHTS_NAME, WEIGHTS_NAME
from safetensors import SafetensorError
from transformers import PreTrainedModel

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json
from adaptlab.models.load_model import EMBEDDED, WEIGHTS

NAMED = 3  # tensors that a message names
NUMBERS = ("r", "lora_alpha", "lora_dropout")  # of an adapter's configuration


def with_adapter(
    model: PreTrainedModel | PeftModel, folder: Path | str, base: str, name: str = "default"
) -> PeftModel:
    """Return the model with the adapter of a folder in its layers, under `name`; `base` is the
    model's id.

    A PeftModel gets one more adapter.

    Raises:
        AdaptLabError: if the adapter was trained on another base, or a tensor fits no layer of the
            model.
    """
    folder = Path(folder)
    _check_base(folder, base, _config(folder))
    found = _weights(folder)
    try:
        with warnings.catch_warnings():
            # PEFT asks the model by a name that transformers has changed, and warns of missing
            # tensors, which are looked at below.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("ignore", message="Found missing adapter keys")
            if isinstance(model, PeftModel):
                model.load_adapter(str(folder), adapter_name=name)
            else:
                model = PeftModel.from_pretrained(model, str(folder), adapter_name=name)
    except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        says = f"The adapter in {folder} does not fit {base} ({_reason(error)})"
        raise AdaptLabError(f"{says}. Name the base model that it was trained on.") from error
    if model.peft_config[name].is_prompt_learning:
        says = f"The adapter in {folder} adds tokens to the prompt, which is not supported"
        raise AdaptLabError(f"{says}. Use one that changes layers, as LoRA does.")
    # PEFT would guess from the base model's configuration whether embeddings were saved.
    places = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False)
    if found - places.keys():
        places = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=True)
    _check_tensors(folder, base, found, set(places))
    return model.eval()


def _reason(error: Exception) -> str:
    """Return an error's message in one line: torch puts a heading before it."""
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    return lines[1] if lines[0].endswith(":") and len(lines) > 1 else lines[0]


def _config(folder: Path) -> dict:
    """Read adapter_config.json.

    Raises:
        AdaptLabError: if it does not describe an adapter.
    """
    path = folder / "adapter_config.json"
    config = read_json(path)
    if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
        raise AdaptLabError(
            f"{path} does not describe an adapter: it has no peft_type. Save the adapter again."
        )
    for key in NUMBERS:
        if isinstance(config.get(key, 0), bool) or not isinstance(config.get(key, 0), int | float):
            wrong = f"{path} has {key} {config[key]!r}, which is not a number"
            raise AdaptLabError(f"{wrong}. Correct it.")
    return config


def _weights(folder: Path) -> set[str]:
    """Return the names of an adapter's tensors.

    Raises:
        AdaptLabError: if there are no tensors, or they are damaged or not finite.
    """
    if not any((folder / name).exists() for name in (SAFETENSORS_WEIGHTS_NAME, WEIGHTS_NAME)):
        missing = f"{folder} has no {SAFETENSORS_WEIGHTS_NAME}"
        raise AdaptLabError(f"{missing}, the weights of the adapter. Copy the whole folder again.")
    try:
        tensors = load_peft_weights(str(folder), device="cpu")
        wrong = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    except (
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        SafetensorError,
        TypeError,
        UnpicklingError,
        ValueError,
    ) as error:
        says = f"The weights of the adapter in {folder} are damaged ({_reason(error)})"
        raise AdaptLabError(f"{says}. Copy them again, or save the adapter again.") from error
    if wrong:
        raise AdaptLabError(
            f"{len(wrong)} of {len(tensors)} tensors of the adapter in {folder}, for example"
            f" {wrong[0]}, are not finite floating-point numbers. Train it again with a lower"
            " learning rate."
        )
    second = [tensor for name, tensor in tensors.items() if "lora_B" in name]
    if second and not any(tensor.any() for tensor in second):
        as_made = "all of its matrices B are zero, as before training"
        warnings.warn(f"The adapter in {folder} changes nothing: {as_made}.", stacklevel=3)
    return set(tensors)


def _is_finite(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() and bool(tensor.float().isfinite().all())


def _check_tensors(folder: Path | str, base: str, found: set[str], places: set[str]) -> None:
    """Compare an adapter's tensor names with the model's.

    Raises:
        AdaptLabError: if they differ.
    """
    if not found & places:
        raise AdaptLabError(
            f"None of the {len(found)} tensors of the adapter in {folder} fits a layer of"
            f" {base}. Save it with save_pretrained of PEFT."
        )
    for what, names in (
        ("has no layer for", found - places),
        ("does not find", places - found),
    ):
        if names:
            listed = ", ".join(sorted(names)[:NAMED])
            raise AdaptLabError(
                f"{base} {what} {len(names)} of {len(found | places)} tensors of the adapter"
                f" in {folder}, for example {listed}. Save the whole adapter again, or name"
                " the base model that it was trained on."
            )


def _check_base(folder: Path, base: str, config: dict) -> None:
    """Compare the adapter's base model with the model; warn if the two names cannot be compared.

    Raises:
        AdaptLabError: if the adapter was trained on another model.
    """
    named = str(config.get("base_model_name_or_path") or "")
    theirs = _identity(named)
    ours = _identity(base)
    if not named or theirs == ours:
        return
    if _is_path(theirs) or _is_path(ours):
        warnings.warn(
            f"The adapter in {folder} says that it was trained on {named}. Check that {base} is the"
            " same model.",
            stacklevel=3,
        )
        return
    raise AdaptLabError(
        f"The adapter in {folder} was trained on {named}, not on {base}. Name the base model that"
        " it was trained on."
    )


def _identity(model: str) -> str:
    """Return an identity of a model: the name of an embedded model, a name on the hub, or an
    absolute path.
    """
    kind, _, rest = model.partition(":")
    if kind == "embedded":
        return f"embedded:{EMBEDDED.get(rest, rest)}"
    if kind == "hub":
        return rest
    path = Path(model)
    if path.parent.name == WEIGHTS.name and path.name in EMBEDDED.values():
        return f"embedded:{path.name}"
    return (
        str(path.resolve())
        if path.is_dir() or path.is_absolute() or model.startswith(".")
        else model
    )


def _is_path(identity: str) -> bool:
    return Path(identity).is_absolute() or PureWindowsPath(identity).is_absolute()
