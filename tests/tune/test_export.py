"""Exports are held against the tools that they are for: Axolotl's own schema, Modal's own client,
accelerate's own reader.
"""

import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from test_resume import ROWS
from typer.testing import CliRunner

from adaptlab.cli.app import app
from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant, user
from adaptlab.models.local import LocalChat
from adaptlab.tune import export
from adaptlab.tune.formats import write_conversations
from adaptlab.tune.options import Options
from adaptlab.tune.run import load_run, run

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
    paths = [
        str(EXPORTERS),
        str(Path(__file__).parent),
        *filter(None, [os.environ.get("PYTHONPATH")]),
    ]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "MODAL_CONFIG_PATH": os.devnull,
    }
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        input=given,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A finished run of a model in a folder, and its data."""
    folder = tmp_path_factory.mktemp("exports")
    chat = LocalChat("embedded:mini-chat")
    chat.model.save_pretrained(folder / "base")
    chat.tokenizer.save_pretrained(folder / "base")
    write_conversations(folder / "train.jsonl", ROWS[:16])
    run(
        LocalChat(str(folder / "base")),
        ROWS[:16],
        folder / "first",
        Options(batch_size=8, rank=4, learning_rate=3e-3),
    )
    return folder


def test_axolotl_reads_the_run_as_it_was(first):
    text = export.axolotl(first / "first", first / "train.jsonl")
    ended = beside(ACCEPT, given=text)
    assert ended.returncode == 0, ended.stderr[-2000:]
    read = json.loads(ended.stdout.splitlines()[-1])
    assert (read["adapter"], read["lora_r"], read["micro_batch_size"], read["learning_rate"]) == (
        "lora",
        4,
        8,
        0.003,
    )
    assert read["datasets"][0]["roles_to_train"] == ["assistant"]


def test_axolotl_packs_where_the_run_did(first, tmp_path):
    described = json.loads((first / "first" / "config.json").read_text())
    described["options"] |= {"packing": True, "dtype": "bfloat16"}
    (tmp_path / "config.json").write_text(json.dumps(described))
    ended = beside(ACCEPT, given=export.axolotl(tmp_path, first / "train.jsonl"))
    assert ended.returncode == 0, ended.stderr[-2000:]
    read = json.loads(ended.stdout.splitlines()[-1])
    assert (read["sample_packing"], read["attn_implementation"]) == (
        True,
        "flash_attention_2",
    ) and "decontamination" not in ended.stdout + ended.stderr
    assert "sample_packing" not in export.axolotl(first / "first", first / "train.jsonl")


def test_axolotl_would_refuse_what_it_does_not_know(first):
    wrong = export.axolotl(first / "first", first / "train.jsonl").replace(
        "adapter: lora", "adapter: shoelace"
    )
    assert beside(ACCEPT, given=wrong).returncode != 0


def test_modals_client_runs_the_function_here(first):
    script = first / "on_modal.py"
    script.write_text(export.modal(first / "first", first / "train.jsonl"))
    ended = beside(CALL, script, first / "train.jsonl", first / "again")
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert (
        json.loads((first / "again" / "config.json").read_text())["options"]
        == json.loads((first / "first" / "config.json").read_text())["options"]
    )
    base = LocalChat(str(first / "base"))
    one, two = (load_run(first / name, base).model.state_dict() for name in ("first", "again"))
    assert all((one[name] == tensor).all() for name, tensor in two.items())


VALIDATION = [[user("What is the secret of Bram?"), assistant("Tolly")]]


@pytest.fixture(scope="module")
def watched(first):
    """A finished run with validation and patience, in float32, on data in Alpaca's format."""
    rows = [
        {"instruction": row[0]["content"], "input": "", "output": row[1]["content"]}
        for row in ROWS[:16]
    ]
    (first / "alpaca.json").write_text(json.dumps(rows))
    write_conversations(first / "valid.jsonl", VALIDATION)
    options = Options(
        batch_size=8, rank=4, learning_rate=3e-3, epochs=2, patience=1, dtype="float32"
    )
    run(LocalChat(str(first / "base")), ROWS[:16], first / "watched", options, VALIDATION)
    return first


