"""P8 and F6: claims about two models, from what was measured on each with the same cases."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean, paired_difference, rank_correlation
from adaptlab.studies.real_models.experiment import Conditions

TRANSFER = 0.7  # the rank correlation from which a choice of layout would carry over


@dataclass(frozen=True)
class Between:
    """A claim from the conditions of another claim on a smaller and on a larger model.

    `arms(smaller, larger)` are the outcomes of which one must leave the floor.
    """

    source: str
    effect: Callable[[Conditions, Conditions], Estimate]
    arms: Callable[[Conditions, Conditions], Mapping[str, Sequence[float]]]
    floor: float = 0.0


def transfer(smaller: Conditions, larger: Conditions) -> Estimate:
    """Return `TRANSFER` minus the rank correlation of the layouts' accuracies."""
    names = list(smaller)
    x, y = ([mean(found[name]).value for name in names] for found in (smaller, larger))
    rho = rank_correlation(x, y)
    return Estimate(TRANSFER - rho.value, TRANSFER - rho.high, TRANSFER - rho.low, rho.n)


def small_tuned_minus_large_prompted(smaller: Conditions, larger: Conditions) -> Estimate:
    """Return the exact records of the small model after fine-tuning minus those of the larger model
    with its best prompt, on the same tickets.
    """
    return paired_difference(smaller["tuned: exact"], larger["best prompt: exact"])


BETWEEN = {
    "P8": Between(
        "P5",
        transfer,
        lambda smaller, larger: {
            "smaller": max(smaller.values(), key=sum),
            "larger": max(larger.values(), key=sum),
        },
        0.5,
    ),
    "F6": Between(
        "F1",
        small_tuned_minus_large_prompted,
        lambda smaller, larger: {
            "tuned": smaller["tuned: exact"],
            "prompted": larger["best prompt: exact"],
        },
    ),
}
