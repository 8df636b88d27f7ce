"""A wheel brings the lessons and labs, so that `adaptlab start 00` works in an empty folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adaptlab.course.installed import course_folder

ROOT = Path(__file__).parents[2]
NOT_SOURCE = (".*", "build", "my-work", "*.egg-info", "__pycache__", "tests", "benchmarks")
pytestmark = pytest.mark.slow


def test_a_clone_is_its_own_course():
    assert course_folder(ROOT) == ROOT


def test_a_folder_without_a_course_stays_what_it_is_in_a_clone(tmp_path):
    """The editable installation of a clone brings no lessons: start says that there are none."""
    assert course_folder(tmp_path) == tmp_path


def test_the_wheel_starts_a_lesson_in_an_empty_folder(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built, prefix, empty = (tmp_path / name for name in ("built", "prefix", "empty"))
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(built), str(source)]
    subprocess.run(build, check=True)
    (wheel,) = built.glob("*.whl")
    # Without --ignore-installed, pip would remove the package of the environment that tests.
    kept = ["--ignore-installed", "--no-deps", "--no-index"]
    install = [*pip, "install", *kept, "--prefix", str(prefix), str(wheel)]
    subprocess.run(install, check=True)
    (package,) = prefix.rglob("site-packages")
    empty.mkdir()
    started = subprocess.run(
        [sys.executable, "-m", "adaptlab.cli", "start", "00", "lab01"],
        cwd=empty,
        env=os.environ | {"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
    )
    assert started.returncode == 0, started.stderr
    copies = sorted(path.name for path in (empty / "my-work").iterdir())
    assert copies == ["00_start_here.ipynb", "lab01_prompts.ipynb"]
