"""Choose the examples that a prompt shows by their similarity to its text."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Example = TypeVar("Example")


def nearest(
    examples: Sequence[Example], learned: np.ndarray, asked: np.ndarray, k: int
) -> list[list[Example]]:
    """Return the k most similar examples of each text, the most similar last: next to the text.

    Args:
        learned: vectors of the examples, of length 1, (n, d).
        asked: vectors of the texts, of length 1, (m, d).
    """
    return [[examples[i] for i in np.argsort(scores)[-k:]] for scores in asked @ learned.T]
