"""The course's folder: a clone, or the lessons and labs that an installed package brings."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

SHARED = "share/adaptlab"


def course_folder(folder: Path) -> Path:
    """Return the folder if it has lessons; else that of the installed package, if it has one."""
    if (folder / "notebooks").is_dir():
        return folder
    try:
        files = distribution("adaptlab").files or ()
    except PackageNotFoundError:
        return folder
    for file in files:
        if file.parent.as_posix().endswith(f"{SHARED}/notebooks"):
            return Path(str(file.locate())).resolve().parents[1]
    return folder
