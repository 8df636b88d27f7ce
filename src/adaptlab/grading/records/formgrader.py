"""Write the files that nbgrader's formgrader needs in addition to its gradebook: a course folder
with each student's graded notebook.
"""

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
# The command that opens formgrader; installing nbgrader does not enable its extensions.
OPEN = (
    "cd {folder} && jupyter lab"
    " --ServerApp.jpserver_extensions=\"{{'nbgrader.server_extensions.formgrader': True}}\" (then"
    " /formgrader)"
)
BEFORE = "check_"  # prefix of the name of the cell that has the points of an exercise


def write_course(gradebook: Path, lab: str, released: bytes, sheets: Sequence[Sheet]) -> Path:
    """Write the course folder next to the gradebook; returns its configuration file.

    `released` is the lab's notebook. Each student's copy has their answers in it, and the grader's
    feedback below each check. No student code runs here.
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
