"""Progress bars: every one goes through one function, and one switch turns all off."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from adaptlab.progress import SWITCH, bars_are_on, progress_bar, show_progress_bars

SOURCE = Path(__file__).parents[1] / "src" / "adaptlab"


@pytest.mark.parametrize(("value", "on"), [("", True), ("0", True), ("1", False), ("true", False)])
def test_the_switch_is_tqdms_own(monkeypatch, value, on):
    monkeypatch.setenv(SWITCH, value)
    assert bars_are_on() == on
    bar = progress_bar(range(3))
    assert bar.disable != on
    assert list(bar) == [0, 1, 2]


def test_code_turns_bars_off_for_processes_that_it_starts_too(monkeypatch):
    monkeypatch.setenv(SWITCH, "")
    show_progress_bars(False)
    code = "from tqdm import tqdm; list(tqdm(range(3)))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (child.returncode, child.stderr) == (0, "")
    show_progress_bars(True)
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "3/3" in child.stderr


def test_no_part_makes_a_bar_of_its_own():
    for path in SOURCE.rglob("*.py"):
        if path.name == "progress.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [
                alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)
            ]
            assert "tqdm" not in names, path
            if isinstance(node, ast.keyword) and node.arg in ("show_progress", "show_progress_bar"):
                said = ast.unparse(node.value)
                assert "bars_are_on()" in said or said == "False", f"{path}: {said}"
