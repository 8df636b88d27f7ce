"""The number format is decided in one place, quickly, and one setting overrides it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from adaptlab.errors import AdaptLabError
from adaptlab.models import precision
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import (
    SETTING,
    bfloat16_speed,
    number_format,
    use_format,
    weights_dtype,
)
from adaptlab.models.serve import serve

BIN = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def no_setting(monkeypatch):
    monkeypatch.delenv(SETTING, raising=False)


@pytest.fixture
def speed(monkeypatch):
    """Lets a test say how fast bfloat16 is."""
    return lambda ratio: monkeypatch.setattr(precision, "bfloat16_speed", lambda: ratio)


@pytest.mark.parametrize(
    "ratio, name",
    [(0.017, "float32"), (1.0, "float32"), (1.2, "float32"), (1.3, "bfloat16"), (2.2, "bfloat16")],
)
def test_a_processor_trains_in_bfloat16_where_that_is_clearly_faster(speed, ratio, name):
    speed(ratio)
    chosen = number_format("cpu")
    assert (chosen.name, chosen.dtype, chosen.asked) == (
        name,
        getattr(torch, name),
        False,
    ) and f"{ratio:.2g} times" in chosen.reason


@pytest.mark.parametrize("emulates, name", [(False, "bfloat16"), (True, "float32")])
def test_a_gpu_that_only_emulates_bfloat16_trains_in_float32(monkeypatch, emulates, name):
    monkeypatch.setattr(
        "torch.cuda.is_bf16_supported",
        lambda including_emulation=True: including_emulation or not emulates,
    )
    assert number_format("cuda:0").name == name and weights_dtype("cuda") == getattr(torch, name)


@pytest.mark.parametrize("name", precision.FORMATS)
def test_the_setting_overrides_the_machine_and_an_argument_both(speed, monkeypatch, name):
    other = next(one for one in precision.FORMATS if one != name)
    speed(0.01 if name == "bfloat16" else 9.0)
    monkeypatch.setenv(SETTING, name)
    chosen = number_format("cpu")
    assert (chosen.name, chosen.asked) == (name, True) and SETTING in chosen.reason
    assert number_format("cpu", other).name == other
    assert number_format("cuda").name == name


def test_a_processor_loads_models_in_float32_unless_asked(monkeypatch):
    monkeypatch.setenv(SETTING, "bfloat16")
    assert (
        weights_dtype("cpu") == torch.float32 and weights_dtype("cpu", "bfloat16") == torch.bfloat16
    )
    assert LocalChat("embedded:mini-chat", dtype="bfloat16").model.dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["bf16", "float16", "BFLOAT16", "32"])
def test_another_format_is_refused_by_name(monkeypatch, name):
    for asks in (
        lambda: number_format("cpu", name),
        lambda: weights_dtype("cpu", name),
        lambda: use_format(name),
    ):
        with pytest.raises(AdaptLabError, match=f"'{name}' is not a number format"):
            asks()
    monkeypatch.setenv(SETTING, name)
    with pytest.raises(AdaptLabError, match=SETTING):
        number_format("cpu")


# Seconds around the arithmetic of a product, as on a processor with AVX512-BF16.
OVERHEAD = {"float32": 3e-6, "bfloat16": 25e-6}


# In float32: a slow core to a large server.
@pytest.mark.parametrize("gigaflops", [2, 20, 200, 2000])
# The first two are what users reported of processors that emulate it.
@pytest.mark.parametrize("ratio", [1 / 499, 1 / 44, 0.5, 1.0, 2.0])
def test_the_probe_is_short_on_every_processor_and_is_not_misled_by_small_products(
    monkeypatch, gigaflops, ratio
):
    spent = []
    sizes = []

    def product_seconds(n):
        speeds = (gigaflops, gigaflops * ratio)
        times = [
            2 * n**3 / 1e9 / speed + OVERHEAD[name]
            for name, speed in zip(precision.FORMATS, speeds)
        ]
        spent.append(precision.PRODUCTS * sum(times))
        sizes.append(n)
        return times

    monkeypatch.setattr(precision, "_product_seconds", product_seconds)
    found = bfloat16_speed.__wrapped__()
    assert sum(spent) <= 0.2, "a process's first product takes some hundredths of a second more"
    assert (found >= precision.FASTER) == (ratio >= precision.FASTER), sizes


def test_beside_other_work_the_machine_chooses_as_when_it_is_idle():
    """Each process asks for itself, and so may two lessons at once."""
    code = "from adaptlab.models.precision import bfloat16_speed; print(bfloat16_speed())"
    beside = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    found = [float(process.communicate()[0]) for process in beside]
    # Of a processor near the limit nothing can be said: there both formats are as good.
    assert all(one >= 1 for one in found) or all(one <= 1.5 for one in found), found


def test_commands_take_a_format_and_refuse_others(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": "Who?"},
                    {"role": "assistant", "content": "Me."},
                ]
            }
        )
        + "\n"
    )
    command = [
        BIN / "adaptlab",
        "tune",
        rows,
        tmp_path / "run",
        "--model",
        "embedded:mini-chat",
        "--dtype",
    ]
    refused = subprocess.run([*command, "half"], capture_output=True, text=True)
    assert (
        refused.returncode == 2
        and refused.stderr.count("\n") == 1
        and "'half' is not a number format" in refused.stderr
    )
    assert subprocess.run([*command, "bfloat16"], capture_output=True).returncode == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["options"]["dtype"] == "bfloat16" and config["dtype_reason"] == "it was asked for"


@pytest.mark.parametrize("wrong", ["float16", "BFLOAT16", " bfloat16", "0"])
def test_a_wrong_setting_is_refused_wherever_a_model_is_loaded(monkeypatch, wrong):
    """Also on a processor, whose weights do not follow it, and before a server listens."""
    monkeypatch.setenv(SETTING, wrong)
    name = "embedded:mini-chat"
    for load in (lambda: LocalChat(name), lambda: serve(name, {}, "127.0.0.1", 0)):
        with pytest.raises(AdaptLabError, match=f"{wrong!r} is not a number format"):
            load()


def test_a_measurement_leaves_the_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    precision._product_seconds(32)
    assert torch.equal(torch.rand(3), expected)
