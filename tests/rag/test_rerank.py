"""The embedded reranker sorts what it was tuned for, its recipe runs, and what cannot be loaded is a sentence."""

import json
import random

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.rerank import CrossEncoder
from adaptlab.rag.tune_reranker import tune_reranker
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


def test_the_recipe_leaves_an_adapter_that_names_no_place_of_this_machine(tmp_path):
    tune_reranker(tmp_path / "made", n_docstrings=8, n_handbook=8, packages=("peft",))
    assert json.loads((tmp_path / "made" / "adapter_config.json").read_text())["base_model_name_or_path"] == "all-MiniLM-L6-v2"
    assert json.loads((tmp_path / "made" / "training.json").read_text())["lists"] == 16
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["README.md", "adapter_config.json", "adapter_model.safetensors", "training.json"]


def test_a_reranker_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(AdaptLabError, match="could not be loaded"):
        CrossEncoder(str(tmp_path))
