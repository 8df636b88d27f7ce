"""The levels of a box, the first that is there being taken; the lowest is for those who ask for it."""

from adaptlab.errors import AdaptLabError
from adaptlab.grading import bwrap, landlock
from adaptlab.grading.container import Engine

LEVELS = {"bwrap": bwrap, "podman": Engine("podman"), "docker": Engine("docker"), "landlock": landlock}
LOWER = ("landlock",)  # promises less, and so is never chosen for somebody


def level(asked: str = "") -> str:
    """The level that is asked for, or the first of this machine; an AdaptLabError where it is not there. Never another one than was asked for."""
    if asked and asked not in LEVELS:
        raise AdaptLabError(f"There is no level {asked!r} of a box; there are {', '.join(LEVELS)}.")
    if asked:
        if why := LEVELS[asked].missing():
            raise AdaptLabError(f"This machine has no box of the level {asked}: {why}.")
        return asked
    reasons = {}
    for name in [name for name in LEVELS if name not in LOWER]:
        if not (why := LEVELS[name].missing()):
            return name
        reasons[name] = why
    lower = [name for name in LOWER if not LEVELS[name].missing()]
    hint = f" A lower level, which promises less, can be asked for by --box {lower[0]}; adaptlab grade doctor --box {lower[0]} says what." if lower else ""
    raise AdaptLabError(f"Strangers' notebooks need a box, and this machine has none: {'; '.join(reasons.values())}.{hint}")
