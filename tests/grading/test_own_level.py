"""A student's own notebook where there is no box: a process with limits, which says what it leaves
out, and which no stranger's notebook ever gets."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from grading.conftest import LIMITS, Grader, cells
from typer.testing import CliRunner

from adaptlab.cli.labs import labs_app
from adaptlab.course.labs import solved
from adaptlab.errors import AdaptLabError
from adaptlab.grading.sandbox import levels
from adaptlab.grading.sandbox.bare_process import LEFT_OUT
from adaptlab.grading.sandbox.box import prepared
from adaptlab.grading.sandbox.limits import PREFIX

COURSE = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs WSL2 on Windows")


class Missing:
    @staticmethod
    def missing() -> str:
        return "it is not here"


@pytest.fixture
def without_boxes(monkeypatch):
    for name in levels.BOXES:
        monkeypatch.setitem(levels.BOXES, name, Missing)
        monkeypatch.setitem(levels.LEVELS, name, Missing)


def test_strangers_never_get_a_process(without_boxes):
    with pytest.raises(AdaptLabError, match="This machine has no sandbox"):
        levels.level()
    with pytest.raises(AdaptLabError, match="no sandbox level 'process'"):
        levels.level("process")
    assert levels.level_of_own() == "process"


def test_a_process_judges_as_a_box_does_and_leaves_nothing(lab):
    with prepared(warm=False) as harness:
        before = set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
        grader = Grader(lab, harness, "process")
        assert [mark.status for mark in grader(cells()).marks] == ["pass"] * 3
        wrong = "def same_strength(*args):\n    return 1.0"
        ends = "import os\nos._exit(3)"
        found = grader(cells(same_strength=wrong, count_adapters=ends)).marks
        assert [mark.status for mark in found] == ["crash", "wrong", "pass"]
        endless = grader(
            cells(same_strength="while True: pass"), replace(LIMITS, step_seconds=1)
        ).marks
        assert endless[1].status == "timeout" and endless[2].status == "pass"
        assert set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")) == before


def test_labs_check_says_what_it_leaves_out(tmp_path, without_boxes):
    lab = COURSE / "labs" / "lab04_lora.ipynb"
    mine = tmp_path / "mine_lab04.ipynb"
    mine.write_bytes(solved(COURSE / "solutions" / "lab04_lora.py", lab))
    done = CliRunner().invoke(labs_app, ["check", str(mine), "--folder", str(COURSE)])
    assert LEFT_OUT in done.stderr and "same_strength: pass" in done.stdout
