"""Replay: mix old conversations into the new ones against forgetting."""

import random
from collections.abc import Sequence

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages


def with_replay(
    new: Sequence[Messages], old: Sequence[Messages], share: float, seed: int
) -> list[Messages]:
    """Return as many conversations as `new` has, a `share` of them old, sampled without
    replacement.

    The number of steps stays the same, as in Ibrahim et al. 2024. The count of old conversations is
    rounded. The seed decides which conversations are left out and shuffles the rest.
    """
    if not 0 <= share < 1:
        raise AdaptLabError(
            f"The share of old conversations is {share}. Give a number of 0 or more and below 1."
        )
    n_old = round(len(new) * share)
    if n_old > len(old):
        raise AdaptLabError(
            f"A share of {share:g} needs {n_old} old conversations, but there are {len(old)}."
            " Give more, or a smaller share."
        )
    rng = random.Random(f"replay:{seed}")
    mixed = rng.sample(list(new), len(new) - n_old) + rng.sample(list(old), n_old)
    rng.shuffle(mixed)
    return mixed
