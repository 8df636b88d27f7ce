"""Replay: old conversations among the new ones, so that what is trained for is not all that is
trained.
"""

import random
from collections.abc import Sequence

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages


def with_replay(
    new: Sequence[Messages], old: Sequence[Messages], share: float, seed: int
) -> list[Messages]:
    """As many conversations as `new` has, a `share` of them old, drawn without repetition: the same
    number of steps, as in Ibrahim et al. 2024.

    The count of old ones is rounded; which are left out of either is drawn by the seed, and the
    order is mixed.
    """
    if not 0 <= share < 1:
        raise AdaptLabError(
            f"The share of old conversations must be at least 0 and less than 1, not {share}."
        )
    n_old = round(len(new) * share)
    if n_old > len(old):
        raise AdaptLabError(
            f"{n_old} old conversations are needed for a share of {share:g}, and there are"
            f" {len(old)}; give more, or a smaller share."
        )
    rng = random.Random(f"replay:{seed}")
    mixed = rng.sample(list(new), len(new) - n_old) + rng.sample(list(old), n_old)
    rng.shuffle(mixed)
    return mixed
