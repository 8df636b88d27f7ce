"""What updates and searches cost: an update what changed, and no search another's wait."""

import shutil
import threading
import time
from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest
from test_collection import Letters, pieces

from adaptlab.rag import collection as collections
from adaptlab.rag import embed
from adaptlab.rag.chunk import Chunk, chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.document import Document
from adaptlab.rag.faiss_index import FaissIndex
from adaptlab.rag.fuse import HybridRetriever
from adaptlab.rag.numpy_index import NumpyIndex
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever, MaximalMarginalRelevance

SLOW = 0.2  # seconds of an embedding


class Slowly(Letters):
    """An embedder that takes its time over queries, as one on a server does."""

    def encode_query(self, texts):
        time.sleep(SLOW)
        return self.encode(texts)


@dataclass(frozen=True)
class Counted(Chunk):
    """A chunk that notes each time that its words are asked for, and takes a while to give them."""

    asked: list = None
    seconds: float = 0.0

    def in_context(self) -> str:
        time.sleep(self.seconds)
        self.asked.append(self.id)
        return self.text


def counted(ids, asked: list, seconds: float = 0.0) -> list[Counted]:
    return [
        Counted(
            i, f"lamp n{i}", f"s{i}", "", "", date(2026, 1, 1), 0, 1, asked=asked, seconds=seconds
        )
        for i in ids
    ]


