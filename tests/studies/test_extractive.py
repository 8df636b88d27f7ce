"""The assistant without a language model: its sentence, its threshold, its letter."""

from datetime import date

import numpy as np
import pytest

from adaptlab.messages import NOT_FOUND
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.retrieve import Hit
from adaptlab.studies import extractive
from adaptlab.studies.extractive import Found, best_sentence, choose_threshold, reply_from
from adaptlab.world.support import aspects


class ByLetters:
    """An embedder that counts letters, so that a test knows which sentence is most similar."""

    def encode(self, texts):
        counts = np.array([[text.lower().count(c) + 1e-6 for c in "abxyz"] for text in texts])
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def hit(text):
    return Hit(Chunk(0, text, "source", "title", "section", date(2026, 1, 1), 0, len(text)), 1.0)


@pytest.fixture
def by_letters(monkeypatch):
    monkeypatch.setattr(extractive, "minilm", ByLetters)


def test_the_most_similar_sentence_is_found_with_the_number_of_its_chunk(by_letters):
    hits = [hit("A bab. An ab."), hit("1. A call.\n2. Xyz only.\n3. A bab.")]
    found = best_sentence("xyz?", hits)
    assert (found.sentence, found.number) == ("2. Xyz only", 2)
    assert 0.9 < found.cosine <= 1.0


def test_below_the_threshold_the_letter_abstains_and_cites_nothing():
    found = Found("The Rhea lamp sells at 27 euros", 3, 0.6)
    given, withheld = reply_from(found, 0.5), reply_from(found, 0.7)
    assert aspects(given, "27", {3}).all_four and NOT_FOUND in withheld
    assert aspects(withheld, None, set()).all_four


@pytest.mark.parametrize(
    ("cosines", "are_right", "given"),
    [
        ((0.2, 0.4, 0.6, 0.8), (False, False, True, True), (0.6, 0.8)),
        ((0.2, 0.4), (True, True), (0.2, 0.4)),
        ((0.2, 0.4), (False, False), ()),
        ((0.2, 0.4, 0.6), (True, False, True), (0.2, 0.4, 0.6)),
    ],
)
def test_the_threshold_separates_right_sentences_from_wrong_ones(cosines, are_right, given):
    threshold = choose_threshold([Found("", 1, cosine) for cosine in cosines], are_right)
    assert tuple(cosine for cosine in cosines if cosine >= threshold) == given
