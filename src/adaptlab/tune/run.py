"""A training run in its own folder: it resumes after a kill, and describes itself at the end.

The folder has config.json (options, base model, data, and what `tune.recorded` adds), checkpoints/,
and tracking/ if requested. At the end it also has metrics.jsonl, adapter/ or model/ (safetensors)
and README.md. A run that diverged leaves only failed.json, its description with its log.
"""

import copy
import hashlib
import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForCausalLM, PreTrainedModel, Trainer

from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder, write_whole
from adaptlab.markdown import table
from adaptlab.messages import Messages
from adaptlab.models.load_adapter import with_adapter
from adaptlab.models.load_model import name_base
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import number_format
from adaptlab.tune.checked_reward import RewardRow
from adaptlab.tune.data_hash import data_hash
from adaptlab.tune.described import FAILED, RESULTS, read_described
from adaptlab.tune.options import DEFAULTS, Options
from adaptlab.tune.pairs import Pair
from adaptlab.tune.recorded import recorded
from adaptlab.tune.sft import trainer
from adaptlab.tune.trainer import Diverged, merged, trained_chat

CHECKPOINT_STEPS = 50  # steps between checkpoints by default


def fingerprint(model: PreTrainedModel) -> str:
    """Return a hash of the sums of a base model's weights, in float32, by name.

    It distinguishes base models of the same shape.
    """
    sums = {
        name: f"{parameter.detach().float().sum().item():.4e}"
        for name, parameter in model.named_parameters()
    }
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()[:16]


def _description(
    chat: LocalChat,
    conversations: Sequence[Messages] | Sequence[Pair] | Sequence[RewardRow],
    validation: Sequence[Messages],
    documents: Sequence[str],
    options: Options,
) -> dict:
    return {
        "options": asdict(options),
        "base": {"name": chat.name, "fingerprint": fingerprint(chat.model)},
        "data": {
            "n": len(conversations),
            "n_validation": len(validation),
            "hash": data_hash(conversations, validation, documents),
        },
        "versions": {name: version(name) for name in ("torch", "transformers", "trl", "peft")},
    }


