"""Advice on a user's case: the best lever, the measurements behind it, and the changes that would
alter it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from adaptlab.decide.costs import PRICES, Prices
from adaptlab.decide.guides import opinions
from adaptlab.decide.need import Lever
from adaptlab.decide.task_bank import BankCase, Condition, Described, Matrix, case
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate

NO_BASELINES: Mapping[str, Mapping[int, Estimate]] = MappingProxyType({})

# The numbers of a condition that are varied, one at a time, until the answer changes.
TURNED = {
    "n_queries": ("queries a day", (10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)),
    "n_updates": ("changes of facts a month", (0, 1, 4, 10, 30, 100, 1000)),
    "n_examples": ("examples", (0, 10, 30, 100, 300, 1000, 3000)),
    "least": ("required accuracy", (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)),
}


@dataclass(frozen=True)
class Advice:
    """The case with its best lever, each guide's choice, and for each number the nearest value that
    changes the answer.

    `without_model` is the accuracy of the `baseline` without a language model, where it was
    measured with at most the case's number of examples.
    """

    case: BankCase
    guides: Mapping[str, Lever]
    turns: tuple[tuple[str, float, str], ...]
    without_model: Estimate | None = None
    baseline: str = ""

    @property
    def needs_no_model(self) -> bool:
        """Whether the baseline reaches the required accuracy."""
        return self.without_model is not None and self.without_model.value >= self.case.need.least


def advise(
    like: str,
    condition: Condition,
    matrix: Matrix,
    described: Mapping[str, Described],
    prices: Prices = PRICES,
    baselines: Mapping[str, Mapping[int, Estimate]] = NO_BASELINES,
) -> Advice:
    """Give advice under a condition, from the measurements of the task that is most `like` the
    user's. `baselines` are accuracies without a language model, by task and number of examples.

    Raises:
        AdaptLabError: if there is no such measured task.
    """
    if like not in described:
        raise AdaptLabError(
            f"There is no measured task {like!r}; the tasks are {', '.join(described)}."
            " Choose the task that is most similar to yours."
        )
    found = case(like, condition, matrix[like], described[like], prices)
    turns = []
    for name, (words, values) in TURNED.items():
        now = getattr(condition, name)
        for value in sorted(values, key=lambda value: abs(_scale(value) - _scale(now))):
            other = case(
                like,
                replace(condition, **dict[str, Any]({name: value})),
                matrix[like],
                described[like],
                prices,
            )
            if other.best != found.best:
                turns.append(
                    (
                        words,
                        value,
                        (
                            str(other.best)
                            if other.scores[other.best]
                            else "none: no measured lever has a correct reply then"
                        ),
                    )
                )
                break
    measured = baselines.get(like, {})
    within = [n for n in measured if n <= condition.n_examples]
    without_model = measured[max(within)] if within else None
    return Advice(
        found, opinions(found.need), tuple(turns), without_model, described[like].baseline
    )


def _scale(value: float) -> float:
    """Orders of magnitude; shares as they are."""
    from math import log10

    return value if 0 < value < 1 else log10(value + 1)


def headline(advice: Advice) -> str:
    """Return the answer in a sentence."""
    found = advice.case
    if advice.needs_no_model:
        return (
            f"no language model: {advice.baseline} has the accuracy {advice.without_model} and"
            f" needs no tokens. With a language model: {_best(found)}"
        )
    return _best(found)


def _best(found: BankCase) -> str:
    asked = f"{found.need.least:.0%}"
    if not found.scores[found.best]:
        return "none: no measured lever has a correct reply here"
    if not found.reached:
        return f"{found.best}: no measured lever reaches {asked}; this one has the highest accuracy"
    beyond = (
        "" if found.costs[found.best] <= found.need.budget else ", and costs more than the budget"
    )
    return f"{found.best}: the cheapest lever that reaches {asked}{beyond}"


def as_text(advice: Advice) -> str:
    """Return the advice in lines."""
    found = advice.case
    lines = [headline(advice), "", f"{'lever':<24}{'accuracy':>9}{'money a month':>16}"]
    lines += [
        f"{lever:<24}{found.scores[lever]:>9.2f}{found.costs[lever]:>16.2f}"
        for lever in sorted(found.scores, key=lambda one: found.costs[one])
    ]
    if advice.without_model:
        lines += [f"{'no language model':<24}{advice.without_model.value:>9.2f}{0:>16.2f}"]
    lines += ["", "What would change the answer:"]
    lines += [f"  {words} {value:,g}: {then}" for words, value, then in advice.turns] or [
        "  none of the numbers, one at a time"
    ]
    lines += [
        "",
        "The guides: " + "; ".join(f"{name} {answer}" for name, answer in advice.guides.items()),
    ]
    return "\n".join(lines)
