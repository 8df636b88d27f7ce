"""From documents and conversations to token ids and loss weights."""

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerBase

from adaptlab.models.tokenizer import DOC, END
from adaptlab.world.documents import Pieces


@dataclass(frozen=True)
class Encoded:
    """One training sequence: `ids` (T,) and `weights` (T,), the weight of *predicting*
    each token.
    """

    ids: np.ndarray
    weights: np.ndarray


def conversation_pieces(messages: list[dict]) -> Pieces:
    """Split a conversation into weighted pieces: only the assistant's words and their end mark are
    trained on.
    """
    pieces: Pieces = []
    for message in messages:
        weight = float(message["role"] == "assistant")
        pieces += [
            (f"<|{message['role']}|>", 0.0),
            (f" {message['content']}", weight),
            (END, weight),
        ]
    return pieces


def document_pieces(pieces: Pieces) -> Pieces:
    """Return a document between its marks, as weighted pieces."""
    return [(DOC, 0.0), *pieces, (END, 0.1)]


def encode_all(tokenizer: PreTrainedTokenizerBase, sequences: list[Pieces]) -> list[Encoded]:
    """Encode each sequence as one text, all in one call, which uses the tokenizer's threads.

    A token has the weight of the piece that contains its last character.
    """
    texts = ["".join(text for text, _ in pieces) for pieces in sequences]
    result = []
    for pieces, encoding in zip(
        sequences, tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
    ):
        by_character = np.repeat(
            np.array([weight for _, weight in pieces], np.float32),
            [len(text) for text, _ in pieces],
        )
        ends = np.array([end for _, end in encoding.offsets], int)
        result.append(Encoded(np.array(encoding.ids, np.int16), by_character[ends - 1]))
    return result
