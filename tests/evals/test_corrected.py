"""A judge's share, corrected by what the judge says of known cases."""

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.evals.statistics import proportion, rogan_gladen


def said_of(truth, sensitivity, specificity, rng):
    """What a judge with these rates says."""
    return [
        float(rng.random() < (sensitivity if is_true else 1 - specificity)) for is_true in truth
    ]


def test_a_perfect_judge_is_left_as_it_is():
    found = rogan_gladen([1.0] * 30 + [0.0] * 10, [1.0] * 20, [0.0] * 20)
    assert found.value == 0.75 and found.n == 40
    assert found.interval == pytest.approx(
        proportion([True] * 30 + [False] * 10).interval, abs=0.03
    )


def test_the_arithmetic_of_rogan_and_gladen():
    said = [1.0] * 50 + [0.0] * 50
    of_true = [1.0] * 8 + [0.0] * 2
    of_false = [1.0] * 3 + [0.0] * 7
    assert rogan_gladen(said, of_true, of_false).value == pytest.approx(
        (0.5 + 0.7 - 1) / (0.8 + 0.7 - 1)
    )


def test_undecided_verdicts_count_half_and_nothing_leaves_the_unit_interval():
    assert rogan_gladen([0.5] * 20, [1.0] * 5, [0.0] * 5).value == 0.5
    below = rogan_gladen([0.0] * 20, [1.0] * 10, [1.0] * 4 + [0.0] * 6)
    assert below.value == 0 and below.low == 0 and below.high <= 1


def test_the_interval_holds_the_truth_where_the_raw_share_does_not():
    rng = np.random.default_rng(0)
    corrected = 0
    raw = 0
    for seed in range(100):
        truth = rng.random(200) < 0.7
        said = said_of(truth, 0.8, 0.9, rng)
        found = rogan_gladen(
            said, said_of([True] * 100, 0.8, 0.9, rng), said_of([False] * 100, 0.8, 0.9, rng), seed
        )
        corrected += found.low <= 0.7 <= found.high
        raw += proportion([value == 1 for value in said]).high >= 0.7
    assert corrected >= 88 and raw <= 20


def test_a_judge_that_cannot_tell_is_refused():
    with pytest.raises(AdaptLabError, match="as often as to true ones"):
        rogan_gladen([1.0], [0.0, 1.0], [0.0, 1.0])
