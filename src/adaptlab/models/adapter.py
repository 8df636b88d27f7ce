"""A PEFT adapter put onto its base model, after it is checked that it belongs there: PEFT itself leaves out in silence what does not fit."""

import warnings
from pathlib import Path

from peft import PeftModel, get_peft_model_state_dict, load_peft_weights
from safetensors import SafetensorError
from transformers import PreTrainedModel

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json
from adaptlab.models.load import EMBEDDED, WEIGHTS

NAMED = 3  # tensors that a message names


def with_adapter(model: PreTrainedModel | PeftModel, folder: Path | str, base: str, name: str = "default") -> PeftModel:
    """The model with the adapter of a folder in its layers, under `name`; `base` is the model's id. A PeftModel gets one more adapter.

    Raises AdaptLabError if the adapter was trained on another base, or if a tensor of it has no place in the model.
    """
    _check_base(Path(folder), base)
    try:
        with warnings.catch_warnings():
            # PEFT asks the model by a name that transformers has changed, and warns of missing tensors, which are looked at below.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("ignore", message="Found missing adapter keys")
            if isinstance(model, PeftModel):
                model.load_adapter(str(folder), adapter_name=name)
            else:
                model = PeftModel.from_pretrained(model, str(folder), adapter_name=name)
        found = set(load_peft_weights(str(folder), device="cpu"))
    except (RuntimeError, ValueError, KeyError, OSError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise AdaptLabError(f"The adapter in {folder} does not fit {base} ({reason}). Name the base model that it was trained on.") from error
    _check_tensors(folder, base, found, set(get_peft_model_state_dict(model, adapter_name=name)))
    return model.eval()


def _check_tensors(folder: Path | str, base: str, found: set[str], places: set[str]) -> None:
    """Raises AdaptLabError unless the names of an adapter's tensors are those of the model's places for it."""
    if not found & places:
        raise AdaptLabError(f"None of the {len(found)} tensors of the adapter in {folder} has a place in {base}. Save it with save_pretrained of PEFT.")
    for what, names in (("has no place for", found - places), ("lacks in the file", places - found)):
        if names:
            listed = ", ".join(sorted(names)[:NAMED])
            raise AdaptLabError(
                f"{base} {what} {len(names)} of {len(found | places)} tensors of the adapter in {folder}, as {listed}. Save the whole adapter again, "
                "or name the base model that it was trained on."
            )


def _check_base(folder: Path, base: str) -> None:
    """Raises AdaptLabError if the adapter says that it was trained on another model; warns where the two names cannot be compared."""
    said = (read_json(folder / "adapter_config.json") or {}).get("base_model_name_or_path") or ""
    theirs, ours = _identity(said), _identity(base)
    if not said or theirs == ours:
        return
    if _is_path(theirs) or _is_path(ours):
        warnings.warn(f"The adapter in {folder} says that it was trained on {said}. Check that {base} is the same model.", stacklevel=3)
        return
    raise AdaptLabError(f"The adapter in {folder} was trained on {said}, not on {base}. Name the base model that it was trained on.")


def _identity(model: str) -> str:
    """What tells a model from others: the name of an embedded one, wherever the package lies; a name on the hub; or an absolute path."""
    kind, _, rest = model.partition(":")
    if kind == "embedded":
        return f"embedded:{EMBEDDED.get(rest, rest)}"
    if kind == "hub":
        return rest
    path = Path(model)
    if path.parent.name == WEIGHTS.name and path.name in EMBEDDED.values():
        return f"embedded:{path.name}"
    return str(path.resolve()) if path.is_dir() or path.is_absolute() or model.startswith(".") else model


def _is_path(identity: str) -> bool:
    return Path(identity).is_absolute()
