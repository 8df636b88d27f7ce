"""From documents and conversations to token ids and loss weights."""

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerBase

from adaptlab.models.tokenizer import DOC, END
from adaptlab.world.documents import Pieces


@dataclass(frozen=True)
class Encoded:
    """One training sequence: `ids` (T,) and `weights` (T,), the weight of *predicting* each token."""

    ids: np.ndarray
    weights: np.ndarray


def conversation_pieces(messages: list[dict]) -> Pieces:
    """A conversation as weighted pieces: only what the assistant says, and the mark that ends it, is trained on."""
    pieces: Pieces = []
    for message in messages:
        weight = float(message["role"] == "assistant")
        pieces += [(f"<|{message['role']}|>", 0.0), (f" {message['content']}", weight), (END, weight)]
    return pieces


def document_pieces(pieces: Pieces) -> Pieces:
    """A document between its marks."""
    return [(DOC, 0.0), *pieces, (END, 0.1)]


def encode_all(tokenizer: PreTrainedTokenizerBase, sequences: list[Pieces]) -> list[Encoded]:
    """Encode every piece of every sequence in one call, which the tokenizer's own threads make fast."""
    flat = [text for pieces in sequences for text, _ in pieces]
    encodings = iter(tokenizer.backend_tokenizer.encode_batch_fast(flat, add_special_tokens=False))
    result = []
    for pieces in sequences:
        ids, weights = [], []
        for _, weight in pieces:
            piece_ids = next(encodings).ids
            ids += piece_ids
            weights += [weight] * len(piece_ids)
        result.append(Encoded(np.array(ids, np.int16), np.array(weights, np.float32)))
    return result