def _last_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint; remove damaged ones.

    A warning names a removed checkpoint if it had content to lose.
    """
    found = sorted(
        folder.glob("checkpoint-*"),
        key=lambda path: int(path.name.rpartition("-")[2]),
        reverse=True,
    )
    for checkpoint in found:
        # It is written last: without it, a kill interrupted the checkpoint.
        if not (checkpoint / "trainer_state.json").exists():
            shutil.rmtree(checkpoint)
        elif damaged := _damaged_file(checkpoint):
            warnings.warn(
                f"The checkpoint {checkpoint} is damaged ({damaged.name}). The run continues"
                " from an older checkpoint, or from the start.",
                stacklevel=3,
            )
            shutil.rmtree(checkpoint)
    return next((str(checkpoint) for checkpoint in found if checkpoint.exists()), None)


def _damaged_file(checkpoint: Path) -> Path | None:
    """Return the first file of a checkpoint that cannot be read to its end."""
    for path in sorted(checkpoint.iterdir()):
        try:
            if path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
            elif path.suffix == ".safetensors":
                with safe_open(path, "pt") as tensors:
                    tensors.keys()
            elif path.suffix in (".pt", ".pth", ".bin"):  # archives of torch.save
                with zipfile.ZipFile(path) as archive:
                    if archive.testzip():
                        return path
        except (ValueError, OSError, SafetensorError, zipfile.BadZipFile):
            return path
    return None


def _finished(folder: Path) -> bool:
    return any((folder / name).exists() for name in RESULTS.values())


def _refuse_others(folder: Path, described: dict) -> None:
    """Check the folder of a run.

    Raises:
        AdaptLabError: if it contains anything but an unfinished run of this description.
    """
    config = folder / "config.json"
    if not config.exists():
        if any(path.is_file() and path.name != FAILED for path in folder.rglob("*")):
            raise AdaptLabError(
                f"{folder} contains something else. Choose a new folder for the run."
            )
        return
    found = read_described(folder)
    # A folder of an older version lacks the options that came later: it ran with their defaults.
    later = asdict(DEFAULTS).keys() & described["options"].keys() - found["options"].keys()
    found["options"] |= {name: getattr(DEFAULTS, name) for name in later}
    if differing := [key for key in described if found.get(key) != described[key]]:
        raise AdaptLabError(
            f"{folder} contains a run with other {' and '.join(differing)}. Choose a new"
            " folder, or use the options in config.json."
        )
    if _finished(folder):
        raise AdaptLabError(f"The run in {folder} is finished. Choose a new folder, or load it.")


def _with_format(chat: LocalChat, folder: Path | None, options: Options) -> tuple[Options, str]:
    """Return the options with their number format, and the reason for it.

    A resumed run keeps its own format, unless another is given.
    """
    chosen = number_format(chat.model.device.type, options.dtype)
    if folder and (folder / "config.json").exists() and not chosen.asked:
        described = read_described(folder)
        if name := described["options"].get("dtype"):
            return replace(options, dtype=name), described.get("dtype_reason", "")
    return replace(options, dtype=chosen.name), chosen.reason


def _card(described: dict, history: list[dict]) -> str:
    """Return the README.md of the run."""
    options = described["options"]
    data = described["data"]
    end = history[-1]
    losses = {
        name: [(f"{row['epoch']:.2f}", f"{row[key]:.4f}") for row in history if key in row]
        for name, key in (
            ("loss", "loss"),
            ("validation loss", "eval_loss"),
            ("mean reward", "reward"),
        )
    }
    parts = [
        f"# {described['base']['name']}, tuned",
        (
            f"Method {options['method']}, {data['n']} conversations, {end['epoch']:g} epochs,"
            f" {end['step']} steps."
        ),
        table(("option", "value"), options.items()),
        *(table(("epoch", name), rows) for name, rows in losses.items() if rows),
        "Made with "
        + ", ".join(f"{name} {number}" for name, number in described["versions"].items())
        + ".\n",
    ]
    return "\n\n".join(parts)


def run(
    chat: LocalChat,
    conversations: Sequence[Messages] | Sequence[Pair] | Sequence[RewardRow],
    folder: Path,
    options: Options = DEFAULTS,
    validation: Sequence[Messages] = (),
    documents: Sequence[str] = (),
    make_trainer: Callable[..., Trainer] = trainer,
) -> LocalChat:
    """Train into `folder`, or resume the run in it that has the same options, base and data.

    The result is the same as without the interruption: bit by bit on one machine, as far as
    checkpoints were kept (`checkpoint_steps`).

    `make_trainer(chat, data, options, folder)` makes the trainer: `dpo_trainer` for DPO, whose data
    are pairs, or `checked_trainer` for rows with a reward. It gets `validation` and `documents`
    only if there are any.
    """
    more = {"validation": validation, "documents": documents}
    given = {name: values for name, values in more.items() if values}
    folder = Path(folder)
    options, reason = _with_format(chat, folder, options)
    described = _description(chat, conversations, validation, documents, options)
    _refuse_others(folder, described)
    checkpoints = folder / "checkpoints"
    make_folder(checkpoints)
    try:
        with _tracked_in(folder / "tracking"):
            made = make_trainer(chat, conversations, options, str(checkpoints), **given)
            described |= {"dtype_reason": reason, "recorded": recorded(made, chat, conversations)}
            # Not earlier: after an error the folder stays free.
            write_whole(folder / "config.json", json.dumps(described, indent=1) + "\n")
            (folder / FAILED).unlink(missing_ok=True)
            made.train(resume_from_checkpoint=_last_checkpoint(checkpoints))
        tuned = trained_chat(made, f"{chat.name} + {folder.name}", chat)
        if made.is_world_process_zero():
            _finish(folder, made, described, chat.tokenizer)
    except Diverged as error:  # nothing to resume from
        shutil.rmtree(checkpoints, ignore_errors=True)
        (folder / "config.json").unlink(missing_ok=True)
        if made.is_world_process_zero():
            failed = described | {"error": str(error), "log": made.state.log_history}
            write_whole(folder / FAILED, json.dumps(failed, indent=1) + "\n")
        raise
    except (OSError, SafetensorError) as error:
        raise AdaptLabError(
            f"{folder} could not be written ({error}). Free some disk space and start the run"
            " again: it continues where it stopped."
        ) from error
    return tuned


@contextmanager
def _tracked_in(folder: Path) -> Iterator[None]:
    """Set the trackers' folder: TensorBoard and Weights & Biases write into the run's folder.

    The user's environment takes precedence; trackio keeps a place of its own.
    """
    given = {
        name: str(folder)
        for name in ("TENSORBOARD_LOGGING_DIR", "WANDB_DIR")
        if name not in os.environ
    }
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            os.environ.pop(name, None)


def _finish(folder: Path, made, described: dict, tokenizer) -> None:
    """Write the results last and rename them into place: a folder with results is a finished
    run.

    An adapter names its base by its id, not by a path on this machine. A whole model has its
    tokenizer with it.
    """
    # Killed after the step, before its loss was checked.
    if not all(
        weight.isfinite().all() for weight in made.model.parameters() if weight.requires_grad
    ):
        raise Diverged(
            f"The weights in {folder} are not finite (NaN or infinity). Train again with a lower"
            " learning rate."
        )
    history = made.state.log_history
    write_whole(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in history))
    write_whole(folder / "README.md", _card(described, history))
    half = folder / ".result"
    shutil.rmtree(half, ignore_errors=True)
    made.model.save_pretrained(half)
    method = described["options"]["method"]
    if method == "lora":
        base = described["base"]["name"].removeprefix("hub:")
        name_base(half, str(Path(base).resolve()) if Path(base).is_dir() else base)
    else:
        tokenizer.save_pretrained(half)
    half.rename(folder / RESULTS[method])
    shutil.rmtree(folder / "checkpoints")


def load_run(folder: Path, chat: LocalChat) -> LocalChat:
    """Load the model of a finished run on the base model `chat`.

    Raises:
        AdaptLabError: if the run is not finished or has another base.
    """
    folder = Path(folder)
    described = read_described(folder)
    result = folder / RESULTS[described["options"]["method"]]
    if not result.exists():
        raise AdaptLabError(
            f"The run in {folder} is not finished. Start it again with the same options: it"
            " continues where it stopped."
        )
    if described["base"]["fingerprint"] != fingerprint(chat.model):
        raise AdaptLabError(
            f"The run in {folder} was trained on {described['base']['name']}, whose weights"
            f" differ from those of {chat.name}. Load its own base model first."
        )
    if described["options"]["method"] == "lora":
        model = with_adapter(copy.deepcopy(merged(chat).model), result, described["base"]["name"])
    else:
        # The format of its training.
        model = AutoModelForCausalLM.from_pretrained(result, dtype=torch.float32).to(
            chat.model.device
        )
    return LocalChat(f"{chat.name} + {folder.name}", model.eval(), chat.tokenizer)


def run_or_load(
    chat: LocalChat,
    conversations: Sequence[Messages],
    place: Path,
    options: Options = DEFAULTS,
    validation: Sequence[Messages] = (),
    documents: Sequence[str] = (),
) -> LocalChat:
    """Run in a folder of `place` that is named by the hash of all inputs.

    The first call starts the run, a call after an interruption resumes it, and later calls load it.
    """
    options, _ = _with_format(
        chat, None, replace(options, checkpoint_steps=options.checkpoint_steps or CHECKPOINT_STEPS)
    )
    described = _description(chat, conversations, validation, documents, options)
    folder = (
        Path(place)
        / hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
    )
    return (
        load_run(folder, chat)
        if _finished(folder)
        else run(chat, conversations, folder, options, validation, documents)
    )
