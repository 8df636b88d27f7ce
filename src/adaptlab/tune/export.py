"""A run handed on: its settings as an Axolotl configuration, or as a function for Modal, where the course's own trainer is outgrown."""

from importlib import metadata
from pathlib import Path

import yaml
from jinja2 import Template

from adaptlab.errors import AdaptLabError
from adaptlab.files import read_json

_MODAL = Template('''"""Trains {{ name }} on Modal: modal run {{ name }}.py"""

from pathlib import Path

import modal

OPTIONS = {{ options }}

app = modal.App("adaptlab-{{ name }}")
image = modal.Image.debian_slim().apt_install("git").pip_install("adaptlab @ git+{{ repository }}")
runs = modal.Volume.from_name("adaptlab-runs", create_if_missing=True)


@app.function(image=image.add_local_file({{ data }}, "/train.jsonl"), gpu="L4", timeout=3600, volumes={"/runs": runs})
def train(data: str = "/train.jsonl", to: str = "/runs/{{ name }}") -> None:
    from adaptlab.models.local import LocalChat
    from adaptlab.tune.formats import read_conversations
    from adaptlab.tune.run import run
    from adaptlab.tune.sft import Options

    run(LocalChat("{{ base }}"), read_conversations(Path(data)), Path(to), Options(**OPTIONS))


@app.local_entrypoint()
def main() -> None:
    train.remote()
''')


def _described(folder: Path) -> dict:
    if not (folder / "config.json").exists():
        raise AdaptLabError(f"{folder} holds no run; give the folder of one that `adaptlab tune` made.")
    return read_json(folder / "config.json")


def axolotl(folder: Path, data: Path, output: str = "outputs") -> str:
    """The YAML with which Axolotl repeats the run in `folder` on `data` (chat JSONL): same base, labels, method, schedule and seed."""
    described = _described(Path(folder))
    options, base = described["options"], described["base"]["name"]
    if options["n_frozen"]:
        raise AdaptLabError("A run with frozen layers cannot be written for Axolotl, which names frozen parameters and not layers; leave n_frozen at 0.")
    kind, _, name = base.partition(":")
    if kind == "embedded":
        raise AdaptLabError(f"Axolotl loads models from the hub or a folder, not {base}; tune with hub:org/name or the path of a folder.")
    wanted = {
        "base_model": name if kind == "hub" else base,
        "datasets": [{"path": str(data), "type": "chat_template", "field_messages": "messages", "roles_to_train": ["assistant"], "train_on_eos": "turn"}],
        "chat_template": "tokenizer_default", "sequence_len": options["max_length"], "excess_length_strategy": "raise", "val_set_size": 0.0,
        "micro_batch_size": options["batch_size"], "gradient_accumulation_steps": 1, "num_epochs": options["epochs"],
        "optimizer": "adamw_torch", "learning_rate": options["learning_rate"], "lr_scheduler": options["schedule"], "warmup_ratio": options["warmup"],
        "weight_decay": 0.0, "bf16": "auto", "seed": options["seed"], "output_dir": output,
    }  # fmt: skip
    if options["method"] == "lora":
        wanted |= {"adapter": "lora", "lora_r": options["rank"], "lora_alpha": int(options["alpha"]), "lora_dropout": 0.0, "lora_target_linear": True}
    if options["packing"]:
        wanted |= {"sample_packing": True, "attn_implementation": "flash_attention_2"}  # Axolotl's default attention does not keep the packed apart
    return yaml.safe_dump(wanted, sort_keys=False)


def modal(folder: Path, data: Path) -> str:
    """A Python file whose function repeats the run in `folder` on `data` with Modal, on a GPU there (`modal run`) or here (`train.local`)."""
    folder, described = Path(folder), _described(Path(folder))
    urls = dict(entry.split(", ", 1) for entry in metadata.metadata("adaptlab").get_all("Project-URL"))
    return _MODAL.render(
        name=folder.name, options=repr(described["options"]), base=described["base"]["name"], data=repr(str(data)), repository=urls["Repository"]
    )


EXPORTS = {"axolotl": axolotl, "modal": modal}
