"""Texts longer than an embedder's window: a warning with their number, or chunks that fit."""

import warnings
from datetime import date

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.document import Document
from adaptlab.rag.embed import CachedEmbedder, cut_texts, minilm
from adaptlab.rag.retrieve import DenseRetriever

POLICY = "退货政策：三十天内可以退货。" * 50
HOURS = "营业时间是早上八点到晚上六点。" * 10
STORE = "请把灯寄到伯尔尼仓库的地址。" * 10
DAY = date(2026, 1, 1)


def document(text: str, title: str = "") -> Document:
    return Document(text, "a", title, DAY, ())


def test_the_counter_agrees_with_the_model():
    text = "The lamp costs 40 euros. " * 50
    window = minilm().window
    n_words = next(n for n in range(1, 300) if cut_texts(minilm(), ["a " * n]))
    assert n_words == window - 1, "the two marks around a text count"
    assert cut_texts(minilm(), ["short", text, "", text]) == [1, 3]
    assert minilm().n_tokens(["a b"]).tolist() == [4]


def test_texts_that_are_cut_are_counted_once_an_add(tmp_path):
    pieces = [*chunk([document(POLICY + HOURS + STORE)], 2000, 0), *chunk([document("short")])]
    for embedder in (minilm(), CachedEmbedder(minilm(), tmp_path / "cache.db")):
        with pytest.warns(UserWarning) as said:
            Collection(embedder).add(pieces)
        (warning,) = said
        for words in ("1 of 2 texts", "256 tokens", "all-MiniLM-L6-v2", "`chunk`"):
            assert words in str(warning.message)


def test_a_long_query_is_named_too():
    held = Collection(minilm())
    held.add(chunk([document("short")]))
    with pytest.warns(UserWarning, match="1 of 2 texts"):
        DenseRetriever(held).search(["short", POLICY], 1)


@pytest.mark.parametrize("title", ["", "Rules of the shop", "A title that is long. " * 60])
def test_chunks_are_cut_to_the_window_when_asked(title):
    text = f"{POLICY}{HOURS}\n\n{STORE}\n\nshort"
    pieces = chunk([document(text, title)], 1000, 0, embedder=minilm())
    assert "".join("".join(p.text.split()) for p in pieces) == "".join(text.split())
    assert all(text[p.start : p.end] == p.text for p in pieces)
    if len(title) > 100:
        assert all(minilm().n_tokens([p.text])[0] <= 256 // 4 + 2 for p in pieces)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = minilm().encode([p.in_context() for p in pieces])
    assert len(vectors) > 2


def test_two_chunks_that_differ_at_their_ends_have_other_vectors():
    first, second = (chunk([document(POLICY + end)], embedder=minilm()) for end in (HOURS, STORE))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = [
            minilm().encode([p.in_context() for p in pieces])[-1] for pieces in (first, second)
        ]
    assert float(vectors[0] @ vectors[1]) < 0.99


def test_chunks_that_fit_are_left_as_they_are():
    text = "\n\n".join(f"Section {i}. " + "The lamp is red. " * 20 for i in range(9))
    assert chunk([document(text)], 500, 100, embedder=minilm()) == chunk([document(text)], 500, 100)


def test_an_embedder_without_a_window_is_refused():
    class Toy:
        name = "toy"
        dimension = 2

    with pytest.raises(AdaptLabError, match="toy does not state its window"):
        chunk([document("x")], embedder=Toy())
