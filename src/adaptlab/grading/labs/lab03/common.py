"""What several exercises of lab 03 draw or compute."""

import numpy as np


def permuted(rng: np.random.Generator, ids, size: int) -> list[int]:
    """Some of the ids in a random order."""
    return [int(i) for i in rng.permutation(ids)[:size]]


def average(values) -> float:
    return sum(values) / len(values)