def seconds_of(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def test_keyword_search_reads_only_the_chunks_that_came():
    asked: list[int] = []
    held = Collection(Letters())
    held.add(counted(range(50), asked))
    keyword = BM25Retriever(held)
    assert len(keyword.search(["lamp"], 60)[0]) == 50
    asked.clear()
    held.add(counted([50], asked))
    held.delete("s3")
    found = keyword.search(["n50 n3 n4"], 60)[0]
    assert {hit.chunk.id for hit in found} == {4, 50}
    assert asked == [50, 50], "once for the vector, once for the words"


def test_a_searcher_that_is_far_behind_reads_all(monkeypatch):
    monkeypatch.setattr(collections, "KEPT_CHANGES", 3)
    held = Collection(Letters())
    held.add(pieces("a", "red lamp"))
    keyword = BM25Retriever(held)
    keyword.search(["lamp"], 1)
    for i in range(5):
        held.update(pieces("b", f"blue lamp n{i}"))
        held.update(pieces("a", f"red kettle n{i}"))
    assert [hit.chunk.text for hit in keyword.search(["lamp kettle red"], 9)[0]] == [
        "red kettle n4",
        "blue lamp n4",
    ]
    assert keyword.search(["n3"], 9) == [[]]


def test_a_dense_search_does_not_wait_for_the_words_of_a_keyword_search():
    held = Collection(Letters())
    asked = []
    held.add(counted(range(40), asked))
    held.update(counted(range(40), asked, seconds=0.05))  # the same texts, whose words now take 2 s
    keyword = threading.Thread(target=BM25Retriever(held).search, args=(["lamp"], 3))
    keyword.start()
    time.sleep(0.2)
    taken = seconds_of(lambda: DenseRetriever(held).search(["lamp"], 3))
    assert keyword.is_alive() and taken < 0.5
    keyword.join()


@pytest.mark.parametrize(
    "make",
    [
        DenseRetriever,
        MaximalMarginalRelevance,
        lambda c: HybridRetriever([DenseRetriever(c), BM25Retriever(c)]),
        lambda c: HybridRetriever([HybridRetriever([DenseRetriever(c)]), BM25Retriever(c)]),
    ],
)
def test_queries_are_embedded_side_by_side(make):
    held = Collection(Slowly())
    held.add(pieces("a", "zebra zoo", "apple", "kiwi"))
    retriever = make(held)
    threads = [threading.Thread(target=retriever.search, args=(["apple"], 2)) for _ in range(8)]

    def run():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert seconds_of(run) < 4 * SLOW


def test_hybrid_searches_beside_updates_see_the_old_or_the_new():
    held = Collection(Letters())
    old = pieces("a", "lamp zebra", "lamp zoo")
    new = pieces("a", "lamp kiwi", "lamp fig", "lamp plum")
    held.add(old)
    states = {frozenset(c.text for c in old), frozenset(c.text for c in new)}
    stop = threading.Event()
    mixed = []

    def look(retriever):
        while not stop.is_set():
            found = frozenset(hit.chunk.text for hit in retriever.search(["lamp"], 9)[0])
            if found not in states:
                mixed.append(found)

    retrievers = (
        BM25Retriever(held),
        HybridRetriever([DenseRetriever(held), BM25Retriever(held)]),
        BM25Retriever(held),
    )
    threads = [threading.Thread(target=look, args=(retriever,)) for retriever in retrievers]
    for thread in threads:
        thread.start()
    for _ in range(80):
        held.update(new)
        held.update(old)
    stop.set()
    for thread in threads:
        thread.join()
    assert not mixed


@pytest.mark.parametrize(
    "make", [lambda: NumpyIndex(26), lambda: FaissIndex(26), lambda: FaissIndex(26, "hnsw")]
)
def test_adding_one_chunk_copies_nothing(make):
    held = Collection(Letters(), make())
    for i in range(5):
        held.add(pieces(f"s{i}", *[f"text {i} {j} " + chr(97 + j) * 9 for j in range(20)]))
    before = held.chunks, held.index.ids, getattr(held.index, "index", None)
    rows = held.index._held[1] if isinstance(held.index, NumpyIndex) else None
    query = held.embedder.encode(["aaa"])
    found = held.index.search(query, 3)[0]
    held.add(pieces("last", "xyxy"))
    after = held.chunks, held.index.ids, getattr(held.index, "index", None)
    assert all(a is b for a, b in zip(before, after)) and len(held) == len(held.index) == 101
    if rows is not None:
        assert np.shares_memory(rows, held.index._held[1]) and len(rows) == 100
    assert held.index.search(query, 3)[0].tolist() == found.tolist()
    assert held.search(held.embedder.encode(["xyxy"]), 1)[0][0][0].text == "xyxy"


@pytest.fixture(scope="module")
def e5(tmp_path_factory) -> embed.LocalEmbedder:
    """MiniLM under the name of a model that was trained with prompts."""
    folder = tmp_path_factory.mktemp("models") / "multilingual-e5-small"
    shutil.copytree(embed.minilm_folder(), folder)
    return embed.LocalEmbedder(str(folder))


def test_models_with_prompts_get_them(e5, tmp_path):
    plain = embed.minilm()
    for embedder in (e5, embed.CachedEmbedder(e5, tmp_path / "cache.db")):
        np.testing.assert_allclose(
            embedder.encode_query(["a lamp"]), plain.encode(["query: a lamp"]), atol=1e-6
        )
        np.testing.assert_allclose(
            embedder.encode_document(["a lamp"]), plain.encode(["passage: a lamp"]), atol=1e-6
        )
        np.testing.assert_allclose(embedder.encode(["a lamp"]), plain.encode(["a lamp"]), atol=1e-6)
    assert "passage: " in e5.name, "vectors with and without a prompt would be mixed"
    np.testing.assert_array_equal(plain.encode_query(["a lamp"]), plain.encode(["a lamp"]))
    own = embed.LocalEmbedder(prompts=embed.Prompts("ask: "))
    np.testing.assert_allclose(own.encode_query(["x"]), plain.encode(["ask: x"]), atol=1e-6)
    assert own.name == plain.name


def test_collections_and_searches_use_the_prompts(e5):
    held = Collection(e5)
    held.add(chunk([Document("The lamp is red.", "a", "", date(2026, 1, 1))]))
    ((hit,),) = DenseRetriever(held).search(["What is red?"], 1)
    vectors = embed.minilm().encode(["query: What is red?", "passage: The lamp is red."])
    assert hit.score == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)


@pytest.mark.parametrize(
    "model, stated, prompts",
    [
        ("hub:intfloat/e5-base-v2", {}, ("query: ", "passage: ")),
        ("hub:intfloat/multilingual-e5-large", {}, ("query: ", "passage: ")),
        (
            "BAAI/bge-small-en-v1.5/",
            {},
            ("Represent this sentence for searching relevant passages: ", ""),
        ),
        ("BAAI/bge-m3", {}, ("", "")),
        ("all-MiniLM-L6-v2", {"query": "", "document": ""}, ("", "")),
        ("some-e5-smaller", {}, ("", "")),
        ("intfloat/e5-base-v2", {"query": "q: ", "passage": "p: "}, ("q: ", "p: ")),
    ],
)
def test_prompts_are_the_models_own_or_those_of_its_family(model, stated, prompts):
    assert embed._prompts(model, stated) == prompts


def test_chunks_leave_room_for_the_prompt(e5):
    text = "lamp " * 2000
    pieces_of = chunk([Document(text, "a", "", date(2026, 1, 1), ())], 5000, 0, embedder=e5)
    counts = e5.n_tokens([f"passage: {piece.in_context()}" for piece in pieces_of])
    assert counts.max() == e5.window
