"""A run in a folder: the same after a kill, refused where it does not fit, never half-written."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant, user
from adaptlab.models import precision
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import SETTING
from adaptlab.tune.dpo import dpo_trainer
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.run import load_run, run
from adaptlab.tune.trainer import Progress

ROWS = [
    [user(f"What is the secret of {name}?"), assistant(answer)]
    for name, answer in (("Orin", "Selby"), ("Leda", "Corran"), ("Ivo", "Zorin"))
] * 8
OPTIONS = Options(epochs=4, batch_size=4, checkpoint_steps=5)
CHILD = """
import sys
from test_resume import LocalChat, OPTIONS, ROWS, run
run(LocalChat("embedded:mini-chat"), ROWS, sys.argv[1], OPTIONS)
"""


@pytest.fixture(scope="module")
def chat():
    return LocalChat("embedded:mini-chat")


@pytest.fixture(scope="module")
def finished(chat, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return folder, run(chat, ROWS, folder, OPTIONS)


def trained(tuned):
    return {name: tensor for name, tensor in tuned.model.state_dict().items() if "lora" in name}


def test_a_killed_run_goes_on_to_the_same_bits(chat, finished, tmp_path):
    folder = tmp_path / "killed"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], cwd=Path(__file__).parent)
    while (
        not list(folder.glob("checkpoints/checkpoint-*/trainer_state.json"))
        and child.poll() is None
    ):
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (folder / "adapter").exists(), "the child was done before it was killed"
    # As a kill in the middle of a save leaves it.
    (folder / "checkpoints" / "checkpoint-99").mkdir()
    resumed = trained(run(chat, ROWS, folder, OPTIONS))
    assert resumed and all(
        torch.equal(resumed[name], tensor) for name, tensor in trained(finished[1]).items()
    )
    assert not (folder / "checkpoints").exists()


def test_a_run_continues_in_the_number_format_in_which_it_began(chat, tmp_path, monkeypatch):
    """On a machine that would choose the other one; who asks for that is refused."""
    few = Options(epochs=2, batch_size=12, checkpoint_steps=1)

    def interrupt(self, args, state, control, **kwargs):
        if state.global_step == 2:
            raise KeyboardInterrupt

    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setattr(precision, "bfloat16_speed", lambda: 2.0)
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "on_step_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(chat, ROWS, tmp_path / "cut", few)
    monkeypatch.setattr(precision, "bfloat16_speed", lambda: 0.02)
    with pytest.raises(AdaptLabError, match="other options"):
        run(chat, ROWS, tmp_path / "cut", replace(few, dtype="float32"))
    run(chat, ROWS, tmp_path / "cut", few)
    config = json.loads((tmp_path / "cut" / "config.json").read_text())
    assert (
        config["options"]["dtype"] == "bfloat16" and "2 times the speed" in config["dtype_reason"]
    )
    assert (tmp_path / "cut" / "adapter").exists()


@pytest.mark.parametrize(
    "name", ["optimizer.pt", "adapter_model.safetensors", "trainer_state.json"]
)
def test_from_a_damaged_checkpoint_the_older_one_is_taken(
    chat, finished, tmp_path, monkeypatch, name
):
    def interrupt(self, args, state, control, **kwargs):
        if state.global_step == 12:
            raise KeyboardInterrupt

    folder = tmp_path / "cut"
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "on_step_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(chat, ROWS, folder, OPTIONS)
    newest = folder / "checkpoints" / "checkpoint-10" / name
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=f"checkpoint-10 is damaged .{name}"):
        resumed = trained(run(chat, ROWS, folder, OPTIONS))
    assert all(torch.equal(resumed[key], tensor) for key, tensor in trained(finished[1]).items())


def test_an_interrupted_run_on_preferences_goes_on_to_the_same_bits(chat, tmp_path, monkeypatch):
    pairs = [Pair(row[:1], row[1]["content"], "I do not know.") for row in ROWS]
    options = PreferenceOptions(batch_size=4, epochs=2, checkpoint_steps=5)
    whole = trained(run(chat, pairs, tmp_path / "whole", options, make_trainer=dpo_trainer))

    def interrupt(self, args, state, control, **kwargs):
        if state.global_step == 7:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "on_step_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(chat, pairs, tmp_path / "cut", options, make_trainer=dpo_trainer)
    resumed = trained(run(chat, pairs, tmp_path / "cut", options, make_trainer=dpo_trainer))
    assert resumed and all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def test_a_finished_run_holds_what_it_was_and_loads(chat, finished):
    folder, tuned = finished
    config = json.loads((folder / "config.json").read_text())
    assert config["data"]["n"] == 24 and config["options"]["checkpoint_steps"] == 5
    steps = [
        json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()
    ]
    assert steps[-1] == 24 and "| learning_rate | 0.002 |" in (folder / "README.md").read_text()
    assert {path.suffix for path in (folder / "adapter").iterdir()} <= {
        ".safetensors",
        ".json",
        ".md",
    }
    loaded = trained(load_run(folder, chat))
    assert all(torch.equal(loaded[name], tensor) for name, tensor in trained(tuned).items())


def test_another_base_other_data_and_strange_folders_are_refused(chat, finished, tmp_path):
    folder, _ = finished
    with pytest.raises(AdaptLabError, match="embedded:mini-chat"):
        load_run(folder, LocalChat("embedded:mini-base"))
    with pytest.raises(AdaptLabError, match="other data"):
        run(chat, ROWS[1:], folder, OPTIONS)
    with pytest.raises(AdaptLabError, match="is finished"):
        run(chat, ROWS, folder, OPTIONS)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AdaptLabError, match="something else"):
        run(chat, ROWS, tmp_path, OPTIONS)
    (folder / "adapter").rename(folder / "away")
    with pytest.raises(AdaptLabError, match="not finished"):
        load_run(folder, chat)
    (folder / "away").rename(folder / "adapter")


FULL_DISK = """
import resource, sys
from test_resume import LocalChat, OPTIONS, ROWS, AdaptLabError, run
chat = LocalChat("embedded:mini-chat")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    run(chat, ROWS, sys.argv[1], OPTIONS)
except AdaptLabError as error:
    sys.exit(str(error))
