"""Results that take too long for a lesson, kept as measured, with the command that measures them
again.
"""

import json
from pathlib import Path

from adaptlab.errors import AdaptLabError

RESULTS = Path(__file__).parent / "results"


def recorded(name: str) -> dict:
    """Return a record: the `command` that made it, the machine's `cores`, and its `rows`.

    Raises:
        AdaptLabError: if there is no record of this name.
    """
    try:
        return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        there = ", ".join(sorted(path.stem for path in RESULTS.glob("*.json"))) or "none"
        raise AdaptLabError(
            f"There is no readable recorded result {name!r}. Choose one of {there}."
        ) from error
