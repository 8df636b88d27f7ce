"""A student's own copies of lessons and labs, without outputs, which nothing overwrites."""

from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor, ClearOutputPreprocessor

from adaptlab.course.installed import course_folder
from adaptlab.course.labs import labs_of
from adaptlab.course.run import find_notebooks, read_notebook
from adaptlab.errors import AdaptLabError
from adaptlab.files import write_whole

MY_WORK = "my-work"  # in the folder of the course, so that paths such as ../build stay valid


def without_outputs(notebook: Path) -> str:
    """Return the notebook as text, without outputs and execution counts.

    Raises:
        AdaptLabError: if it is not a notebook.
    """
    kept = read_notebook(notebook)
    for clear in (ClearOutputPreprocessor(), ClearMetadataPreprocessor(clear_cell_metadata=False)):
        kept, _ = clear.preprocess(kept, {})
    return nbformat.writes(kept) + "\n"


def start(folder: Path, names: Sequence[str], to: Path | None = None) -> list[tuple[Path, bool]]:
    """Copy lessons and labs, each given by the start of its name, into the student's folder: `to`,
    or my-work in the given folder. Without lessons there, those of the installed package are taken.

    Returns each copy and whether it was made now. A copy that is there stays as it is: it contains
    the student's work.

    Raises:
        AdaptLabError: if no lesson or lab has such a name; then nothing is copied.
    """
    course = course_folder(folder)
    there = {path.stem: path for path in [*find_notebooks(course / "notebooks"), *labs_of(course)]}
    chosen = []
    for name in names:
        found = [stem for stem in there if name and stem.startswith(name)]
        if not found:
            raise AdaptLabError(
                f"No lesson or lab starts with {name!r}. Choose from {', '.join(there)}."
            )
        chosen += found
    copies = []
    for stem in dict.fromkeys(chosen):
        copy = (to or folder / MY_WORK) / there[stem].name
        is_new = not copy.exists()
        if is_new:
            write_whole(copy, without_outputs(there[stem]))
        copies.append((copy, is_new))
    return copies