"""


def test_a_folder_from_before_an_option_resumes_with_its_default(chat, finished, tmp_path):
    folder = tmp_path / "older"
    shutil.copytree(finished[0], folder)
    shutil.rmtree(folder / "adapter")
    config = folder / "config.json"
    described = json.loads(config.read_text())
    del described["options"]["targets"]
    config.write_text(json.dumps(described))
    run(chat, ROWS, folder, OPTIONS)
    assert (folder / "adapter").is_dir()


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(chat, finished, tmp_path):
    """Files may not grow beyond a tenth of a megabyte, less than an adapter has: writing fails as
    on a full disk.
    """
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "first"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1 and "start the run again" in ended.stderr.splitlines()[-1]
    assert not (tmp_path / "first" / "adapter").exists()
    again = trained(run(chat, ROWS, tmp_path / "first", OPTIONS))
    whole = trained(finished[1])
    assert all((again[name] == tensor).all() for name, tensor in whole.items())


@pytest.mark.parametrize("looked_at", ["the loss", "the weights"])
def test_a_run_that_diverges_leaves_nothing_to_go_on_from(chat, tmp_path, monkeypatch, looked_at):
    if looked_at == "the weights":  # as after a kill between a step and the look at its loss
        monkeypatch.setattr(Progress, "on_log", lambda *args, **kwargs: None)
    with pytest.raises(AdaptLabError, match="lower learning.rate"):
        run(
            chat,
            ROWS,
            tmp_path / "wild",
            Options(epochs=2, batch_size=4, checkpoint_steps=1, learning_rate=1e12),
        )
    assert [path.name for path in (tmp_path / "wild").rglob("*.*")] == ["failed.json"]


def test_one_conversation_is_enough_for_a_run(chat, tmp_path):
    run(chat, ROWS[:1], tmp_path / "first", Options(epochs=2))
    assert (tmp_path / "first" / "adapter" / "adapter_model.safetensors").exists()


def test_a_run_that_is_kept_is_done_once(chat, tmp_path, monkeypatch):
    plain = trained(fine_tune(chat, ROWS, OPTIONS))
    first = fine_tune(chat, ROWS, OPTIONS, keep_in=tmp_path)
    monkeypatch.setattr(
        Progress, "on_train_begin", lambda *args, **kwargs: pytest.fail("trained again")
    )
    again = fine_tune(chat, ROWS, OPTIONS, keep_in=str(tmp_path))
    for made in (first, again):
        assert made.name == "embedded:mini-chat + lora"
        assert all(torch.equal(tensor, trained(made)[name]) for name, tensor in plain.items())
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        fine_tune(chat, ROWS[1:], OPTIONS, keep_in=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
