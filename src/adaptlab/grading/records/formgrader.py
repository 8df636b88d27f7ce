"""What nbgrader's formgrader needs beside its gradebook: a folder of a course, with each student's
notebook as it was graded."""

import json
from collections.abc import Sequence
from pathlib import Path

from adaptlab.files import write_whole
from adaptlab.grading.grade import Mark
from adaptlab.grading.records.sheet import Sheet

CONFIG = '''"""For nbgrader's formgrader. Written by: adaptlab grade export --platform nbgrader"""

c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.db_url = {database!r}
'''
# How to open it, given the folder; nbgrader's extensions are not switched on by its installation.
OPEN = (
    "cd {folder} && jupyter lab"
    " --ServerApp.jpserver_extensions=\"{{'nbgrader.server_extensions.formgrader': True}}\" (then"
    " /formgrader)"
)
BEFORE = "check_"  # in the name of the cell that carries the points of an exercise


def write_course(gradebook: Path, lab: str, released: bytes, sheets: Sequence[Sheet]) -> Path:
    """Write the folder of the gradebook's course; returns its configuration file.

    `released`: the lab's notebook. A student's is that with their answers in it, and under each
    check what the grader said. Nothing of theirs runs here.
    """
    root = gradebook.absolute().parent
    name = f"{lab}.ipynb"
    for stage in ("source", "release"):
        write_whole(root / stage / lab / name, released.decode())
    for sheet in sheets:
        graded = _graded(json.loads(released), sheet)
        write_whole(root / "autograded" / sheet.student / lab / name, json.dumps(graded, indent=1))
    config = CONFIG.format(root=str(root), database=f"sqlite:///{gradebook.absolute()}")
    write_whole(root / "nbgrader_config.py", config)
    return root / "nbgrader_config.py"


def _graded(notebook: dict, sheet: Sheet) -> dict:
    marks = {mark.exercise: mark for mark in sheet.marks}
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if name in sheet.answers:
            cell["source"] = sheet.answers[name]
        mark = marks.get(name.removeprefix(BEFORE))
        if mark and cell["cell_type"] == "code" and name.startswith(BEFORE):
            cell["outputs"] = [_output(mark)]
    return notebook


def _output(mark: Mark) -> dict:
    said = f"{mark.status}: {mark.sentence}\n"
    return {"output_type": "stream", "name": "stdout", "text": said}
