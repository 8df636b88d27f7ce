"""Results that take too long for a lesson: kept as measured, each with the command that measures it again."""

import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def recorded(name: str) -> dict:
    """A record: the `command` that made it, the machine's `cores`, and its `rows`."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
