"""The sandbox levels. By default the first available one is used; the lowest must be requested."""

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
LEVELS = BOXES | {"process": process}  # not a sandbox; only for a student's own notebook
LOWER = ("landlock",)  # guarantees less, so it is used only on request


def level(asked: str = "") -> str:
    """Return the requested sandbox level, or the first one that this machine has.

    Raises:
        AdaptLabError: if the requested level is unknown or not available; no other level replaces
            it.
    """
    if asked and asked not in BOXES:
        raise AdaptLabError(f"There is no sandbox level {asked!r}. Use one of {', '.join(BOXES)}.")
    if asked:
        if why := LEVELS[asked].missing():
            raise AdaptLabError(f"The sandbox level {asked} is not available here: {why}.")
        return asked
    reasons = {}
    for name in [name for name in BOXES if name not in LOWER]:
        if not (why := LEVELS[name].missing()):
            return name
        reasons[name] = why
    lower = [name for name in LOWER if not LEVELS[name].missing()]
    hint = (
        f" Or request a lower level, which guarantees less, with --box {lower[0]}; `adaptlab grade"
        f" doctor --box {lower[0]}` shows the difference."
        if lower
        else ""
    )
    raise AdaptLabError(
        "This machine has no sandbox, which grading other people's notebooks needs:"
        f" {'; '.join(reasons.values())}. Install bubblewrap, Podman or Docker.{hint}"
    )


def level_of_own(asked: str = "") -> str:
    """Return the level for a student's own notebook: a sandbox, also of a lower level, or without
    one a process.

    Raises:
        AdaptLabError: if the requested level is not available, or if not even a process is.
    """
    if asked:
        return level(asked)
    for name in (*BOXES, "process"):
        if not (why := LEVELS[name].missing()):
            return name
    raise AdaptLabError(f"Your notebook cannot be checked on this machine: {why}.")
