"""Replay: exact shares, no repetition, and refusals."""

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.tune.replay import with_replay

NEW, OLD = (
    [[{"role": "user", "content": f"{kind} {i}"}] for i in range(n)]
    for kind, n in (("new", 200), ("old", 120))
)


@pytest.mark.parametrize(
    ("share", "n_old"),
    [(0, 0), (0.01, 2), (0.05, 10), (0.1, 20), (0.2, 40), (0.5, 100), (0.006, 1)],
)
def test_shares_are_exact_and_the_number_of_steps_stays(share, n_old):
    mixed = with_replay(NEW, OLD, share, 0)
    assert len(mixed) == len(NEW) and sum(found in OLD for found in mixed) == n_old
    assert len({found[0]["content"] for found in mixed}) == len(mixed)


def test_the_seed_decides():
    assert (
        with_replay(NEW, OLD, 0.2, 1)
        == with_replay(NEW, OLD, 0.2, 1)
        != with_replay(NEW, OLD, 0.2, 2)
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "below 1"),
        (-0.1, "0 or more"),
        (0.7, "140 old conversations.*120"),
    ],
)
def test_shares_that_cannot_be(share, words):
    with pytest.raises(AdaptLabError, match=words):
        with_replay(NEW, OLD, share, 0)
