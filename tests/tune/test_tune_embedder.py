"""Fine-tuning an embedder moves a question nearer to its text, in both number formats."""

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.models.precision import SETTING
from adaptlab.rag.embed import LocalEmbedder, minilm
from adaptlab.tune.embedder import tune_embedder

PAIRS = [
    ("Who carries the Orbit?", "The green van delivers on Mondays."),
    ("What is a Halcyon?", "A kettle made of copper."),
    ("When does Pallas open?", "The jacket shop starts at nine."),
    ("Where is team Marten?", "They repair buckets in hall four."),
]


def margin(embedder):
    """The mean similarity of pairs minus that of other combinations."""
    questions, texts = (embedder.encode(list(side)) for side in zip(*PAIRS))
    scores = questions @ texts.T
    others = scores[~np.eye(len(PAIRS), dtype=bool)]
    return float(np.diag(scores).mean() - others.mean())


@pytest.mark.parametrize("number_format", ["float32", "bfloat16"])
def test_a_question_moves_nearer_to_its_text(tmp_path, monkeypatch, number_format):
    monkeypatch.setenv(SETTING, number_format)
    tune_embedder(tmp_path / "made", PAIRS * 16, seed=0)
    assert margin(LocalEmbedder(str(tmp_path / "made"))) > margin(minilm()) + 0.05


def test_one_pair_has_no_negatives(tmp_path):
    with pytest.raises(AdaptLabError, match="1 pairs. Give at least 2"):
        tune_embedder(tmp_path / "made", PAIRS[:1])
    assert not (tmp_path / "made").exists()
