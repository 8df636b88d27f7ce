"""Paired shares: Newcombe's interval on his own examples' terms, and no reward for a
worse result.
"""

import pytest

from adaptlab.evals.statistics import difference_of_proportions, paired_difference


def pairs(both, only_new, only_old, neither):
    new = [1] * (both + only_new) + [0] * (only_old + neither)
    old = [1] * both + [0] * only_new + [1] * only_old + [0] * neither
    return new, old


def test_a_better_result_never_has_a_lower_limit():
    lows = [paired_difference(*pairs(0, k, 0, 30 - k)).low for k in range(15, 31)]
    assert lows == sorted(lows)


def test_discordant_pairs_that_cancel_straddle_zero():
    found = paired_difference(*pairs(20, 5, 5, 20))
    assert found.value == 0 and found.low == pytest.approx(-found.high)


def test_pairs_that_agree_have_a_narrower_interval_than_independent_samples():
    new, old = pairs(40, 8, 2, 50)
    paired = paired_difference(new, old)
    independent = difference_of_proportions(new, old)
    assert paired.value == pytest.approx(independent.value)
    assert paired.high - paired.low < independent.high - independent.low


def test_newcombes_published_example():
    """Newcombe 1998, method 10, 50 pairs: 36 both, 12 only the first, 2 only the second."""
    found = paired_difference(*pairs(36, 12, 2, 0))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-4)
