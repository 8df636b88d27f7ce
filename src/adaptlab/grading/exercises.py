"""The exercises of a lab: its own, or in the students' package the recorded ones."""

import importlib
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.grading.artefact import Artefact
from adaptlab.grading.exercise import Exercise
from adaptlab.grading.recorded import FOLDER, is_recorded, recorded_exercises

LABS = Path(__file__).parent / "labs"


def lab_names() -> list[str]:
    """The labs that have exercises here, as "lab01"."""
    names = {path.name for path in LABS.glob("lab[0-9][0-9]")}
    return sorted(names or {path.stem for path in FOLDER.glob("lab[0-9][0-9].json")})


def exercises(lab: str) -> dict[str, type[Exercise]]:
    """The exercises of a lab by their names, in order.

    Raises:
        AdaptLabError: if there is no such lab.
    """
    if is_recorded():
        return recorded_exercises(lab)
    try:
        module = importlib.import_module(f"adaptlab.grading.labs.{lab}")
    except ModuleNotFoundError as error:
        known = ", ".join(lab_names())
        raise AdaptLabError(f"There is no lab {lab!r}. Give one of {known}.") from error
    return {name: getattr(module, name) for name in module.__all__}


def files_of(lab: str) -> dict[str, int]:
    """The files that are handed in beside a lab's notebook, and how many bytes each may have."""
    found = [exercise for exercise in exercises(lab[:5]).values() if issubclass(exercise, Artefact)]
    return {exercise.file: exercise.max_bytes for exercise in found}
