"""Intervals and paired comparisons, all by scipy."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy  # which imports its parts when they are first used

from adaptlab.checks import check_numbers, check_pairs, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate

CONFIDENCE = 0.95


def proportion(hits: Sequence[bool]) -> Estimate:
    """Return the share of hits with Wilson's interval (Wilson 1927).

    The interval stays inside [0, 1] and is accurate near its ends.
    """
    found = check_numbers(hits, "The hits", 0, 1)
    if not np.isin(found, (0, 1)).all():
        raise AdaptLabError("The hits are not all 0 or 1. Give True or False for each case.")
    n = len(found)
    k = int(found.sum())
    interval = scipy.stats.binomtest(k, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(k / n, float(interval.low), float(interval.high), n)


def mean(values: Sequence[float], seed: int = 0) -> Estimate:
    """Return the mean with a percentile bootstrap interval."""
    data = check_numbers(values, "The values")
    return _bootstrap((data,), np.mean, float(data.mean()), seed)


def paired_difference(new: Sequence[float], old: Sequence[float], seed: int = 0) -> Estimate:
    """Return the mean of new - old over the same cases, in the same order.

    Hits and misses get Newcombe's interval for paired shares, which is accurate near 0 and 1. Other
    values get a percentile bootstrap over the cases.
    """
    check_pairs(new, old, "The two sides")
    gained = check_numbers(new, "The new values")
    before = check_numbers(old, "The old values")
    if set(np.unique([gained, before])) <= {0, 1}:
        return _paired_proportions(gained, before)
    difference = gained - before
    return _bootstrap((difference,), np.mean, float(difference.mean()), seed)


def _paired_proportions(new: np.ndarray, old: np.ndarray) -> Estimate:
    """Return Newcombe's interval for paired shares, method 10.

    Source: Newcombe 1998, "Improved confidence intervals for the difference between binomial
    proportions based on paired data".
    """
    n = len(new)
    both = int(np.sum(new * old))
    only_new = int(np.sum(new * (1 - old)))
    only_old = int(np.sum((1 - new) * old))
    neither = n - both - only_new - only_old
    product = (both + only_new) * (only_old + neither) * (both + only_old) * (only_new + neither)
    excess = both * neither - only_new * only_old
    phi = (max(excess - n / 2, 0) if excess > 0 else excess) / np.sqrt(product) if product else 0.0
    a = proportion(new.tolist())
    b = proportion(old.tolist())

    def width(from_a: float, from_b: float) -> float:
        return float(np.sqrt(max(from_a**2 - 2 * phi * from_a * from_b + from_b**2, 0)))

    value = a.value - b.value
    return Estimate(
        value,
        value - width(a.value - a.low, b.high - b.value),
        value + width(a.high - a.value, b.value - b.low),
        n,
    )


def _bootstrap(data: tuple, statistic, value: float, seed: int) -> Estimate:
    n = len(data[0])
    if n < 2 or np.ptp(data[0]) == 0:  # a constant sample has a degenerate bootstrap
        return Estimate(value, value, value, n)
    result = scipy.stats.bootstrap(
        data,
        statistic,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
        n_resamples=4000,
    )
    return Estimate(
        value, float(result.confidence_interval.low), float(result.confidence_interval.high), n
    )


def difference_of_proportions(new: Sequence[bool], old: Sequence[bool]) -> Estimate:
    """Return the share in `new` minus the share in `old`, two independent samples, with Newcombe's
    hybrid interval.

    Source: Newcombe 1998, method 10.
    """
    a = proportion(new)
    b = proportion(old)
    value = a.value - b.value
    low = value - float(np.hypot(a.value - a.low, b.high - b.value))
    high = value + float(np.hypot(a.high - a.value, b.value - b.low))
    return Estimate(value, low, high, min(a.n, b.n))


def rank_correlation(x: Sequence[float], y: Sequence[float], seed: int = 0) -> Estimate:
    """Return Spearman's rank correlation with a bootstrap interval over the pairs.

    It is 0 within [-1, 1] if one side is constant.
    """
    check_pairs(x, y, "The two sides")
    first = check_numbers(x, "The first values")
    second = check_numbers(y, "The second values")
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return Estimate(0.0, -1.0, 1.0, len(first))

    def rho(a: np.ndarray, b: np.ndarray) -> float:
        # A resample may be constant.
        return scipy.stats.spearmanr(a, b).statistic if np.ptp(a) and np.ptp(b) else 0.0

    rng = np.random.default_rng(seed)
    result = scipy.stats.bootstrap(
        (first, second),
        rho,
        paired=True,
        vectorized=False,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=rng,
        n_resamples=2000,
    )
    low, high = result.confidence_interval
    return Estimate(float(rho(first, second)), float(low), float(high), len(first))


@cache  # simulations ask for few pairs of counts, each very often
def exact_mcnemar_p(won: int, lost: int) -> float:
    """Return the two-sided exact p-value of "won and lost alike", over the cases on which two
    systems differ.

    It is 1 if there are no such cases. Source: McNemar 1947.
    """
    check_whole(won, "The number won", 0), check_whole(lost, "The number lost", 0)
    return float(scipy.stats.binomtest(won, won + lost).pvalue) if won + lost else 1.0


def unpaired_p(k_new: int, n_new: int, k_old: int, n_old: int) -> float:
    """Return the two-sided p-value of "equal shares" from two independent samples.

    The test uses the normal distribution with the pooled share; it returns 1 if nothing varies.
    """
    for name, k, n in (("new", k_new, n_new), ("old", k_old, n_old)):
        check_whole(n, f"The number of {name} cases", 1)
        check_whole(k, f"The number of {name} hits", 0, n)
    pooled = (k_new + k_old) / (n_new + n_old)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n_new + 1 / n_old))
    return (
        float(2 * scipy.stats.norm.sf(abs(k_new / n_new - k_old / n_old) / spread))
        if spread
        else 1.0
    )


def rogan_gladen(
    said: Sequence[float], of_true: Sequence[float], of_false: Sequence[float], seed: int = 0
) -> Estimate:
    """Estimate the true share from a judge's verdicts, given its verdicts on cases with known truth
    (Rogan and Gladen 1978).

    `said`, each from 0 to 1, has the verdicts on the cases in question. `of_true` and `of_false`
    have the verdicts on other cases, whose truth is yes or no: their means are the judge's
    sensitivity and 1 - specificity. The interval is a percentile bootstrap over all three. `n`
    counts the cases in question. Value and bounds are kept within [0, 1].

    Raises:
        AdaptLabError: if the judge says yes to false cases as often as to true ones, so nothing can
            be estimated.
    """
    named = {"the cases": said, "true cases": of_true, "false cases": of_false}
    parts = [check_numbers(part, f"Verdicts on {name}", 0, 1) for name, part in named.items()]
    if not parts[1].mean() > parts[2].mean():
        raise AdaptLabError(
            "The judge says yes to false cases as often as to true ones. Use another judge,"
            " or more cases with known truth."
        )
    rng = np.random.default_rng(seed)
    # (4000,) each.
    means = [part[rng.integers(len(part), size=(4000, len(part)))].mean(axis=1) for part in parts]
    # A resample without any gap has no information, and counts at an end.
    gap = np.maximum(means[1] - means[2], 1e-9)
    low, high = np.quantile(
        np.clip((means[0] - means[2]) / gap, 0, 1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    )
    value = float(
        np.clip((parts[0].mean() - parts[2].mean()) / (parts[1].mean() - parts[2].mean()), 0, 1)
    )
    return Estimate(value, float(low), float(high), len(parts[0]))
