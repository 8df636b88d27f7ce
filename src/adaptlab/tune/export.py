"""Exports of a run: an Axolotl configuration, or a function for Modal, that repeats the run
elsewhere.

An export has the same base, data, validation, method, schedule, number format and seed. If that is
not possible, the export is an error.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import yaml
from jinja2 import Template

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_text, write_whole
from adaptlab.messages import Messages
from adaptlab.tune.data_hash import data_hash
from adaptlab.tune.described import read_described
from adaptlab.tune.formats import chat_jsonl, read_conversations

_MODAL = Template(
    '''"""Trains {{ name }} on Modal: modal run {{ name }}.py"""

from pathlib import Path

import modal

OPTIONS = {{ options }}
BASE = {{ base }}
{% if validation %}
VALIDATION = {{ validation }}
{% endif %}

app = modal.App("adaptlab-{{ name }}")
image = modal.Image.debian_slim().apt_install("git").pip_install({{ packages }})
image = image.add_local_file({{ data }}, "/train.jsonl")
{% if validation %}
image = image.add_local_file(VALIDATION, "/validation.jsonl")
{% endif %}
{% if is_folder %}
image = image.add_local_dir(BASE, "/base")
{% endif %}
runs = modal.Volume.from_name("adaptlab-runs", create_if_missing=True)
{% if validation or is_folder %}


def place(there: str, here: str) -> str:
    """On Modal a file is in the image; `train.local` finds it where it is on this machine."""
    return there if Path(there).exists() else here
{% endif %}


@app.function(image=image, gpu="L4", timeout=3600, volumes={"/runs": runs})
def train(data: str = "/train.jsonl", to: str = "/runs/{{ name }}") -> None:
    from adaptlab.models.local import LocalChat
    from adaptlab.tune.formats import read_conversations
    from adaptlab.tune.run import run
    from adaptlab.tune.options import Options

    chat = LocalChat({% if is_folder %}place("/base", BASE){% else %}BASE{% endif %})
    conversations = read_conversations(Path(data))
{% if validation %}
    validation = read_conversations(Path(place("/validation.jsonl", VALIDATION)))
    run(chat, conversations, Path(to), Options(**OPTIONS), validation)
{% else %}
    run(chat, conversations, Path(to), Options(**OPTIONS))
{% endif %}


@app.local_entrypoint()
def main() -> None:
    train.remote()
''',
    trim_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class _Run:
    """The exported run."""

    name: str
    options: dict
    base: str
    conversations: list[Messages]
    validation: list[Messages]


def _described(folder: Path) -> dict:
    """Read the config.json of a run on conversations.

    Raises:
        AdaptLabError: if the folder has no such run.
    """
    if not (folder / "config.json").exists():
        raise AdaptLabError(
            f"{folder} does not contain a run. Give the folder of a run that `adaptlab tune` made."
        )
    described = read_described(folder)
    base = described["base"]["name"]
    if "beta" in described["options"]:
        raise AdaptLabError(
            f"The run in {folder} is a run on preferences, which cannot be exported. Export a"
            " run of `adaptlab tune`."
        )
    if " + " in base:
        raise AdaptLabError(
            f"The base {base} of the run is a fine-tuned model in memory. Save it to a folder"
            " and fine-tune that model."
        )
    return described


def _read(folder: Path, described: dict, data: Path, validation: Path | None) -> _Run:
    """Read the run with its data.

    Raises:
        AdaptLabError: if they are not the data of the run.
    """
    known = described["data"]
    if known["n_validation"] and not validation:
        raise AdaptLabError(
            f"The run in {folder} has validation conversations ({known['n_validation']}). Give"
            " their file with --validation."
        )
    if validation and not known["n_validation"]:
        raise AdaptLabError(
            f"The run in {folder} has no validation conversations. Leave --validation out."
        )
    conversations = read_conversations(data)
    validation_rows = read_conversations(validation) if validation else []
    if data_hash(conversations, validation_rows) != known["hash"]:
        files = f"{data} and {validation} are" if validation else f"{data} is"
        raise AdaptLabError(
            f"{files} not the data of the run in {folder}. Give the files that it was trained on."
        )
    return _Run(
        folder.resolve().name,
        described["options"],
        described["base"]["name"],
        conversations,
        validation_rows,
    )


def axolotl(
    folder: Path, data: Path, output: str = "outputs", validation: Path | None = None
) -> str:
    """Return the YAML with which Axolotl repeats the run in `folder`.

    Data in another format than chat JSONL are also written as chat JSONL, next to their file.

    Raises:
        AdaptLabError: if Axolotl cannot repeat the run, or the data are not those of the run.
    """
    described = _described(Path(folder))
    _refuse_for_axolotl(described["options"], described["base"]["name"])
    run = _read(Path(folder), described, Path(data), validation)
    options = run.options
    wanted = {
        "base_model": run.base.removeprefix("hub:"),
        "datasets": [_dataset(Path(data), run.conversations)],
        "chat_template": "tokenizer_default",
        "sequence_len": options["max_length"],
        "excess_length_strategy": "raise",
        "val_set_size": 0.0,
        "micro_batch_size": options["batch_size"],
        "gradient_accumulation_steps": 1,
        "num_epochs": options["epochs"],
        "optimizer": "adamw_torch",
        "learning_rate": options["learning_rate"],
        "lr_scheduler": options["schedule"],
        "warmup_ratio": options["warmup"],
        "weight_decay": 0.0,
        **_number_format(options),
        "seed": options["seed"],
        "output_dir": output,
    }
    if options["method"] == "lora":
        wanted |= {
            "adapter": "lora",
            "lora_r": options["rank"],
            "lora_alpha": int(options["alpha"]),
            "lora_dropout": 0.0,
            "lora_target_linear": True,
        }
    if options["packing"]:
        # Axolotl's default attention does not separate packed conversations.
        wanted |= {"sample_packing": True, "attn_implementation": "flash_attention_2"}
    if validation:
        wanted |= {
            "test_datasets": [_dataset(Path(validation), run.validation) | {"split": "train"}],
            "eval_batch_size": options["batch_size"],
            "eval_sample_packing": False,
            **_evaluations(run),
        }
    return yaml.safe_dump(wanted, sort_keys=False)


def _refuse_for_axolotl(options: dict, base: str) -> None:
    """Check that Axolotl can repeat the run.

    Raises:
        AdaptLabError: if it cannot.
    """
    if base.startswith("embedded:"):
        raise AdaptLabError(
            f"The base {base} is not a model that Axolotl can load. Fine-tune hub:org/name or"
            " the path of a folder."
        )
    is_bfloat16 = options.get("dtype") == "bfloat16"
    refused = {
        "frozen layers": (
            options["n_frozen"],
            "it freezes parameters, not layers; leave n_frozen at 0",
        ),
        "a fractional alpha": (
            options["alpha"] % 1,
            "its alpha is a whole number; choose a whole number",
        ),
        "full fine-tuning in bfloat16": (
            options["method"] == "full" and is_bfloat16,
            (
                "it would round the weights themselves, which are float32 here; train with --dtype"
                " float32, or export to Modal"
            ),
        ),
        "packing in float32": (
            options["packing"] and options.get("dtype") == "float32",
            (
                "its flash attention does not support float32; train with --dtype bfloat16, or"
                " without packing"
            ),
        ),
        "packing and patience": (
            options["packing"] and options["patience"],
            (
                "it packs in its own way, so the number of steps in an epoch is unknown; use only"
                " one of the two"
            ),
        ),
        "patience and a fractional number of epochs": (
            options["patience"] and options["epochs"] % 1,
            "it computes the validation loss after whole epochs; choose a whole number",
        ),
    }
    for what, (is_so, why) in refused.items():
        if is_so:
            raise AdaptLabError(f"A run with {what} cannot be written for Axolotl: {why}.")


def _number_format(options: dict) -> dict:
    """Return the number format of the arithmetic; runs of older versions do not record it."""
    if not options.get("dtype"):
        return {"bf16": "auto"}
    return {"bf16": options["dtype"] == "bfloat16", "fp16": False, "tf32": False}


def _evaluations(run: _Run) -> dict:
    """Return when the validation loss is computed: after each epoch, and with patience as a number
    of steps for Axolotl.
    """
    options = run.options
    if not options["patience"]:
        return {"eval_strategy": "epoch"}
    n_steps = -(-len(run.conversations) // options["batch_size"])
    return {
        "eval_steps": n_steps,
        "save_steps": n_steps,
        "early_stopping_patience": options["patience"],
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }


def _dataset(path: Path, conversations: list[Messages]) -> dict:
    """Return Axolotl's entry for a file of conversations."""
    weighed = any("weight" in message for messages in conversations for message in messages)
    return {
        "path": str(_as_chat_jsonl(path, conversations)),
        "ds_type": "json",
        "type": "chat_template",
        "field_messages": "messages",
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
        **({"message_field_training": "weight"} if weighed else {}),
    }


