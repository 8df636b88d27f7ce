"""Costs add up, and curves cross where they are equal."""

import pytest

from adaptlab.decide.costs import PRICES, Prices, Usage, crossing, curve, monthly_cost, query_cost
from adaptlab.decide.need import Lever

LONG = Usage(1000, 50)
SHORT = Usage(100, 50, training_tokens=5_000_000, update_tokens=2_000_000)


def test_the_guides_arithmetic():
    """Guide B: 10,000 examples of 500 tokens at $8 a million are about $40."""
    assert monthly_cost(Lever.TUNE, Usage(0, 0, 10_000 * 500), 0, months=1) == pytest.approx(40)


def test_a_query_costs_its_tokens_and_a_tuned_one_twice_as_much():
    assert query_cost(Lever.PROMPT, LONG) == pytest.approx((1000 * 0.5 + 50 * 1.5) / 1e6)
    assert (
        query_cost(Lever.TUNE, LONG)
        == query_cost(Lever.BOTH, LONG)
        == pytest.approx(PRICES.tuned * query_cost(Lever.PROMPT, LONG))
    )


def test_updates_and_what_is_kept_are_paid_by_the_month():
    prices = Prices(hosting=200, searching=30)
    assert monthly_cost(Lever.BOTH, Usage(0, 0), 0, prices=prices) == 230
    assert monthly_cost(Lever.PROMPT, Usage(0, 0), 10, prices=prices) == 0
    assert monthly_cost(Lever.TUNE, SHORT, 0, n_updates=3) - monthly_cost(
        Lever.TUNE, SHORT, 0
    ) == pytest.approx(3 * 16)


@pytest.mark.parametrize("prices", [PRICES, Prices(tuned=1), Prices(hosting=75)])
def test_curves_cross_where_both_cost_the_same(prices):
    a = (Lever.PROMPT, LONG)
    b = (Lever.TUNE, SHORT)
    n = crossing(a, b, prices=prices)
    assert monthly_cost(*a, n, prices=prices) == pytest.approx(monthly_cost(*b, n, prices=prices))
    assert monthly_cost(*a, n / 2, prices=prices) < monthly_cost(*b, n / 2, prices=prices)
    assert monthly_cost(*a, n * 2, prices=prices) > monthly_cost(*b, n * 2, prices=prices)


def test_one_that_is_always_dearer_is_never_crossed():
    assert crossing((Lever.PROMPT, LONG), (Lever.TUNE, SHORT), prices=Prices(tuned=20)) is None
    assert crossing((Lever.PROMPT, LONG), (Lever.PROMPT, LONG)) is None


def test_a_curve_is_its_points():
    assert curve(Lever.PROMPT, LONG, [10, 100]) == [
        monthly_cost(Lever.PROMPT, LONG, n) for n in (10, 100)
    ]
