"""The claims of the guides, in our words, each with the rule that decides it.

The rules were written before any run, unless a claim says otherwise.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from adaptlab.errors import AdaptLabError

# A claim is out of reach if no condition of its experiment does better than guessing.
OUT_OF_REACH = "out of this model's reach"
# The first letter of a claim's id is its group: the lever that it is about.
GROUPS = {
    "P": "prompting",
    "R": "retrieval",
    "L": "LoRA",
    "F": "fine-tuning",
    "D": "preferences",
    "G": "forgetting",
    "H": "deciding",
    "X": "more levers",
}
VERDICTS = ("holds", "holds with limits", "refuted", "not shown here", OUT_OF_REACH)


@dataclass(frozen=True)
class Rule:
    """The condition on the interval of the measured effect.

    The claim holds if the whole interval is at or above `at_least`. It holds with limits if the
    whole interval is above `limit`. It is refuted if the whole interval is at or below `limit`.
    Otherwise it is not shown here.
    """

    effect: str
    at_least: float
    limit: float

    def __post_init__(self):
        if not self.limit <= self.at_least:
            raise ValueError(f"the rule's limit ({self.limit}) is above at_least ({self.at_least})")

    def verdict(self, low: float, high: float) -> str:
        """Return the verdict for an interval; one of VERDICTS, but never OUT_OF_REACH."""
        if low >= self.at_least and low > self.limit:
            return "holds"
        if low > self.limit:
            return "holds with limits"
        return "refuted" if high <= self.limit else "not shown here"

    @property
    def limits(self) -> str:
        return f"holds from {self.at_least:g} up, with limits above {self.limit:g}"

    def __str__(self) -> str:
        return f"{self.effect}: {self.limits}"


@dataclass(frozen=True)
class Claim:
    """One claim: `guides` are the letters of the guides that make it, `published` the published
    number and its source.

    `revised` says why the rule was changed after a run, if it was. Without a `language_model` in
    its experiment, a claim's result is the same for any model.
    """

    id: str
    text: str
    guides: str
    published: str
    built_in: str
    revised: str
    rule: Rule
    language_model: bool = True


@cache
def claims() -> dict[str, Claim]:
    """Return all claims by id, from claims.toml."""
    return read_claims(
        resources.files("adaptlab.evals").joinpath("claims.toml").read_text(encoding="utf-8")
    )


def read_claims(text: str) -> dict[str, Claim]:
    """Read the claims in a text in TOML.

    Raises:
        AdaptLabError: that names the claim with a fault.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AdaptLabError(f"claims.toml is not valid TOML ({error}). Correct it.") from error
    _check_ids(table)
    for key, entry in table.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("rule", {}), dict):
            says = f"claims.toml, {key}: a claim and its rule are tables"
            raise AdaptLabError(f"{says}. Write [{key}].")
        if missing := [
            name for name in ("text", "guides", "published", "rule") if name not in entry
        ]:
            raise AdaptLabError(
                f"claims.toml, [{key}] lacks {', '.join(missing)}. Add the missing keys."
            )
        if set(entry["rule"]) != {"effect", "at_least", "limit"}:
            raise AdaptLabError(
                f"claims.toml, [{key}]: a rule has effect, at_least and limit, but this rule"
                f" has {', '.join(entry['rule'])}."
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
            entry.get("language_model", True),
        )
        for key, entry in table.items()
    }


def _check_ids(ids: Iterable[str]) -> None:
    """Check that each id is a known group and the next number in it, and that the claims of a group
    follow each other.
    """
    counted: Counter[str] = Counter()
    last = ""
    for key in ids:
        group = key[:1]
        if group not in GROUPS:
            raise AdaptLabError(
                f"claims.toml, [{key}]: an id starts with a group's letter, one of"
                f" {', '.join(GROUPS)}. Use one of these, or add a group to GROUPS in"
                " evals/claims.py."
            )
        if counted[group] and group != last:
            raise AdaptLabError(
                f"claims.toml, [{key}] is apart from the other claims of group {group}. Move it"
                f" after [{group}{counted[group]}]."
            )
        counted[group] += 1
        last = group
        if key != f"{group}{counted[group]}":
            raise AdaptLabError(
                f"claims.toml, [{key}]: the next claim of group {group} is [{group}"
                f"{counted[group]}]. Use this id."
            )


def claim(claim_id: str) -> Claim:
    """Return one claim by id.

    Raises:
        AdaptLabError: if there is no such claim.
    """
    if claim_id not in claims():
        raise AdaptLabError(
            f"There is no claim {claim_id!r}. Add it to evals/claims.toml first, or name one"
            f" of {', '.join(claims())}."
        )
    return claims()[claim_id]
