"""Scores during training: the accuracy of each kind of answer, per token, on sequences made for the
probe.
"""

import random
from collections.abc import Callable

import torch
from transformers import PreTrainedTokenizerBase

from adaptlab.messages import assistant
from adaptlab.models.encode import conversation_pieces, document_pieces, encode_all
from adaptlab.models.recipe import Phase
from adaptlab.world.case import Case


def _pieces(make: Callable, rng: random.Random):
    made = make(rng)
    return (
        conversation_pieces([*made.messages, assistant(made.answer)])
        if isinstance(made, Case)
        else document_pieces(made)
    )


@torch.inference_mode()
def scores(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, phase: Phase, n: int = 12
) -> dict[str, float]:
    """Return for each kind in the phase's mixtures the share of tokens of weight 1 that the model
    ranks first.

    Each kind has n sequences.
    """
    result = {}
    for make in [*(phase.chat or {}), *phase.documents]:
        rng = random.Random(f"probe:{make.__name__}")
        right = total = 0
        for item in encode_all(tokenizer, [_pieces(make, rng) for _ in range(n)]):
            ids = torch.from_numpy(item.ids.astype("int64")).to(model.device)
            counted = torch.from_numpy(item.weights[1:] == 1).to(model.device)
            guesses = model(ids[None]).logits[0, :-1].argmax(-1)
            right += int((guesses == ids[1:])[counted].sum())
            total += int(counted.sum())
        if total:
            result[make.__name__.removesuffix("_case").strip("_")] = round(right / total, 3)
    return result
