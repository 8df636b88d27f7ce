"""Other machines on this one: with more threads or other instructions of the processor numbers
differ in their last digits, and no verdict does.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adaptlab.grading.sandbox.limits import DEFAULT, MIB, USUALLY_MAPPED, environment, kernel_limits

LAB = "lab04"
SETTINGS = [(threads, capability) for threads in (1, 2) for capability in ("default", "avx2")]
VERDICTS = """
import json, sys
import torch
from grading.test_checks import answers, verdict
from adaptlab.grading.exercises import exercises

said = {}
for name, exercise in exercises(sys.argv[1]).items():
    right, wrong = (answers(sys.argv[1], name, kind) for kind in ("right", "wrong"))
    bank = right | exercise.misconceptions | wrong
    for which, answer in bank.items():
        one = verdict(exercise, answer, seed=3)
        said[f"{name}: {which}"] = [one.status, one.misconception]
print(json.dumps([torch.get_num_threads(), torch.backends.cpu.get_cpu_capability(), said]))
"""


def verdicts(threads: int, capability: str) -> dict:
    """What the judge says of the whole bank of a lab, in a process with these settings; skips where
    the processor has no such instructions.
    """
    settings = {
        "OMP_NUM_THREADS": str(threads),
        "ATEN_CPU_CAPABILITY": capability,
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    done = subprocess.run(
        [sys.executable, "-c", VERDICTS, LAB],
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *had, said = json.loads(done.stdout.splitlines()[-1])
    if had[1].lower() != capability:
        pytest.skip(f"this processor has {had[1]} in place of {capability}")
    assert had[0] == threads
    return said


@pytest.fixture(scope="module")
def here() -> dict:
    return verdicts(*SETTINGS[0])


@pytest.mark.parametrize(("threads", "capability"), SETTINGS[1:])
def test_verdicts_are_the_same_on_other_machines(here, threads, capability):
    assert verdicts(threads, capability) == here
    assert len(here) >= 50 and {status for status, _ in here.values()} == {"pass", "wrong"}


@pytest.mark.parametrize("place", ["LIBDIR", "base"])
def test_an_interpreter_with_a_shared_library_of_its_own_begins_in_a_box(
    monkeypatch, tmp_path, place
):
    """As one built with --enable-shared, or moved since: outside the system's list of libraries
    says where it lies.
    """
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libpython3.99.so.1.0").touch()
    known = {
        "INSTSONAME": "libpython3.99.so.1.0",
        "LIBDIR": str(tmp_path / ("lib" if place == "LIBDIR" else "gone")),
    }
    monkeypatch.setattr("sysconfig.get_config_var", known.get)
    if place == "base":
        monkeypatch.setattr("sys.base_prefix", str(tmp_path))
    assert environment("/box", "/tmp")["LD_LIBRARY_PATH"] == str(tmp_path / "lib")
    monkeypatch.setattr(
        "sysconfig.get_config_var", {"INSTSONAME": "libpython3.99.a", "LIBDIR": "/usr/lib"}.get
    )
    assert "LD_LIBRARY_PATH" not in environment("/box", "/tmp"), "a static one needs nothing"


def test_the_limit_of_addresses_leaves_room_for_the_libraries_of_this_machine():
    """Torch for CUDA takes gigabytes of them before anything of a student's is run."""
    usual = kernel_limits(DEFAULT)["as"]
    assert (
        usual == kernel_limits(DEFAULT, USUALLY_MAPPED)["as"] == DEFAULT.memory_bytes + 2048 * MIB
    )
    assert kernel_limits(DEFAULT, USUALLY_MAPPED + 2500 * MIB)["as"] == usual + 2500 * MIB
