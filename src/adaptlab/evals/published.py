"""Published numbers for our plots: published.toml, each with its source."""

import tomllib
from importlib import resources

from adaptlab.errors import AdaptLabError


def published(claim_id: str) -> dict[str, dict[str | float, float]]:
    """Return {name: {x: y}} of the measurements in a claim's sources, with x on the axis of our
    figure.

    Raises:
        AdaptLabError: if the claim has no published numbers.
    """
    table = tomllib.loads(
        resources.files("adaptlab.evals").joinpath("published.toml").read_text(encoding="utf-8")
    )
    if claim_id not in table:
        raise AdaptLabError(
            f"There are no published numbers to draw for {claim_id!r}. Choose one of"
            f" {', '.join(table)}."
        )
    return {
        curve["name"]: dict(zip(curve["x"], curve["y"], strict=True)) for curve in table[claim_id]
    }
