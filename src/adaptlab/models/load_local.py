"""Load a model on this machine from any id: also from the folder of an adapter, or of a run of
`adaptlab tune`.
"""

from pathlib import Path, PureWindowsPath

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json
from adaptlab.models.load_adapter import with_adapter
from adaptlab.models.load_model import FOUR_BIT, load_model
from adaptlab.models.merge import whole_model

ADAPTER = "adapter_config.json"
RESULTS = ("adapter", "model")  # what a finished run contains


def load_local(model_id: str, dtype: str = ""):
    """Load (model, tokenizer); an adapter is in the layers of its base model.

    Raises:
        AdaptLabError: if there is no such model, the run is not finished, or the adapter's base is
            not on this machine.
    """
    name = model_id.removesuffix(FOUR_BIT)
    folder = result_of(Path(name)) if name and Path(name).is_dir() else None
    if folder is None or not (folder / ADAPTER).exists():
        found = model_id if folder is None else str(folder) + model_id[len(name) :]
        return load_model(found, dtype)
    base = base_of(folder)
    model, tokenizer = load_local(base + model_id[len(name) :], dtype)
    # The base may have an adapter itself: it was in the weights when this one was trained.
    kind = model.dtype
    return with_adapter(whole_model(model).to(kind), folder, base), tokenizer


def result_of(folder: Path) -> Path:
    """Return the result of a run, or the folder itself if it is not that of a run."""
    for name in RESULTS:
        if any((folder / name / file).exists() for file in (ADAPTER, "config.json")):
            return folder / name
    if (folder / "checkpoints").is_dir():
        raise AdaptLabError(
            f"The run in {folder} is not finished. Start it again with the same options: it"
            " continues where it stopped."
        )
    return folder


def base_of(adapter: Path) -> str:
    """Return the id of an adapter's base model, from its configuration.

    Raises:
        AdaptLabError: if the configuration names none, or a folder that does not exist here.
    """
    config = read_json(adapter / ADAPTER)
    named = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    fix = f"Set base_model_name_or_path in {adapter / ADAPTER} to the id of its base model"
    if not isinstance(named, str) or not named:
        raise AdaptLabError(f"The adapter in {adapter} does not name its base model. {fix}.")
    if named.partition(":")[0] in ("embedded", "gguf", "hub") or Path(named).is_dir():
        return named
    if Path(named).is_absolute() or PureWindowsPath(named).is_absolute():
        says = f"The adapter in {adapter} was trained on {named}, which is not on this machine"
        raise AdaptLabError(f"{says}. {fix}.")
    return f"hub:{named}"
