"""Results that take too long for a lesson: kept as measured, each with the command that measures it
again.
"""

import json
from pathlib import Path

from adaptlab.errors import AdaptLabError

RESULTS = Path(__file__).parent / "results"


def recorded(name: str) -> dict:
    """A record: the `command` that made it, the machine's `cores`, and its `rows`; an AdaptLabError
    if there is none of this name.
    """
    try:
        return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        there = ", ".join(sorted(path.stem for path in RESULTS.glob("*.json"))) or "none"
        raise AdaptLabError(
            f"There is no recorded result {name!r} that can be read; there are: {there}."
        ) from error