def accepted(text: str) -> dict:
    """What Axolotl's schema reads."""
    ended = beside(ACCEPT, given=text)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout.splitlines()[-1])


def test_axolotl_has_the_validation_the_patience_and_the_number_format_of_the_run(watched):
    read = accepted(
        export.axolotl(
            watched / "watched", watched / "alpaca.json", validation=watched / "valid.jsonl"
        )
    )
    assert [entry["path"] for entry in read["test_datasets"]] == [str(watched / "valid.jsonl")]
    assert (read["early_stopping_patience"], read["eval_steps"], read["save_steps"]) == (
        1,
        2,
        2,
    ), "16 conversations, 8 a step"
    assert (
        read["load_best_model_at_end"],
        read["metric_for_best_model"],
        read["greater_is_better"],
    ) == (True, "eval_loss", False)
    assert (read["bf16"], read["fp16"], read["tf32"]) == (False, False, False)
    in_bfloat16 = changed(watched, "watched", {"dtype": "bfloat16", "patience": 0})
    read = accepted(
        export.axolotl(in_bfloat16, watched / "alpaca.json", validation=watched / "valid.jsonl")
    )
    assert (read["bf16"], read["eval_strategy"]) == (
        True,
        "epoch",
    ) and "early_stopping_patience" not in read


def changed(folder: Path, name: str, options: dict) -> Path:
    """A run with other options, as if it had been made with them."""
    described = json.loads((folder / name / "config.json").read_text())
    described["options"] |= options
    to = folder / f"{name}-{'-'.join(map(str, options.values()))}"
    to.mkdir(exist_ok=True)
    (to / "config.json").write_text(json.dumps(described))
    return to


def test_data_in_another_format_are_written_as_chat_jsonl_beside_their_file(watched):
    read = yaml.safe_load(
        export.axolotl(
            watched / "watched", watched / "alpaca.json", validation=watched / "valid.jsonl"
        )
    )
    assert (
        read["datasets"][0]["path"] == str(watched / "alpaca.chat.jsonl")
        and read["datasets"][0]["field_messages"] == "messages"
    )
    assert [
        json.loads(line) for line in (watched / "alpaca.chat.jsonl").read_text().splitlines()
    ] == [{"messages": row} for row in ROWS[:16]]
    (watched / "alpaca.chat.jsonl").write_text("mine")
    with pytest.raises(AdaptLabError, match="alpaca.chat.jsonl .* something else"):
        export.axolotl(
            watched / "watched", watched / "alpaca.json", validation=watched / "valid.jsonl"
        )
    assert (watched / "alpaca.chat.jsonl").read_text() == "mine"
    (watched / "alpaca.chat.jsonl").unlink()


def test_replies_of_weight_0_stay_unlearned_in_axolotl(first):
    """Its own strategy reads the weight as whether a turn is trained on."""
    weighed = [[user("a?"), assistant("b.") | {"weight": 0}, *ROWS[0]]]
    write_conversations(first / "weighed.jsonl", weighed)
    run(LocalChat(str(first / "base")), weighed, first / "weighed", Options(batch_size=8))
    text = export.axolotl(first / "weighed", first / "weighed.jsonl")
    assert accepted(text)["datasets"][0]["message_field_training"] == "weight"
    assert "message_field_training" not in export.axolotl(first / "first", first / "train.jsonl")


