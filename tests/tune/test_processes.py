"""The same training by `accelerate launch` in two processes as in one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_resume import ROWS

from adaptlab.errors import AdaptLabError
from adaptlab.models.local import LocalChat
from adaptlab.tune.options import Options
from adaptlab.tune.sft import trainer

LAUNCH = Path(sys.executable).parent / "accelerate"
OPTIONS = Options(batch_size=8, epochs=2, learning_rate=5e-3)
SCRIPT = """
import json, sys
from test_processes import OPTIONS, LocalChat, losses
from test_resume import ROWS
made = losses(LocalChat("embedded:mini-chat"), OPTIONS, sys.argv[1])
if made.is_world_process_zero():
    open(sys.argv[1] + "/losses.json", "w").write(json.dumps(made.state.log_history))
"""


def losses(chat, options, folder):
    made = trainer(chat, ROWS, options, str(folder))
    made.args.logging_steps = made.state.logging_steps = 1
    made.train()
    return made


def test_two_processes_have_the_losses_of_one(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    command = [
        LAUNCH,
        "launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
    ]
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
    }
    ended = subprocess.run(
        [*command, script, tmp_path], env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    two = [
        row["loss"] for row in json.loads((tmp_path / "losses.json").read_text()) if "loss" in row
    ]
    one = [
        row["loss"]
        for row in losses(
            LocalChat("embedded:mini-chat"), OPTIONS, tmp_path / "one"
        ).state.log_history
        if "loss" in row
    ]
    assert len(one) == 6 and two == pytest.approx(one, abs=1e-4)


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "adaptlab.tune.sft.PartialState", lambda: type("Two", (), {"num_processes": 2})
    )
    with pytest.raises(AdaptLabError, match="multiple of 2"):
        trainer(LocalChat("embedded:mini-chat"), ROWS, Options(batch_size=5), str(tmp_path))
