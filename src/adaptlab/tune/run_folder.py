"""Read what a training run left in its folder: a run of this course, or one of another trainer that
is built on transformers.

Nothing is executed: of training_args.bin, a pickle, only plain values are read.
"""

import json
import pickletools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json, read_text, reading
from adaptlab.tune.described import FAILED, RESULTS, read_described

STATE = "trainer_state.json"
ARGUMENTS = "training_args.bin"
ADAPTER = "adapter_config.json"
TOKENIZER = "tokenizer_config.json"
# Of a trainer's arguments, those that a finding needs.
READ = (
    "learning_rate",
    "bf16",
    "fp16",
    "use_cpu",
    "beta",
    "num_generations",
    "max_completion_length",
)
_LITERALS = {"NEWTRUE": True, "NEWFALSE": False, "NONE": None}
_MEMOS = ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT")
_TRL = re.compile(r"^- TRL: (\d+)\.(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class RunFolder:
    """A run as its folder shows it; what a folder does not record is None or empty.

    `log`: rows of the trainer's log, or None. `options`: hyperparameters by the names
    of this course. `recorded`: what `tune.recorded` added. `model`: the folder of the adapter or of
    the whole model. `tokenizer`: a folder with tokenizer files. `base`: id of the base model.
    `own`: a run of this course. `error`: the sentence with which it ended. `trl`: the version of
    TRL that the model card names.
    """

    path: Path
    log: list[dict] | None = None
    options: dict = field(default_factory=dict)
    recorded: dict = field(default_factory=dict)
    model: Path | None = None
    tokenizer: Path | None = None
    base: str = ""
    own: bool = False
    error: str = ""
    trl: tuple[int, int] | None = None

    @property
    def is_adapter(self) -> bool:
        return self.model is not None and (self.model / ADAPTER).exists()

    @property
    def on_rewards(self) -> bool:
        """Whether the run learned from rewards of sampled replies."""
        return any("reward" in row for row in self.log or ())


def read_run(folder: Path) -> RunFolder:
    """Read the folder of a run.

    Raises:
        AdaptLabError: if there is no such folder, it does not contain a run, or a file in it is
            damaged.
    """
    if not folder.is_dir():
        raise AdaptLabError(f"{folder} is not a folder. Give the folder of a training run.")
    if (folder / FAILED).exists() and not (folder / "config.json").exists():
        return _failed(folder)
    config = folder / "config.json"
    described = read_json(config) if config.exists() else {}
    if isinstance(described, dict) and "options" in described:
        return _own(folder)
    return _of_others(folder)


def _failed(folder: Path) -> RunFolder:
    path = folder / FAILED
    found = read_json(path)
    with reading(path, "Remove it, and start the run again."):
        return RunFolder(
            folder,
            _checked_log(found["log"], path),
            found["options"],
            found.get("recorded") or {},
            base=str(found["base"]["name"]),
            own=True,
            error=str(found["error"]),
        )


def _own(folder: Path) -> RunFolder:
    described = read_described(folder)
    metrics = folder / "metrics.jsonl"
    log = _lines(metrics) if metrics.exists() else _state(folder / "checkpoints")
    model = folder / RESULTS[described["options"]["method"]]
    recorded = described.get("recorded") or {}
    if not isinstance(recorded, dict):
        raise AdaptLabError(
            f"{folder / 'config.json'} is damaged: what the run recorded is not an object. Start"
            " the run again in a new folder."
        )
    return RunFolder(
        folder,
        log,
        described["options"],
        recorded,
        model if model.exists() else None,
        model if (model / TOKENIZER).exists() else None,
        described["base"]["name"],
        own=True,
    )


def _lines(path: Path) -> list[dict]:
    rows = []
    for line in read_text(path).splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise AdaptLabError(
                f"{path} is damaged ({error}). Restore the file, or start the run again."
            ) from error
    return _checked_log(rows, path)


def _checked_log(rows: Any, path: Path) -> list[dict]:
    """Check the rows of a log.

    Raises:
        AdaptLabError: if they are not objects.
    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AdaptLabError(
            f"{path} is damaged: its log is not a list of objects. Restore the file, or start the"
            " run again."
        )
    return rows


def _checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, the newest first."""
    found = [path for path in folder.glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)


def _state(folder: Path) -> list[dict] | None:
    """Return the log of a trainer: of the folder itself, or of its newest checkpoint."""
    for place in (folder, *_checkpoints(folder)):
        path = place / STATE
        if path.exists():
            state = read_json(path)
            with reading(path, "Restore the file, or start the run again."):
                return _checked_log(state["log_history"], path)
    return None


def _of_others(folder: Path) -> RunFolder:
    log = _state(folder)
    places = (folder, *_checkpoints(folder))
    model = next((place for place in places if _has_model(place)), None)
    if log is None and model is None:
        raise AdaptLabError(
            f"{folder} does not contain a run: it has neither config.json of `adaptlab tune` nor"
            f" {STATE} nor {ADAPTER}. Give the folder that a trainer wrote."
        )
    arguments = next((place / ARGUMENTS for place in places if (place / ARGUMENTS).exists()), None)
    given = plain_arguments(arguments) if arguments else {}
    card = folder / "README.md"
    trl = _TRL.search(read_text(card)) if card.exists() else None
    return RunFolder(
        folder,
        log,
        _named_as_here(given),
        model=model,
        tokenizer=next((place for place in places if (place / TOKENIZER).exists()), None),
        base=_base(model),
        trl=(int(trl[1]), int(trl[2])) if trl else None,
    )


def _has_model(folder: Path) -> bool:
    return (folder / ADAPTER).exists() or (
        (folder / "config.json").exists() and any(folder.glob("*.safetensors"))
    )


def _base(model: Path | None) -> str:
    """Return the base that an adapter or a whole model names; empty if it names none."""
    if model is None:
        return ""
    path = model / ADAPTER
    if not path.exists():
        return ""
    config = read_json(path)
    named = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
        raise AdaptLabError(
            f"{path} does not describe an adapter: it has no peft_type. Save the adapter again."
        )
    return named if isinstance(named, str) else ""


def _named_as_here(given: dict) -> dict:
    """Return a trainer's arguments by the names of this course's options."""
    options: dict = {}
    if "learning_rate" in given:
        options["learning_rate"] = given["learning_rate"]
    if "max_completion_length" in given:
        options["n_new_tokens"] = given["max_completion_length"]
    for flag, name in (("bf16", "bfloat16"), ("fp16", "float16")):
        if given.get(flag):
            options["dtype"] = name
    if "bf16" in given:
        options.setdefault("dtype", "float32")
    if "use_cpu" in given:
        options["use_cpu"] = given["use_cpu"]
    return options


def plain_arguments(path: Path) -> dict[str, Any]:
    """Return the numbers and flags of READ in a trainer's training_args.bin.

    The pickle inside the archive is only listed, never executed.

    Raises:
        AdaptLabError: if the file is not such an archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(each for each in archive.namelist() if each.endswith("data.pkl"))
            listed = list(_values(archive.read(name)))
    except (OSError, StopIteration, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise AdaptLabError(
            f"{path} could not be read ({type(error).__name__}). Copy the folder again, or remove"
            " this file."
        ) from error
    found: dict[str, Any] = {}
    for key, value in zip(listed, listed[1:]):
        if isinstance(key, str) and key in READ and isinstance(value, bool | int | float):
            found.setdefault(key, value)
    return found


def _values(pickled: bytes) -> Iterator[object]:
    """Yield texts and plain values of a pickle in order; another object is None."""
    for operation, argument, _ in pickletools.genops(pickled):
        if operation.name in _MEMOS:
            continue
        known = isinstance(argument, str | int | float) and "GET" not in operation.name
        yield _LITERALS.get(operation.name, argument if known else None)