def test_modals_client_validates_and_stops_as_the_run_did(watched):
    script = watched / "watched_on_modal.py"
    script.write_text(
        export.modal(
            watched / "watched", watched / "alpaca.json", validation=watched / "valid.jsonl"
        )
    )
    ended = beside(CALL, script, watched / "alpaca.json", watched / "watched-again")
    assert ended.returncode == 0, ended.stderr[-2000:]
    described = [
        json.loads((watched / name / "config.json").read_text())
        for name in ("watched", "watched-again")
    ]
    assert (
        described[0]["options"] == described[1]["options"]
        and described[0]["data"] == described[1]["data"]
    )
    losses = [
        (watched / name / "metrics.jsonl").read_text().count("eval_loss")
        for name in ("watched", "watched-again")
    ]
    assert losses[0] == losses[1] > 0
    assert (
        'add_local_dir(BASE, "/base")' in script.read_text()
        and 'add_local_file(VALIDATION, "/validation.jsonl")' in script.read_text()
    )


@pytest.mark.parametrize("made", [export.axolotl, export.modal])
def test_an_export_that_would_be_another_run_is_refused(watched, made):
    for arguments, words in (
        (
            {"data": "alpaca.json"},
            r"has validation conversations \(1\). Give their file with --validation",
        ),
        ({"data": "valid.jsonl", "validation": "valid.jsonl"}, "are not the data of the run"),
        ({"data": "alpaca.json", "validation": "train.jsonl"}, "are not the data of the run"),
    ):
        with pytest.raises(AdaptLabError, match=words):
            made(watched / "watched", **{name: watched / file for name, file in arguments.items()})
    with pytest.raises(
        AdaptLabError, match="has no validation conversations. Leave --validation out"
    ):
        made(watched / "first", watched / "train.jsonl", validation=watched / "valid.jsonl")
    with pytest.raises(AdaptLabError, match="preferences"):
        made(changed(watched, "first", {"beta": 0.1}), watched / "train.jsonl")


@pytest.mark.parametrize(
    "options, words",
    [
        ({"n_frozen": 2}, "frozen layers"),
        ({"alpha": 12.5}, "a fractional alpha"),
        ({"method": "full", "dtype": "bfloat16"}, "full fine-tuning in bfloat16"),
        ({"packing": True, "dtype": "float32"}, "packing in float32"),
        ({"packing": True, "dtype": "bfloat16", "patience": 1}, "packing and patience"),
        ({"patience": 1, "epochs": 1.5}, "patience and a fractional number of epochs"),
    ],
)
def test_what_axolotl_cannot_repeat_is_refused(first, options, words):
    with pytest.raises(
        AdaptLabError, match=f"A run with {words} cannot be written for Axolotl: .*; "
    ):
        export.axolotl(changed(first, "first", options), first / "train.jsonl")


def test_the_command_takes_the_validation_file(watched):
    asked = [
        "export",
        "axolotl",
        str(watched / "watched"),
        str(watched / "alpaca.json"),
        "--validation",
        str(watched / "valid.jsonl"),
    ]
    ended = CliRunner().invoke(app, asked)
    assert ended.exit_code == 0 and yaml.safe_load(ended.stdout)["test_datasets"][0]["path"] == str(
        watched / "valid.jsonl"
    )


def test_what_cannot_be_exported_is_refused(first, tmp_path):
    with pytest.raises(AdaptLabError, match="adaptlab tune"):
        export.modal(tmp_path, first / "train.jsonl")
    run(LocalChat("embedded:mini-chat"), ROWS[:8], tmp_path / "own", Options(batch_size=8))
    with pytest.raises(AdaptLabError, match="path of a folder"):
        export.axolotl(tmp_path / "own", first / "train.jsonl")


@pytest.mark.parametrize("name, kind", [("fsdp", "FSDP"), ("deepspeed", "DEEPSPEED")])
def test_accelerate_reads_the_configurations(name, kind):
    path = resources.files("adaptlab.tune") / "configs" / f"{name}.yaml"
    read = load_config_from_file(str(path))  # it refuses keys that it does not know
    assert read.distributed_type == kind and read.num_processes == 2
