"""The gate: compare the base and the fine-tuned model on the same cases, skill by skill.

A skill fails if its loss is significant and above the margin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # which imports its parts when they are first used

from adaptlab.checks import check_number, check_numbers, check_pairs
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import paired_difference
from adaptlab.evals.suite import PROSE, Values

MARGIN = 0.02
ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """One skill before and after.

    `change`: after minus before, with its 95% interval over the cases. `loss`: the value compared
    with the margin, in accuracy; for prose more bits as a share of the bits before. `p`: corrected
    for the number of skills.
    """

    skill: str
    before: float
    after: float
    change: Estimate
    loss: float
    p: float
    fails: bool


def mcnemar(after: Sequence[float], before: Sequence[float]) -> float:
    """Return the one-sided exact p-value of "no more cases were lost than won" (McNemar 1947).

    Both lists have the same cases in the same order. Under the null hypothesis each changed case is
    lost with a probability of at most 1/2. The p-value is 1 if no case changed.
    """
    _check_sides(after, before)
    lost, won = (int(np.sum(np.greater(a, b))) for a, b in ((before, after), (after, before)))
    return (
        float(scipy.stats.binomtest(lost, lost + won, alternative="greater").pvalue)
        if lost + won
        else 1.0
    )


def more_bits(after: Sequence[float], before: Sequence[float]) -> float:
    """Return the one-sided p-value of "no more bits than before"; 1 if no value changed.

    The test is Wilcoxon's signed-rank test over the stories.
    """
    _check_sides(after, before)
    changes = np.subtract(after, before)
    return (
        float(scipy.stats.wilcoxon(changes, alternative="greater").pvalue) if changes.any() else 1.0
    )


def _check_sides(after: Sequence[float], before: Sequence[float]) -> None:
    check_pairs(after, before, "After and before")
    check_numbers(after, "The values after"), check_numbers(before, "The values before")


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number, in the given order (Holm 1979).

    The k-th smallest of m is multiplied by (m - k + 1), and is at least the corrected value of the
    smaller ones.
    """
    check_numbers(p_values, "The p-values", 0, 1)
    order = np.argsort(p_values)
    raised = [min(1.0, p_values[i] * (len(p_values) - rank)) for rank, i in enumerate(order)]
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(raised)
    return corrected.tolist()


def compare(
    before: Values, after: Values, margin: float = MARGIN, alpha: float = ALPHA
) -> list[Comparison]:
    """Compare the skills of two models on the same cases; a skill fails if its loss is significant
    and above the margin.

    Significant: the one-sided paired test, corrected by Holm for the number of skills, has a
    p-value below `alpha`. So a fine-tuning run without any loss fails with a probability below
    `alpha`, and a small loss does not fail a large suite.

    With 500 cases and seven skills, a loss of 5 percentage points is found in 9/10 runs if at most
    8% of the cases change. It is found in 6/10 runs if 15% change. The margin bounds the measured
    loss, not the true loss.

    Raises:
        AdaptLabError: if the two models were not measured on the same cases.
    """
    check_number(margin, "The margin", 0)
    if not before:
        raise AdaptLabError(
            "The measurements of both models are empty. Give the values of at least one skill."
        )
    if {name: len(found) for name, found in before.items()} != {
        name: len(found) for name, found in after.items()
    }:
        raise AdaptLabError(
            "The two models were not measured on the same cases. Run both with the same n and seed."
        )
    corrected = holm(
        [(more_bits if name == PROSE else mcnemar)(after[name], before[name]) for name in before]
    )
    rows = []
    for name, p in zip(before, corrected):
        old = float(np.mean(before[name]))
        new = float(np.mean(after[name]))
        loss = (new - old) / old if name == PROSE else old - new
        rows.append(
            Comparison(
                name,
                old,
                new,
                paired_difference(after[name], before[name]),
                loss,
                p,
                p < alpha and loss > margin,
            )
        )
    return rows


def passes(rows: Sequence[Comparison]) -> bool:
    return not any(row.fails for row in rows)


def table(rows: Sequence[Comparison]) -> str:
    """Return the comparison as text, one line per skill; failed skills are marked in words."""
    head = (
        f"{'skill':<12} {'before':>7} {'after':>7} {'change':>7}  {'95% interval':<18}"
        f" {'corrected p':>11}"
    )
    lines = [
        f"{row.skill:<12} {row.before:7.3f} {row.after:7.3f} {row.change.value:+7.3f} "
        f" {f'[{row.change.low:+.3f}, {row.change.high:+.3f}]':<18}"
        f" {row.p:11.2g}{'  LOST' if row.fails else ''}"
        for row in rows
    ]
    return "\n".join([head, *lines])
