"""What lessons took: measured in their process, written by the runner, scaled to another machine,
and told before a lesson in Colab.
"""

import json
import sys
from pathlib import Path

import pytest

from adaptlab.course import colab
from adaptlab.course.colab import preflight, prepare_session
from adaptlab.course.lesson_usage import expected, peaks, shown, write_usage
from adaptlab.course.run import find_notebooks
from adaptlab.errors import AdaptLabError
from adaptlab.models.precision import NumberFormat
from adaptlab.studies.recorded import recorded

ROOT = Path(__file__).parents[2]
LESSONS = [path.stem for path in find_notebooks(ROOT / "notebooks")]
FIRST = LESSONS[1]


def test_the_peak_of_this_process_is_seen():
    before = peaks()
    ballast = bytearray(before["peak_mib"] * 2**20 // 2 + 200 * 2**20)
    ballast[:: 2**12] = b"x" * len(ballast[:: 2**12])  # every page touched
    assert peaks()["peak_mib"] > before["peak_mib"] and before["gpu_peak_mib"] == 0


def test_the_record_holds_every_lesson():
    assert [row["lesson"] for row in recorded("usage")["rows"]] == LESSONS, (
        "run all lessons, and copy build/cpu/usage.json to src/adaptlab/studies/results/"
    )


def test_minutes_go_by_the_speed_of_the_machine():
    speed = recorded("usage")["gigaflops"]
    here = expected(FIRST, speed)
    slower = expected(FIRST, speed / 2)
    assert (
        slower.minutes == pytest.approx(2 * here.minutes) and slower.peak_mib == here.peak_mib > 100
    )
    with pytest.raises(AdaptLabError, match="no lesson '77'"):
        expected("77", speed)


def test_what_a_run_leaves_has_the_form_of_a_record(tmp_path):
    row = {
        "lesson": FIRST,
        "seconds": 90.0,
        "device": "processor",
        "peak_mib": 1000,
        "gpu_peak_mib": 0,
    }
    write_usage(
        tmp_path, [row], "adaptlab run --profile cpu", NumberFormat("bfloat16", "it was asked for")
    )
    kept = json.loads((tmp_path / "usage.json").read_text())
    assert (kept["dtype"], kept["dtype_reason"]) == ("bfloat16", "it was asked for")
    assert set(kept) == set(recorded("usage")) and kept["rows"] == [row] and kept["gigaflops"] > 0
    head, (told,) = shown(kept)
    assert dict(zip(head, told))["minutes"] == 1.5


def test_before_a_lesson_the_machine_is_told_and_what_it_will_take():
    text = "\n".join(preflight(FIRST, "cpu"))
    assert all(
        word in text
        for word in ("GPU: none", "Memory:", "Disk:", "min on this processor", "GiB at its peak")
    )
    assert 'set profile = "cpu"' in "\n".join(preflight(FIRST, "gpu"))


def test_too_little_memory_is_told(monkeypatch):
    class Full:
        available = 2**20
        total = 2**34

    monkeypatch.setattr("psutil.virtual_memory", Full)
    assert "than is free" in "\n".join(preflight(FIRST, "cpu"))


def test_where_drive_is_mounted_trainings_are_kept_there(tmp_path, capsys):
    assert prepare_session(FIRST, "cpu", drive=tmp_path / "nowhere") == ""
    assert "when the session ends" in capsys.readouterr().out
    assert prepare_session(FIRST, "cpu", drive=tmp_path) == str(tmp_path / "adaptlab")
    assert f"kept in {tmp_path / 'adaptlab'}" in capsys.readouterr().out


def test_a_builds_own_mark_is_no_other_version(monkeypatch):
    for loaded, stale in (("2.13.0+cu130", []), ("2.13.0", []), ("2.12.0+cu130", ["torch"])):
        monkeypatch.setattr("torch.__version__", loaded)
        monkeypatch.setattr(
            "importlib.metadata.version",
            lambda name: "2.13.0+cpu" if name == "torch" else sys.modules[name].__version__,
        )
        assert colab.stale_packages() == stale


def test_a_session_with_stale_packages_is_to_be_restarted(monkeypatch):
    monkeypatch.setattr(colab, "stale_packages", lambda: ["numpy"])
    with pytest.raises(
        RuntimeError, match="numpy were installed: choose Runtime > Restart session"
    ):
        prepare_session(FIRST, "cpu")
