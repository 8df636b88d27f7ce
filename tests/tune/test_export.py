"""Exports are held against the tools that they are for: Axolotl's own schema, Modal's own client, accelerate's own reader."""

import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from test_resume import ROWS

from adaptlab.errors import AdaptLabError
from adaptlab.models.local import LocalChat
from adaptlab.tune import export
from adaptlab.tune.formats import write_conversations
from adaptlab.tune.run import load_run, run
from adaptlab.tune.sft import Options

EXPORTERS = Path(__file__).parents[2] / "build" / "exporters"
ACCEPT = """
import sys, yaml
from axolotl.utils.schemas.config import AxolotlInputConfig
given = yaml.safe_load(sys.stdin)
read = AxolotlInputConfig(**given)
print(read.model_dump_json(include=given.keys()))
"""
CALL = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("exported", sys.argv[1])
exported = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)
exported.train.local(sys.argv[2], sys.argv[3])
"""


def beside(code: str, *arguments, given: str = "") -> subprocess.CompletedProcess:
    """Python with the exporters' packages on its path."""
    assert EXPORTERS.exists(), "run `make build/exporters` first, as `make test` does"
    environment = os.environ | {"PYTHONPATH": f"{EXPORTERS}{os.pathsep}{Path(__file__).parent}", "MODAL_CONFIG_PATH": os.devnull}
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], input=given, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A finished run of a model in a folder, and its data."""
    folder = tmp_path_factory.mktemp("exports")
    chat = LocalChat("embedded:mini-chat")
    chat.model.save_pretrained(folder / "base")
    chat.tokenizer.save_pretrained(folder / "base")
    write_conversations(folder / "train.jsonl", ROWS[:16])
    run(LocalChat(str(folder / "base")), ROWS[:16], folder / "first", Options(batch_size=8, rank=4, learning_rate=3e-3))
    return folder


def test_axolotl_reads_the_run_as_it_was(first):
    text = export.axolotl(first / "first", first / "train.jsonl")
    ended = beside(ACCEPT, given=text)
    assert ended.returncode == 0, ended.stderr[-2000:]
    read = json.loads(ended.stdout.splitlines()[-1])
    assert (read["adapter"], read["lora_r"], read["micro_batch_size"], read["learning_rate"]) == ("lora", 4, 8, 0.003)
    assert read["datasets"][0]["roles_to_train"] == ["assistant"]


def test_axolotl_packs_where_the_run_did(first, tmp_path):
    described = json.loads((first / "first" / "config.json").read_text())
    described["options"]["packing"] = True
    (tmp_path / "config.json").write_text(json.dumps(described))
    ended = beside(ACCEPT, given=export.axolotl(tmp_path, first / "train.jsonl"))
    assert ended.returncode == 0, ended.stderr[-2000:]
    read = json.loads(ended.stdout.splitlines()[-1])
    assert (read["sample_packing"], read["attn_implementation"]) == (True, "flash_attention_2") and "decontamination" not in ended.stdout + ended.stderr
    assert "sample_packing" not in export.axolotl(first / "first", first / "train.jsonl")


def test_axolotl_would_refuse_what_it_does_not_know(first):
    wrong = export.axolotl(first / "first", first / "train.jsonl").replace("adapter: lora", "adapter: shoelace")
    assert beside(ACCEPT, given=wrong).returncode != 0


def test_modals_client_runs_the_function_here(first):
    script = first / "on_modal.py"
    script.write_text(export.modal(first / "first", first / "train.jsonl"))
    ended = beside(CALL, script, first / "train.jsonl", first / "again")
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert json.loads((first / "again" / "config.json").read_text())["options"] == json.loads((first / "first" / "config.json").read_text())["options"]
    base = LocalChat(str(first / "base"))
    one, two = (load_run(first / name, base).model.state_dict() for name in ("first", "again"))
    assert all((one[name] == tensor).all() for name, tensor in two.items())


def test_what_cannot_be_exported_is_refused(first, tmp_path):
    with pytest.raises(AdaptLabError, match="holds no run"):
        export.modal(tmp_path, first / "train.jsonl")
    run(LocalChat("embedded:mini-chat"), ROWS[:8], tmp_path / "own", Options(batch_size=8))
    with pytest.raises(AdaptLabError, match="from the hub or a folder"):
        export.axolotl(tmp_path / "own", first / "train.jsonl")


@pytest.mark.parametrize("name, kind", [("fsdp", "FSDP"), ("deepspeed", "DEEPSPEED")])
def test_accelerate_reads_the_configurations(name, kind):
    path = resources.files("adaptlab.tune") / "configs" / f"{name}.yaml"
    read = load_config_from_file(str(path))  # it refuses keys that it does not know
    assert read.distributed_type == kind and read.num_processes == 2
