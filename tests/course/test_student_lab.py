"""A student's JupyterLab has no teacher's buttons, and says what a cell needs."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMANDS = subprocess.run(
    ["make", "--dry-run", "--always-make", "lab"], cwd=ROOT, capture_output=True, text=True
).stdout


def test_make_lab_opens_the_students_copy_with_the_students_settings():
    folder = re.search(r'JUPYTER_CONFIG_PATH="([^"$]+)', COMMANDS)[1]
    startup = re.search(r"PYTHONSTARTUP:-([^}]+)\}", COMMANDS)[1]
    assert Path(folder, "labconfig/page_config.json").is_file() and Path(startup).is_file()
    root = f'--ServerApp.root_dir="{ROOT}"'
    assert f"jupyter lab {root} my-work/00_start_here.ipynb" in COMMANDS


def test_teachers_buttons_are_hidden_there_and_only_there():
    folder = re.search(r'JUPYTER_CONFIG_PATH="([^"$]+)', COMMANDS)[1]
    jupyter = [sys.executable, "-m", "jupyter", "labextension", "list"]
    shown = {}
    for name, path in (("student", folder), ("teacher", "")):
        found = subprocess.run(
            jupyter, env=os.environ | {"JUPYTER_CONFIG_PATH": path}, capture_output=True, text=True
        )
        shown[name] = found.stdout + found.stderr
        assert "@jupyter-widgets/jupyterlab-manager" in shown[name]
    hidden = [name for name, said in shown.items() if "@jupyter/nbgrader (all plugins)" in said]
    assert hidden == ["student"]
