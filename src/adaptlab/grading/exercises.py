"""The exercises of a lab; in the students' package, the recorded exercises."""

import importlib
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.grading.artefact import Artefact
from adaptlab.grading.exercise import Exercise
from adaptlab.grading.recorded import FOLDER, is_recorded, recorded_exercises

LABS = Path(__file__).parent / "labs"


def lab_names() -> list[str]:
    """Return the names of the labs that have exercises in this package, such as "lab01"."""
    names = {path.name for path in LABS.glob("lab[0-9][0-9]")}
    return sorted(names or {path.stem for path in FOLDER.glob("lab[0-9][0-9].json")})


def exercises(lab: str) -> dict[str, type[Exercise]]:
    """Return the exercises of a lab by name, in order.

    Raises:
        AdaptLabError: if there is no such lab, or its package does not import an exercise.
    """
    if is_recorded():
        return recorded_exercises(lab)
    try:
        module = importlib.import_module(f"adaptlab.grading.labs.{lab}")
    except ModuleNotFoundError as error:
        if error.name != f"adaptlab.grading.labs.{lab}":  # an import inside the lab
            raise
        known = ", ".join(lab_names())
        raise AdaptLabError(f"There is no lab {lab!r}. Use one of {known}.") from error
    if missing := [name for name in module.__all__ if not hasattr(module, name)]:
        raise AdaptLabError(
            f"{lab}/__init__.py lists {', '.join(missing)} in __all__, but does not import it. Add"
            " the import."
        )
    return {name: getattr(module, name) for name in module.__all__}


def files_of(lab: str) -> dict[str, int]:
    """Return the files that students submit with a lab's notebook, and their size limits in
    bytes.
    """
    found = [exercise for exercise in exercises(lab[:5]).values() if issubclass(exercise, Artefact)]
    return {exercise.file: exercise.max_bytes for exercise in found}
