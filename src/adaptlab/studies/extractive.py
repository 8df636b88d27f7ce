"""The support assistant without a language model: the sentence that is most similar to the
question, in a template.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from adaptlab.models.chat import Reply, timed
from adaptlab.rag.embed import minilm
from adaptlab.rag.retrieve import Hit
from adaptlab.world.support import support_reply

# A number and a point begin a step of a procedure; they do not end a sentence.
_END = re.compile(r"\n|(?<=[^\d]\.) ")


class Found(NamedTuple):
    """The best sentence for a question, the number of its chunk from 1, and its cosine."""

    sentence: str
    number: int
    cosine: float


def best_sentence(question: str, hits: Sequence[Hit]) -> Found:
    """Return the sentence of the hits that is most similar to the question."""
    sentences = [
        (sentence.strip().rstrip("."), number)
        for number, hit in enumerate(hits, 1)
        for sentence in _END.split(hit.chunk.text)
        if sentence.strip()
    ]
    *vectors, asked = minilm().encode([*(text for text, _ in sentences), question])
    cosines = np.stack(vectors) @ asked
    best = int(np.argmax(cosines))
    return Found(*sentences[best], float(cosines[best]))


def reply_from(found: Found, threshold: float) -> str:
    """Return the letter with the sentence, or an abstention below the threshold."""
    if found.cosine < threshold:
        return support_reply(None, None)
    return support_reply(found.sentence, found.number)


def choose_threshold(found: Sequence[Found], are_right: Sequence[bool]) -> float:
    """Return the cosine from which on sentences are given, chosen on examples: it maximizes the
    right sentences that are given plus the wrong ones that are not.
    """
    order = sorted(zip([one.cosine for one in found], are_right))
    # Number i of this list: the first i sentences in order are not given.
    gained = np.cumsum([0, *(1 - 2 * is_right for _, is_right in order)])
    first = int(np.argmax(gained))
    return order[first][0] if first < len(order) else float("inf")


def reply(question: str, hits: Sequence[Hit], threshold: float) -> Reply:
    """Return the reply without tokens of a language model, and its seconds."""
    text, seconds = timed(lambda: reply_from(best_sentence(question, hits), threshold))
    return Reply(text, 0, 0, seconds)
