"""Rows of a study are selected by their setting and pooled over seeds."""

from adaptlab.studies.rows import hits, pooled, rows_of

ROWS = [
    {"n": 30, "seed": 0, "right": 1, "of": 2},
    {"n": 30, "seed": 1, "right": 2, "of": 4, "cut": 3},
    {"n": 300, "seed": 0, "right": 2, "of": 2},
]


def test_a_setting_selects_all_of_its_seeds():
    assert rows_of(ROWS, n=30) == ROWS[:2]
    assert rows_of(ROWS, n=30, seed=1) == ROWS[1:2]
    assert rows_of(ROWS, n=3000) == []


def test_cases_are_pooled_over_seeds():
    assert hits(ROWS, n=30) == [True] * 3 + [False] * 3
    found = pooled(ROWS, n=30)
    assert (found.value, found.n) == (0.5, 6)


def test_other_counts_may_be_named():
    assert hits(ROWS, count="cut", n=30, seed=1) == [True] * 3 + [False]
