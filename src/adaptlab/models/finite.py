"""A processor that ends a generation whose scores are not finite."""

import torch
from transformers import LogitsProcessor

from adaptlab.errors import AdaptLabError

NOT_FINITE = (
    "{} computes numbers that are not finite (NaN or infinity), so its replies cannot be"
    " scored. Fine-tune again with a lower learning rate."
)


class FiniteScores(LogitsProcessor):
    """End a generation whose scores are not finite.

    Greedy decoding would continue silently, and every reply would be wrong.
    """

    def __init__(self, name: str):
        self.name = name

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        if not scores.isfinite().all():
            raise AdaptLabError(NOT_FINITE.format(self.name))
        return scores
