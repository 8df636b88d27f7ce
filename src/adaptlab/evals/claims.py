"""The claims that the guides make, in our words, each with the rule that decides it, written before
any run unless it says otherwise.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from adaptlab.errors import AdaptLabError

VERDICTS = ("holds", "holds with limits", "refuted", "not shown here")


@dataclass(frozen=True)
class Rule:
    """What the interval of the measured effect must show.

    `at_least`: the claim holds if the whole interval is at or above it, and holds with limits if
    the whole interval is above `limit`. It is refuted if the whole interval is at or below `limit`,
    and not shown here otherwise.
    """

    effect: str
    at_least: float
    limit: float

    def __post_init__(self):
        if not self.limit <= self.at_least:
            raise ValueError(
                f"a rule's limit ({self.limit}) cannot lie above what it asks for ({self.at_least})"
            )

    def verdict(self, low: float, high: float) -> str:
        """One of VERDICTS for an interval."""
        if low >= self.at_least and low > self.limit:
            return "holds"
        if low > self.limit:
            return "holds with limits"
        return "refuted" if high <= self.limit else "not shown here"

    def __str__(self) -> str:
        return f"{self.effect}: holds from {self.at_least:g} up, with limits above {self.limit:g}"


@dataclass(frozen=True)
class Claim:
    """One claim: `guides` are the letters of the guides that make it, `published` the number to
    compare with and its source.

    `revised` says why the rule was changed after a run, if it was.
    """

    id: str
    text: str
    guides: str
    published: str
    built_in: str
    revised: str
    rule: Rule


@cache
def claims() -> dict[str, Claim]:
    """All claims by id, from claims.toml."""
    return read_claims(
        resources.files("adaptlab.evals").joinpath("claims.toml").read_text(encoding="utf-8")
    )


def read_claims(text: str) -> dict[str, Claim]:
    """The claims that a text in TOML holds; what is wrong with it is an AdaptLabError that names
    the claim.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AdaptLabError(f"claims.toml cannot be read: {error}.") from error
    for key, entry in table.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("rule", {}), dict):
            says = f"claims.toml, {key}: a claim and its rule are tables"
            raise AdaptLabError(f"{says}. Write [{key}].")
        if missing := [
            name for name in ("text", "guides", "published", "rule") if name not in entry
        ]:
            raise AdaptLabError(f"claims.toml, [{key}]: {', '.join(missing)} missing.")
        if set(entry["rule"]) != {"effect", "at_least", "limit"}:
            raise AdaptLabError(
                f"claims.toml, [{key}]: a rule has effect, at_least and limit; this one has"
                f" {', '.join(entry['rule'])}."
            )
    return {
        key: Claim(
            key,
            entry["text"],
            entry["guides"],
            entry["published"],
            entry.get("built_in", ""),
            entry.get("revised", ""),
            Rule(**entry["rule"]),
        )
        for key, entry in table.items()
    }


def claim(claim_id: str) -> Claim:
    """One claim by id."""
    if claim_id not in claims():
        raise AdaptLabError(
            f"There is no claim {claim_id!r}: write it into evals/claims.toml first, or name one of"
            f" {', '.join(claims())}."
        )
    return claims()[claim_id]
