"""The gate on fixed results: what it must refuse, what it must let pass, and its statistics against
closed forms.
"""

import random

import pytest
from scipy import stats

from adaptlab.errors import AdaptLabError
from adaptlab.evals.gate import compare, holm, mcnemar, more_bits, passes, table
from adaptlab.evals.suite import NAMES, PROSE

N = 500


def fixed(rng, accuracy=0.94):
    """Values as of a base model: shares right near 0.94, about 0.86 bits per byte."""
    return {
        name: (
            [rng.gauss(0.86, 0.08) for _ in range(N)]
            if name == PROSE
            else [float(rng.random() < accuracy) for _ in range(N)]
        )
        for name in NAMES
    }


def retrained(rng, before, changed=0.02):
    """As many cases won as lost, a `changed` share in all: what a training without any
    harm does.
    """
    after = {}
    for name, values in before.items():
        right, wrong = (
            [i for i, value in enumerate(values) if value == kind] for kind in (1.0, 0.0)
        )
        flips = round(N * changed / 2)
        swapped = (
            set(rng.sample(right, flips) + rng.sample(wrong, flips)) if name != PROSE else set()
        )
        noise = [rng.gauss(0, 0.02) for _ in values]
        after[name] = (
            [v + e for v, e in zip(values, noise)]
            if name == PROSE
            else [1 - v if i in swapped else v for i, v in enumerate(values)]
        )
    return after


def regressed(rng, before, name, points):
    """The same with `points` in a hundred lost in one skill, or as many more bits in a hundred."""
    after = retrained(rng, before)
    if name == PROSE:
        return after | {name: [value * (1 + points / 100) for value in after[name]]}
    shortfall = sum(after[name]) - (sum(before[name]) - N * points // 100)
    lost = set(rng.sample([i for i, value in enumerate(after[name]) if value], round(shortfall)))
    return after | {name: [0.0 if i in lost else value for i, value in enumerate(after[name])]}


@pytest.mark.parametrize("seed", range(20))
def test_it_refuses_each_of_twenty_planted_regressions_of_five_points_or_more_and_names_the_skill(
    seed,
):
    rng = random.Random(f"planted:{seed}")
    before = fixed(rng)
    name = NAMES[seed % len(NAMES)]
    rows = compare(before, regressed(rng, before, name, points=5 + seed % 4))
    assert [row.skill for row in rows if row.fails] == [name] and not passes(rows)
    assert next(row.loss for row in rows if row.skill == name) >= 0.045
    assert sum("LOST" in line for line in table(rows).splitlines()) == 1


@pytest.mark.parametrize("seed", range(20))
def test_it_lets_twenty_harmless_retrainings_pass(seed):
    rng = random.Random(f"harmless:{seed}")
    before = fixed(rng)
    assert passes(compare(before, retrained(rng, before, changed=0.02 + 0.04 * (seed % 2))))


def test_a_small_loss_of_many_cases_is_significant_and_passes_a_large_one_of_few_is_neither():
    right = [1.0] * 5000
    slightly = [0.0] * 75 + [1.0] * 4925
    (row,) = compare({"arithmetic": right}, {"arithmetic": slightly})
    assert row.p < 1e-6 and row.loss == pytest.approx(0.015) and not row.fails
    assert compare({"arithmetic": right}, {"arithmetic": slightly}, margin=0.01)[0].fails
    (row,) = compare({"arithmetic": [1.0] * 20}, {"arithmetic": [0.0] * 3 + [1.0] * 17})
    assert row.loss == pytest.approx(0.15) and not row.fails


def test_gains_never_fail():
    rng = random.Random(0)
    before = fixed(rng, accuracy=0.5)
    better = {
        name: [value * 0.5 for value in values] if name == PROSE else [1.0] * N
        for name, values in before.items()
    }
    assert passes(compare(before, better)) and all(
        row.p == 1 or row.p > 0.99 for row in compare(before, better)
    )
    assert not passes(compare(better, before))


def test_mcnemar_is_the_binomial_tail():
    before = [1, 1, 1, 1, 1, 0, 1, 0]
    after = [0, 0, 0, 0, 1, 1, 1, 0]  # four lost, one won
    assert mcnemar(after, before) == pytest.approx((5 + 1) / 2**5)
    assert mcnemar(before, before) == 1.0 and more_bits([0.5, 0.6], [0.5, 0.6]) == 1.0


def test_more_bits_is_one_sided():
    before = [0.8 + i / 1000 for i in range(12)]
    after = [value + 0.01 * (i + 1) for i, value in enumerate(before)]
    assert more_bits(after, before) == pytest.approx(1 / 2**12) and more_bits(
        before, after
    ) == pytest.approx(1.0)


def test_holm_by_hand_and_stricter_than_benjamini_hochberg():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    p = [0.001, 0.2, 0.012, 0.03, 0.8]
    assert all(a >= b - 1e-12 for a, b in zip(holm(p), stats.false_discovery_control(p)))


def test_results_of_other_cases_are_refused():
    with pytest.raises(AdaptLabError, match="same n and seed"):
        compare({"arithmetic": [1.0]}, {"arithmetic": [1.0, 0.0]})
