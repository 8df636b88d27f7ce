"""What n cases can show: how often an interval holds the truth and a test finds an effect, by
drawing again and again from answers of a real model.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import scipy  # which imports its parts when they are first used

from adaptlab.checks import check_number, check_numbers, check_pairs, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.evals.statistics import Estimate, exact_mcnemar_p, proportion, unpaired_p

ALPHA = 0.05
POWER = 0.8
N_DRAWS = 2000
Hits = Sequence[bool]


def coverage(
    interval: Callable[[int, int], tuple[float, float]],
    pool: Hits,
    n: int,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> Estimate:
    """Share of samples of n, drawn from the pool with replacement, whose `interval(k, n)` of k hits
    holds the pool's share.
    """
    check_whole(n, "n", 1)
    truth = float(check_numbers(pool, "The pool's answers", 0, 1).mean())
    # (n_draws,).
    counts = np.random.default_rng(seed).choice(np.asarray(pool, bool), (n_draws, n)).sum(axis=1)
    holds = {k: interval(k, n)[0] <= truth <= interval(k, n)[1] for k in set(counts.tolist())}
    return proportion([holds[k] for k in counts.tolist()])


def discordance(new: Hits, old: Hits) -> float:
    """Share of the cases on which the two differ."""
    _check_pool(new, old)
    return float(np.mean(np.not_equal(np.asarray(new, bool), np.asarray(old, bool))))


def _check_pool(new: Hits, old: Hits) -> None:
    check_pairs(new, old, "The answers of the pool")
    check_numbers(new, "The new answers", 0, 1), check_numbers(old, "The old answers", 0, 1)


def planted(hits: Hits, effect: float, seed: int = 0) -> list[bool]:
    """The same answers with as many wrong ones made right as raise the share by `effect`; the cases
    are drawn by chance.
    """
    check_number(effect, "The effect")
    raised = check_numbers(hits, "The hits", 0, 1).astype(bool)
    wrong = np.flatnonzero(~raised)
    n_raised = round(effect * len(hits))
    if not 0 <= n_raised <= len(wrong):
        raise AdaptLabError(
            f"An effect of {effect:g} cannot be planted among {len(hits)} cases of which"
            f" {len(wrong)} are wrong; choose one from 0 to that share."
        )
    raised[np.random.default_rng(seed).choice(wrong, n_raised, replace=False)] = True
    return raised.tolist()


def simulated_power(
    new: Hits, old: Hits, n: int, paired: bool = True, n_draws: int = N_DRAWS, seed: int = 0
) -> Estimate:
    """Power by simulation: the share of comparisons over n cases, drawn from the pool with
    replacement, whose two-sided p-value is below ALPHA.

    `paired`: both on the same n cases, by McNemar's test; else on n cases each, by the test of two
    shares.
    """
    _check_pool(new, old)
    check_whole(n, "n", 1)
    gained = np.asarray(new, bool)
    before = np.asarray(old, bool)
    rng = np.random.default_rng(seed)
    cases = rng.integers(len(gained), size=(n_draws, n))
    if paired:
        counts = zip(
            (gained & ~before)[cases].sum(axis=1).tolist(),
            (before & ~gained)[cases].sum(axis=1).tolist(),
        )
        return proportion(_significant(list(counts), exact_mcnemar_p))
    others = rng.integers(len(before), size=(n_draws, n))
    counts = zip(gained[cases].sum(axis=1).tolist(), before[others].sum(axis=1).tolist())
    return proportion(_significant(list(counts), lambda a, b: unpaired_p(a, n, b, n)))


def _significant(
    counts: Sequence[tuple[int, int]], p_value: Callable[[int, int], float]
) -> list[bool]:
    """Whether each pair of counts is significant; equal pairs are tested once."""
    by_counts = {pair: p_value(*pair) < ALPHA for pair in set(counts)}
    return [by_counts[pair] for pair in counts]


def _quantiles(alpha: float, power: float) -> tuple[float, float]:
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise AdaptLabError(f"{name} is {value!r}. Give a number between 0 and 1.")
    return float(scipy.stats.norm.ppf(1 - alpha / 2)), float(scipy.stats.norm.ppf(power))


def cases_paired(effect: float, differ: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """Cases that both must answer, so that an effect is found with a probability of `power`
    (Miettinen 1968, Connor 1987).

    `differ` is the share of cases on which the two differ, which cannot be less than the effect.
    """
    if not 0 < abs(effect) <= differ <= 1:
        raise AdaptLabError(
            f"An effect of {effect:g} needs a share of differing cases from its own size to 1, not"
            f" {differ:g}, and must not be 0."
        )
    z_alpha, z_power = _quantiles(alpha, power)
    return math.ceil(
        (z_alpha * math.sqrt(differ) + z_power * math.sqrt(differ - effect**2)) ** 2 / effect**2
    )


def cases_unpaired(new: float, old: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """Cases that each of two must answer, cases of its own, so that the difference of the shares is
    found with a probability of `power`.
    """
    if new == old or not (0 <= new <= 1 and 0 <= old <= 1):
        raise AdaptLabError(
            f"Two different shares from 0 to 1 are needed, not {new:g} and {old:g}."
        )
    z_alpha, z_power = _quantiles(alpha, power)
    middle = (new + old) / 2
    spread = z_alpha * math.sqrt(2 * middle * (1 - middle)) + z_power * math.sqrt(
        new * (1 - new) + old * (1 - old)
    )
    return math.ceil(spread**2 / (new - old) ** 2)
