"""Make a release: the students' copy of the course, without answers, tests and solutions.

A release can be updated in its folder. The update replaces the files of the earlier release and
keeps all others, such as the `.git` folder.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from adaptlab.course.labs import RELEASED, find_sources, labs_of, out_of_step
from adaptlab.course.start import without_outputs
from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder, read_json, read_text, write_whole
from adaptlab.grading.exercises import exercises, lab_names
from adaptlab.grading.recorded import record
from adaptlab.progress import progress_bar

AS_THEY_ARE = (".gitignore", "LICENSE", "environment.yml", "pyproject.toml", "requirements.lock")
WITHOUT_ANSWERS = "src/adaptlab/grading/labs"
README = Path(__file__).parent / "templates" / "release.md"
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints", ".DS_Store")


def release(course: Path, target: Path) -> list[str]:
    """Write the students' copy of a course into a folder; returns the paths of its files.

    Raises:
        AdaptLabError: if the folder holds something else, or if labs are out of date with their
            sources.
    """
    written = _written(target)
    stale = out_of_step(find_sources(course / "solutions"), course / "labs")
    if stale:
        problem = f"{', '.join(stale)} in labs/ is out of date with its source"
        raise AdaptLabError(f"{problem}. Run: adaptlab labs build")
    files = dict(_files(course))
    for path in progress_bar(sorted(files), desc="release", unit="file"):
        content = files[path]
        if isinstance(content, Path):
            make_folder((target / path).parent)
            shutil.copyfile(content, target / path)
        else:
            write_whole(target / path, content)
    for path in sorted(set(written) - set(files)):
        (target / path).unlink(missing_ok=True)
    write_whole(target / RELEASED, json.dumps(sorted(files), indent=1) + "\n")
    return sorted(files)


def _written(target: Path) -> list[str]:
    """Return the files that an earlier release wrote.

    Raises:
        AdaptLabError: if the folder holds something else than a release.
    """
    if (target / RELEASED).exists():
        return [path for path in read_json(target / RELEASED) if _is_inside(path)]
    there = [path for path in target.iterdir() if path.name != ".git"] if target.is_dir() else []
    if there or (target.exists() and not target.is_dir()):
        raise AdaptLabError(
            f"{target} is not an empty folder or an earlier release. Give an empty folder."
        )
    return []


def _is_inside(path: object) -> bool:
    parts = Path(str(path)).parts
    return isinstance(path, str) and ".." not in parts and not Path(path).is_absolute()


def _files(course: Path) -> Iterator[tuple[str, Path | str]]:
    """Yield the paths of a release with their content: a file of the course, or a text."""
    for name in AS_THEY_ARE:
        yield name, course / name
    yield "Makefile", course / "setup.mk"
    yield "README.md", read_text(README)
    for lesson in sorted((course / "notebooks").glob("*.ipynb")):
        yield f"notebooks/{lesson.name}", without_outputs(lesson)
    for lab in labs_of(course):
        yield f"labs/{lab.name}", lab
    for path in _package(course):
        yield path.relative_to(course).as_posix(), path
    for name, text in recordings().items():
        yield f"src/adaptlab/grading/recordings/{name}", text


def _package(course: Path) -> Iterator[Path]:
    for path in sorted((course / "src" / "adaptlab").rglob("*")):
        inside = path.relative_to(course)
        hidden = any(part in LEFT_OUT for part in inside.parts)
        if path.is_file() and not hidden and not inside.is_relative_to(WITHOUT_ANSWERS):
            yield path


def recordings() -> dict[str, str]:
    """Return the files of recorded exercises by name, one file for each lab."""
    made = {lab: [record(exercise) for exercise in exercises(lab).values()] for lab in lab_names()}
    return {f"{lab}.json": json.dumps(rows) + "\n" for lab, rows in made.items()}
