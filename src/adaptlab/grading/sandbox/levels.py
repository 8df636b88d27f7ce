"""The levels of a box, the first that is there being taken; the lowest is for those who
ask for it.
"""

from typing import Any

from adaptlab.errors import AdaptLabError
from adaptlab.grading.sandbox import bare_process as process
from adaptlab.grading.sandbox import bwrap, landlock
from adaptlab.grading.sandbox.container import Engine

BOXES: dict[str, Any] = {
    "bwrap": bwrap,
    "podman": Engine("podman"),
    "docker": Engine("docker"),
    "landlock": landlock,
}
LEVELS = BOXES | {"process": process}  # no box, for a person's own notebook alone
LOWER = ("landlock",)  # promises less, and so is never chosen for somebody


def level(asked: str = "") -> str:
    """The level that is asked for, or the first of this machine; an AdaptLabError where it is not
    there. Never another one than was asked for.
    """
    if asked and asked not in BOXES:
        raise AdaptLabError(f"There is no level {asked!r} of a box; there are {', '.join(BOXES)}.")
    if asked:
        if why := LEVELS[asked].missing():
            raise AdaptLabError(f"This machine has no box of the level {asked}: {why}.")
        return asked
    reasons = {}
    for name in [name for name in BOXES if name not in LOWER]:
        if not (why := LEVELS[name].missing()):
            return name
        reasons[name] = why
    lower = [name for name in LOWER if not LEVELS[name].missing()]
    hint = (
        f" A lower level, which promises less, can be asked for by --box {lower[0]}; adaptlab grade"
        f" doctor --box {lower[0]} says what."
        if lower
        else ""
    )
    raise AdaptLabError(
        "Strangers' notebooks need a box, and this machine has none:"
        f" {'; '.join(reasons.values())}.{hint}"
    )


def level_of_own(asked: str = "") -> str:
    """The level for a person's own notebook: a box, of a lower level too, and where there is none a
    process. An AdaptLabError where there is not even that."""
    if asked:
        return level(asked)
    for name in (*BOXES, "process"):
        if not (why := LEVELS[name].missing()):
            return name
    raise AdaptLabError(f"Your notebook cannot be tried on this machine: {why}.")
