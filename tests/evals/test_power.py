"""Coverage and power: simulations against what can be worked out exactly, formulas against
published and limiting cases, the lesson against the library.
"""

import math
from pathlib import Path

import nbformat
import numpy as np
import pytest
from scipy import stats

from adaptlab.errors import AdaptLabError
from adaptlab.evals.power import (
    cases_paired,
    cases_unpaired,
    coverage,
    discordance,
    planted,
    simulated_power,
)
from adaptlab.evals.statistics import exact_mcnemar_p, mean, proportion, unpaired_p

LESSON = Path(__file__).parents[2] / "notebooks" / "08_evals_you_can_trust.ipynb"


def lesson_cell(name: str) -> dict:
    """What a cell of the lesson defines."""
    source = next(
        cell.source for cell in nbformat.read(LESSON, as_version=4).cells if cell.id == name
    )
    # The last line of the cell shows the library's answer beside its own.
    lines = [line for line in source.splitlines() if "power." not in line]
    defined = {"math": math, "stats": stats}
    exec("\n".join(lines), defined)
    return defined


@pytest.mark.parametrize(("k", "n"), [(0, 7), (3, 20), (20, 20), (151, 200)])
def test_the_lessons_wilson_interval_is_the_librarys(k, n):
    assert lesson_cell("intervals")["wilson"](k, n) == pytest.approx(
        proportion([True] * k + [False] * (n - k)).interval, abs=1e-12
    )


def test_the_lessons_bootstrap_is_the_limit_of_resampling_and_its_naive_interval_is_symmetric():
    defined = lesson_cell("intervals")
    hits = [True] * 63 + [False] * 37
    # One case of a hundred: the quantiles of few shares jump.
    assert defined["resampled"](63, 100) == pytest.approx(mean(hits).interval, abs=0.0101)
    low, high = defined["naive"](63, 100)
    assert (low + high) / 2 == pytest.approx(0.63) and high - low == pytest.approx(
        2 * 1.959964 * math.sqrt(0.63 * 0.37 / 100)
    )


def test_coverage_is_what_the_binomial_distribution_says():
    pool = [True] * 9 + [False]
    n = 20

    def interval(k, n):
        return k / n - 0.05, k / n + 0.05  # holds 0.9 for 17 to 19 of 20

    exact = stats.binom.cdf(19, n, 0.9) - stats.binom.cdf(16, n, 0.9)
    found = coverage(interval, pool, n, n_draws=20_000)
    assert found.value == pytest.approx(exact, abs=0.01) and found.n == 20_000
    assert coverage(lambda k, n: (0.0, 1.0), pool, n).value == 1


def test_planting_makes_just_that_effect_and_breaks_nothing():
    hits = [True] * 60 + [False] * 40
    raised = planted(hits, 0.15, seed=3)
    assert sum(raised) == 75 and all(new for new, old in zip(raised, hits) if old)
    assert discordance(raised, hits) == pytest.approx(0.15)
    assert planted(hits, 0.0) == hits
    for impossible in (0.41, -0.1):
        with pytest.raises(AdaptLabError, match="cannot be planted"):
            planted(hits, impossible)


def test_simulated_power_is_the_exact_power_of_the_test():
    """All cases that differ are won, so the paired test finds the effect if at least six of n do: 2
    / 2**6 is the first p-value below 0.05.
    """
    old = [True] * 70 + [False] * 30
    new = [True] * 85 + [False] * 15
    found = simulated_power(new, old, 40, n_draws=20_000)
    assert found.value == pytest.approx(stats.binom.sf(5, 40, 0.15), abs=0.015)


def test_equal_systems_are_found_different_in_about_five_of_a_hundred_tests():
    rng = np.random.default_rng(0)
    hits = (rng.random(1000) < 0.6).tolist()
    found = simulated_power(hits, hits, 200, paired=False, n_draws=4000)
    assert 0.03 < found.value < 0.07
    assert simulated_power(hits, hits, 200, paired=True).value == 0


def test_the_formulas_keep_their_promise_in_simulation():
    rng = np.random.default_rng(1)
    old = rng.random(4000) < 0.6
    # A tenth answered anew, then the effect.
    new = planted(np.where(rng.random(4000) < 0.1, rng.random(4000) < 0.6, old), 0.06)
    effect = np.mean(new) - np.mean(old)
    n = cases_paired(effect, discordance(new, old))
    # An exact test keeps a little less.
    assert 0.74 < simulated_power(new, old, n, n_draws=4000).value < 0.84
    assert simulated_power(
        new, old, cases_unpaired(np.mean(new), np.mean(old)), paired=False, n_draws=2000
    ).value == pytest.approx(0.8, abs=0.04)


def test_cases_needed_follow_effect_differing_share_and_power():
    assert cases_paired(0.1, 0.2) == cases_paired(-0.1, 0.2)
    assert cases_paired(0.1, 0.1) < cases_paired(0.1, 0.3) < cases_paired(0.1, 0.3, power=0.9)
    assert cases_paired(0.01, 0.2) / cases_paired(0.02, 0.2) == pytest.approx(4, rel=0.01)
    # Power.prop.test of R gives 387.3.
    assert cases_unpaired(0.5, 0.6) == cases_unpaired(0.6, 0.5) == 388
    assert cases_paired(0.1, 0.2) < cases_unpaired(0.6, 0.5)


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        (cases_paired, (0.0, 0.1), "other than 0"),
        (cases_paired, (0.2, 0.1), "size"),
        (cases_unpaired, (0.5, 0.5), "different shares"),
        (cases_unpaired, (1.2, 0.5), "from 0 to 1"),
        (simulated_power, ([True], [True, False], 5), "the same cases"),
    ],
)
def test_what_cannot_be_planned_is_refused(function, arguments, reason):
    with pytest.raises(AdaptLabError, match=reason):
        function(*arguments)


def test_p_values_against_their_own_definitions():
    assert exact_mcnemar_p(0, 0) == 1 and exact_mcnemar_p(5, 5) == 1
    assert exact_mcnemar_p(6, 0) == exact_mcnemar_p(0, 6) == pytest.approx(2 / 2**6)
    table = [[56, 14], [48, 32]]
    assert unpaired_p(56, 70, 48, 80) == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue
    )
    assert unpaired_p(5, 5, 7, 7) == 1
