"""The embedded reranker sorts what it was tuned for, and what cannot be loaded is a sentence."""

import random

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.rerank import CrossEncoder
from adaptlab.world.handbook import handbook
from adaptlab.world.questions import draw_questions


def test_the_embedded_reranker_prefers_the_right_section():
    rng, sections, score = random.Random(5), handbook(5), CrossEncoder()
    right = []
    for question in draw_questions(rng, sections, "name", 20):
        wrong = [section for i, section in enumerate(sections) if i not in question.gold[0]]
        candidates = [sections[min(question.gold[0])], *rng.sample(wrong, 9)]
        right.append(np.argmax(score([(question.text, f"{section.title}: {section.text}") for section in candidates])) == 0)
    assert np.mean(right) >= 0.9  # chance is 0.1
    assert len(score([])) == 0


def test_a_reranker_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(AdaptLabError, match="could not be loaded"):
        CrossEncoder(str(tmp_path))
