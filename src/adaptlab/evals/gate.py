"""The gate: base and tuned model on the same cases, skill by skill, and whether a loss is more than
chance and more than is allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # which imports its parts when they are first used

from adaptlab.checks import check_number, check_numbers, check_pairs
from adaptlab.errors import AdaptLabError
from adaptlab.evals.statistics import Estimate, paired_difference
from adaptlab.evals.suite import PROSE, Values

MARGIN = 0.02
ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """One skill before and after. `change`: after minus before, with its 95% interval over the
    cases. `loss`: what the margin is held against, in the share of right replies, or for prose in
    more bits as a share of the bits before. `p`: corrected for the number of skills.
    """

    skill: str
    before: float
    after: float
    change: Estimate
    loss: float
    p: float
    fails: bool


def mcnemar(after: Sequence[float], before: Sequence[float]) -> float:
    """One-sided exact p-value of "no more cases were lost than won", over the same cases in the
    same order (McNemar 1947).

    Of the cases that changed, those lost are a fair coin's heads if nothing was lost. 1 where no
    case changed.
    """
    _check_sides(after, before)
    lost, won = (int(np.sum(np.greater(a, b))) for a, b in ((before, after), (after, before)))
    return (
        float(scipy.stats.binomtest(lost, lost + won, alternative="greater").pvalue)
        if lost + won
        else 1.0
    )


def more_bits(after: Sequence[float], before: Sequence[float]) -> float:
    """One-sided p-value of "no more bits than before" (Wilcoxon's signed ranks over the stories); 1
    where none changed.
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
    """p-values corrected for their number, in the order given (Holm 1979): the k-th least times (m
    - k + 1), and no less than those below it.
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
    """A skill fails if both are so: a loss of nothing would show what was lost with a probability
    below `alpha` (one-sided, paired, corrected by Holm for the number of skills), and the loss that
    was measured is above `margin`.

    So a tuning that loses nothing anywhere fails in less than `alpha` of all cases, and a loss too
    small to matter does not fail a large suite. With 500 cases and seven skills, a loss of five
    points is found in nine of ten runs while no more than eight cases in a hundred change, and in
    six of ten where fifteen do. The margin bounds the loss that was measured, not the true one.
    """
    check_number(margin, "The margin", 0)
    if not before:
        raise AdaptLabError("No skill was measured. Give the values of at least one.")
    if {name: len(found) for name, found in before.items()} != {
        name: len(found) for name, found in after.items()
    }:
        raise AdaptLabError(
            "The two models were not measured on the same cases; run both with the same n and seed."
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
    """The comparison as text, a line a skill, the failed ones marked in words."""
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
