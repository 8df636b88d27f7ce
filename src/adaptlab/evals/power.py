"""The power of n cases: the coverage of intervals and the power of tests, by resampling answers of
a real model.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import scipy  # which imports its parts when they are first used

from adaptlab.checks import check_number, check_numbers, check_pairs, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import exact_mcnemar_p, proportion, unpaired_p

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
    """Return the share of samples of n, sampled from the pool with replacement, whose interval
    contains the pool's share.

    `interval(k, n)` is the interval of k hits.
    """
    check_whole(n, "n", 1)
    truth = float(check_numbers(pool, "The pool's answers", 0, 1).mean())
    # (n_draws,).
    counts = np.random.default_rng(seed).choice(np.asarray(pool, bool), (n_draws, n)).sum(axis=1)
    holds = {k: interval(k, n)[0] <= truth <= interval(k, n)[1] for k in set(counts.tolist())}
    return proportion([holds[k] for k in counts.tolist()])


def discordance(new: Hits, old: Hits) -> float:
    """Return the share of cases on which the two differ."""
    _check_pool(new, old)
    return float(np.mean(np.not_equal(np.asarray(new, bool), np.asarray(old, bool))))


def _check_pool(new: Hits, old: Hits) -> None:
    check_pairs(new, old, "The answers of the pool")
    check_numbers(new, "The new answers", 0, 1), check_numbers(old, "The old answers", 0, 1)


def planted(hits: Hits, effect: float, seed: int = 0) -> list[bool]:
    """Return the answers with as many wrong ones made correct as raise the share by `effect`; the
    cases are sampled.

    Raises:
        AdaptLabError: if there are too few wrong answers.
    """
    check_number(effect, "The effect")
    raised = check_numbers(hits, "The hits", 0, 1).astype(bool)
    wrong = np.flatnonzero(~raised)
    n_raised = round(effect * len(hits))
    if not 0 <= n_raised <= len(wrong):
        raise AdaptLabError(
            f"An effect of {effect:g} cannot be planted among {len(hits)} cases of which"
            f" {len(wrong)} are wrong. Choose an effect from 0 to the share of wrong cases."
        )
    raised[np.random.default_rng(seed).choice(wrong, n_raised, replace=False)] = True
    return raised.tolist()


def simulated_power(
    new: Hits, old: Hits, n: int, paired: bool = True, n_draws: int = N_DRAWS, seed: int = 0
) -> Estimate:
    """Estimate the power by simulation: the share of comparisons with a two-sided p-value below
    ALPHA.

    A comparison has n cases, sampled from the pool with replacement. `paired`: both systems on the
    same n cases, by McNemar's test. Otherwise n cases each, by the test of two shares.
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
    """Return the cases that both must answer to find an effect with a probability of `power`.

    `differ` is the share of cases on which the two differ; it is at least the effect. Source:
    Miettinen 1968, Connor 1987.

    Raises:
        AdaptLabError: if `differ` is below the effect, or the effect is 0.
    """
    if not 0 < abs(effect) <= differ <= 1:
        raise AdaptLabError(
            f"The share of differing cases is {differ:g} for an effect of {effect:g}. Give an"
            " effect other than 0 and a share from the effect's size to 1."
        )
    z_alpha, z_power = _quantiles(alpha, power)
    return math.ceil(
        (z_alpha * math.sqrt(differ) + z_power * math.sqrt(differ - effect**2)) ** 2 / effect**2
    )


def cases_unpaired(new: float, old: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """Return the cases that each of two must answer, on separate cases, to find the difference of
    the shares.

    The probability of finding it is `power`.

    Raises:
        AdaptLabError: if the shares are equal or outside 0 to 1.
    """
    if new == old or not (0 <= new <= 1 and 0 <= old <= 1):
        raise AdaptLabError(
            f"The two shares are {new:g} and {old:g}. Give two different shares from 0 to 1."
        )
    z_alpha, z_power = _quantiles(alpha, power)
    middle = (new + old) / 2
    spread = z_alpha * math.sqrt(2 * middle * (1 - middle)) + z_power * math.sqrt(
        new * (1 - new) + old * (1 - old)
    )
    return math.ceil(spread**2 / (new - old) ** 2)
