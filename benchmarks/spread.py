"""Ratios over the rounds of a benchmark, as they are reported."""

import statistics
from collections.abc import Sequence


def spread(name: str, ratios: Sequence[float]) -> dict[str, float]:
    """The median under `name`, the least and the most."""
    return {name: round(statistics.median(ratios), 2), "least": round(min(ratios), 2), "most": round(max(ratios), 2)}
