"""A student's copies have no outputs, and are never overwritten."""

import shutil
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from adaptlab.cli.app import app
from adaptlab.course.start import MY_WORK, start
from adaptlab.errors import AdaptLabError

COURSE = Path(__file__).parents[2]


def course(folder, lesson="00_start_here", lab="lab01_prompts"):
    for part, name in (("notebooks", lesson), ("labs", lab)):
        (folder / part).mkdir(parents=True)
        shutil.copy(COURSE / part / f"{name}.ipynb", folder / part)
    return folder


def test_a_copy_has_the_cells_and_no_outputs(tmp_path):
    folder = course(tmp_path)
    original = nbformat.read(folder / "notebooks" / "00_start_here.ipynb", as_version=4)
    assert any(cell.get("outputs") for cell in original.cells)
    ((copy, is_new),) = start(folder, ["00"])
    assert is_new and copy == folder / MY_WORK / "00_start_here.ipynb"
    copied = nbformat.read(copy, as_version=4)
    nbformat.validate(copied)
    assert [cell.source for cell in copied.cells] == [cell.source for cell in original.cells]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in copied.cells)


def test_the_students_work_stays(tmp_path):
    folder = course(tmp_path)
    ((copy, _),) = start(folder, ["lab01"])
    copy.write_text("my answers")
    shown = CliRunner().invoke(app, ["start", "lab01", "00", "--folder", str(folder)])
    assert shown.exit_code == 0
    assert "lab01_prompts.ipynb (your copy from before)" in " ".join(shown.stdout.split())
    assert copy.read_text() == "my answers"
    assert (folder / MY_WORK / "00_start_here.ipynb").exists()


def test_an_unknown_name_copies_nothing(tmp_path):
    folder = course(tmp_path)
    with pytest.raises(AdaptLabError, match="No lesson or lab starts with '77'. Choose from 00_"):
        start(folder, ["00", "77"])
    with pytest.raises(AdaptLabError, match="starts with ''"):
        start(folder, [""])
    assert not (folder / MY_WORK).exists()


def test_another_folder_is_made(tmp_path):
    folder = course(tmp_path / "course")
    ((copy, _),) = start(folder, ["00"], tmp_path / "elsewhere" / "mine")
    assert copy == tmp_path / "elsewhere" / "mine" / "00_start_here.ipynb" and copy.exists()


def test_a_damaged_lesson_is_named(tmp_path):
    folder = course(tmp_path)
    (folder / "notebooks" / "00_start_here.ipynb").write_text("{")
    with pytest.raises(AdaptLabError, match="is not a readable notebook"):
        start(folder, ["00"])
