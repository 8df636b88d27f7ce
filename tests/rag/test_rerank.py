"""The embedded reranker sorts what it was tuned for, and what cannot be loaded is a sentence."""

import random
import warnings

import numpy as np
import pytest
import sentence_transformers

from adaptlab.errors import AdaptLabError
from adaptlab.models import assets
from adaptlab.rag.embed import minilm_folder
from adaptlab.rag.rerank import CrossEncoder
from adaptlab.world.handbook import handbook
from adaptlab.world.questions import draw_questions


def test_the_embedded_reranker_prefers_the_right_section():
    rng = random.Random(5)
    sections = handbook(5)
    score = CrossEncoder()
    right = []
    for question in draw_questions(rng, sections, "name", 20):
        wrong = [section for i, section in enumerate(sections) if i not in question.gold[0]]
        candidates = [sections[min(question.gold[0])], *rng.sample(wrong, 9)]
        right.append(
            np.argmax(
                score(
                    [(question.text, f"{section.title}: {section.text}") for section in candidates]
                )
            )
            == 0
        )
    assert np.mean(right) >= 0.9  # chance is 0.1
    assert len(score([])) == 0


def test_a_reranker_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(AdaptLabError, match="could not be loaded"):
        CrossEncoder(str(tmp_path))


def test_a_reranker_of_the_hub_that_was_fetched_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("ADAPTLAB_ASSETS", str(tmp_path))
    folder = tmp_path / "org" / "reranker"
    sentence_transformers.CrossEncoder(str(minilm_folder()), num_labels=1).save_pretrained(
        str(folder)
    )
    files = {
        path.name: assets.File(path.stat().st_size, assets.sha256(path))
        for path in folder.iterdir()
    }
    assets.write_lock(tmp_path, "org/reranker", assets.Locked("", files))
    assert (
        len(
            CrossEncoder("hub:org/reranker")(
                [("How much is the lamp?", "The lamp costs 40 euros.")]
            )
        )
        == 1
    )


def test_texts_that_are_cut_are_counted_and_short_ones_are_not():
    encoder = CrossEncoder()
    whole = [("which lamp?", "word " * 150), ("which lamp?", "東京")]
    cut = [("which lamp?", "word " * 300)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder(whole)
        encoder([])
    with pytest.warns(UserWarning, match="1 of 3 texts .*192"):
        encoder(whole + cut)
