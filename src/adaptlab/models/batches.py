"""Batches: sequences of similar length, padded, never packed, so that no document attends to
another.
"""

import hashlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from adaptlab.models.encode import Encoded, conversation_pieces, document_pieces, encode_all
from adaptlab.models.recipe import Phase
from adaptlab.world import mixture

MAX_LENGTH = 640
POOL = 1024


@dataclass(frozen=True)
class Batch:
    """`ids` (B, T) int64 and `weights` (B, T): the probability that the prediction of a token
    counts; padding has 0.
    """

    ids: torch.Tensor
    weights: torch.Tensor
    digest: str


def _pieces(phase: Phase, seed: str) -> Iterator:
    documents = mixture.documents(f"{seed}:documents", phase.documents)
    if not phase.chat:
        yield from map(document_pieces, documents)
        return
    chats = mixture.conversations(f"{seed}:chat", phase.chat)
    rng = random.Random(f"{seed}:share")
    while True:
        yield (
            conversation_pieces(next(chats))
            if rng.random() < phase.chat_share
            else document_pieces(next(documents))
        )


def _stack(group: list[Encoded]) -> Batch:
    width = max(len(item.ids) for item in group)
    ids = np.zeros((len(group), width), np.int64)
    weights = np.zeros((len(group), width), np.float32)
    for row, item in enumerate(group):
        ids[row, : len(item.ids)], weights[row, : len(item.ids)] = item.ids, item.weights
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(weights),
        hashlib.sha256(ids.astype(np.int16).tobytes()).hexdigest(),
    )


def batches(
    phase: Phase, tokenizer: PreTrainedTokenizerBase, seed: str, first_pool: int = 0
) -> Iterator[tuple[int, Batch]]:
    """Yield (pool number, batch) of a phase without end.

    A pool is a pure function of seed and number, so training can resume at any pool.
    """
    for number in itertools.count(first_pool):
        stream = _pieces(phase, f"{seed}:{phase.name}:{number}")
        encoded = [
            item
            for item in encode_all(tokenizer, list(itertools.islice(stream, POOL)))
            if len(item.ids) <= MAX_LENGTH
        ]
        encoded.sort(key=lambda item: len(item.ids))
        groups = []
        group = []
        for item in encoded:
            group.append(item)
            if len(group) * len(item.ids) >= phase.n_batch_tokens:
                groups.append(group)
                group = []
        random.Random(f"{seed}:{number}").shuffle(groups)
        for group in groups:
            yield number, _stack(group)