def _as_chat_jsonl(path: Path, conversations: list[Messages]) -> Path:
    """Return the file itself if it is pure chat JSONL; otherwise write a chat JSONL file next to
    it.
    """
    wanted = chat_jsonl(conversations)
    if _same_rows(read_text(path), wanted):
        return path
    written = path.with_name(f"{path.stem}.chat.jsonl")
    if written.exists() and read_text(written) != wanted:
        raise AdaptLabError(
            f"{written} is the place for the data as chat JSONL, but contains something else."
            " Move it away."
        )
    write_whole(written, wanted)
    return written


def _same_rows(text: str, wanted: str) -> bool:
    try:
        given, rows = (
            [json.loads(line) for line in whole.split("\n") if line.strip()]
            for whole in (text, wanted)
        )
        return given == rows
    except ValueError:
        return False


def modal(folder: Path, data: Path, validation: Path | None = None) -> str:
    """Return a Python file whose function repeats the run in `folder` with Modal.

    It runs on a GPU at Modal (`modal run`) or on this machine (`train.local`).

    Raises:
        AdaptLabError: if the data are not those of the run.
    """
    run = _read(Path(folder), _described(Path(folder)), Path(data), validation)
    urls = dict(
        entry.split(", ", 1) for entry in metadata.metadata("adaptlab").get_all("Project-URL") or ()
    )
    packages = [f"adaptlab @ git+{urls['Repository']}"]
    if run.options["tracking"] != "none":
        packages.append(run.options["tracking"])
    is_folder = not run.base.startswith(("embedded:", "hub:"))
    if is_folder and not Path(run.base).is_dir():
        raise AdaptLabError(
            f"The folder {run.base} of the base model is missing. Export where the base model"
            " is available."
        )
    return _MODAL.render(
        name=run.name,
        options=repr(run.options),
        base=repr(run.base),
        is_folder=is_folder,
        data=repr(str(data)),
        validation=validation and repr(str(validation)),
        packages=", ".join(f'"{package}"' for package in packages),
    )


EXPORTS: dict[str, Callable[..., str]] = {"axolotl": axolotl, "modal": modal}
