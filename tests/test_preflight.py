"""What a training will take, as the command line says it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from adaptlab import plots, preflight
from adaptlab.models.precision import number_format

COMMAND = Path(sys.executable).parent / "adaptlab"


def test_the_parts_are_shown_with_the_largest_batch_and_the_seconds():
    text = preflight.report("embedded:mini-chat", "full", None, 64)
    assert all(
        part in text
        for part in ("Weights", "Optimizer", "Activations", "Gradients", "Peak", "free on")
    )
    assert re.search(
        r"The largest batch that fits is \d+ sequences\. A step takes at least [\d.e+-]+ s", text
    )


def test_without_a_precision_it_is_that_in_which_this_machine_trains():
    in_float32 = not number_format("cuda" if torch.cuda.is_available() else "cpu").is_bfloat16
    assert ("lora (float32)" if in_float32 else "lora (bfloat16)") in preflight.report(
        "embedded:mini-chat", "lora", 1, 64
    )
    assert "lora (bfloat16)" in preflight.report(
        "embedded:mini-chat", "lora", 1, 64, precision="bfloat16"
    )


def test_what_does_not_fit_is_said_with_what_saves():
    text = preflight.report("meta-llama/Llama-3.1-70B", "full", 1, 512)
    assert "70,553,706,496 parameters trained" in text and "This does not fit in memory" in text


@pytest.mark.parametrize(
    "options, words",
    [
        (["--model", "nope"], "config.json"),
        (["--seq", "9999999"], "9999999 tokens"),
        (["--rank", "0"], "rank"),
    ],
)
def test_the_command_refuses_in_a_sentence(options, words):
    ended = subprocess.run([COMMAND, "plan", *options], capture_output=True, text=True)
    assert ended.returncode == 2 and words in ended.stderr and "Traceback" not in ended.stderr


def test_stacked_columns_are_told_by_their_text():
    figure = plots.stacked(
        "Memory",
        "GB",
        {"full": {"weights": 2.0, "optimizer": 4.0}, "lora": {"weights": 2.0, "optimizer": 0.5}},
    )
    assert (
        figure.alt
        == "Memory, GB: full 6.0 (weights 2.0, optimizer 4.0); lora 2.5 (weights 2.0, optimizer"
        " 0.5)."
    )
