"""Retrieval: equal to the libraries underneath, fused and spread by their formulas, and sentences
for what cannot be searched.
"""

from dataclasses import replace
from datetime import date

import bm25s
import numpy as np
import pytest
import Stemmer
from test_collection import Letters

from adaptlab.errors import AdaptLabError
from adaptlab.models.chat import Reply, ScriptedChat
from adaptlab.rag.answer import check, verified
from adaptlab.rag.chunk import chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.fuse import (
    HybridRetriever,
    MultiQueryRetriever,
    reciprocal_rank_fusion,
)
from adaptlab.rag.loaders import Document
from adaptlab.rag.rerank import Reranked
from adaptlab.rag.retrieve import (
    BM25Retriever,
    DenseRetriever,
    Hit,
    MaximalMarginalRelevance,
    sources,
)
from adaptlab.rag.rewrite import hypothetical_documents, model_versions, plain_versions
from adaptlab.world.handbook import handbook

SECTIONS = handbook(3, n_products=30, n_policies=20, n_procedures=10)


@pytest.fixture(scope="module")
def collection() -> Collection:
    made = Collection(Letters())
    made.add(
        chunk(
            [
                Document(section.text, f"section {i}", section.title, date(2026, 1, 1 + i % 28))
                for i, section in enumerate(SECTIONS)
            ],
            400,
            0,
        )
    )
    return made


QUERIES = ["How much is the kettle?", "Which team repairs a broken wooden umbrella?", "zzz"]


def ids(hits: list[Hit]) -> list[int]:
    return [hit.chunk.id for hit in hits]


def test_dense_is_the_index_itself(collection):
    found = DenseRetriever(collection).search(QUERIES, 5)
    expected, scores = collection.index.search(collection.embedder.encode(QUERIES), 5)
    assert [ids(hits) for hits in found] == expected.tolist()
    np.testing.assert_allclose([[hit.score for hit in hits] for hits in found], scores)


def test_sources_stand_in_the_order_of_their_best_chunks(collection):
    one = next(piece for piece in collection.chunks.values() if piece.source == "section 0")
    two = replace(one, id=one.id + 1)
    other = next(piece for piece in collection.chunks.values() if piece.source == "section 1")
    assert sources([Hit(two, 0.9), Hit(other, 0.8), Hit(one, 0.7)]) == ["section 0", "section 1"]
    assert sources([]) == []


def test_keyword_is_the_library_itself(collection):
    chunks = list(collection.chunks.values())
    stemmer = Stemmer.Stemmer("english")
    # By default it drops single letters and digits.
    rules = {"stopwords": "en", "stemmer": stemmer, "show_progress": False, "token_pattern": r"\w+"}
    library = bm25s.BM25()
    library.index(bm25s.tokenize([c.in_context() for c in chunks], **rules), show_progress=False)
    positions, scores = library.retrieve(bm25s.tokenize(QUERIES, **rules), k=7, show_progress=False)
    found = BM25Retriever(collection).search(QUERIES, 7)
    for hits, row, values in zip(found, positions, scores):
        assert ids(hits) == [chunks[i].id for i, score in zip(row, values) if score > 0]
    assert BM25Retriever(collection).search([], 3) == []
    assert found[2] == [], "a chunk without any word of the query was found"


def test_keyword_follows_changes_and_filters():
    made = Collection(Letters())
    made.add(
        chunk(
            [
                Document("red lamp", "a", "", date(2026, 1, 1)),
                Document("blue lamp", "b", "", date(2026, 2, 2)),
            ],
            50,
            0,
        )
    )
    keyword = BM25Retriever(made)
    assert {hit.chunk.source for hit in keyword.search(["lamp"], 2)[0]} == {"a", "b"}
    assert [
        hit.chunk.source
        for hit in keyword.search(["lamp"], 2, lambda c: c.date > date(2026, 1, 15))[0]
    ] == ["b"]
    made.update(chunk([Document("green kettle", "a", "", date(2026, 3, 3))], 50, 0))
    assert [hit.chunk.source for hit in keyword.search(["kettle"], 2)[0]] == ["a"]


def test_a_fusion_by_hand(collection):
    a, b, c = list(collection.chunks.values())[:3]
    first = [Hit(a, 9.0), Hit(b, 8.0), Hit(c, 5.0)]
    second = [Hit(c, 0.4), Hit(b, 0.1)]
    fused = reciprocal_rank_fusion([first, second])
    assert [(hit.chunk, round(hit.score, 9)) for hit in fused] == [
        (c, round(1 / 63 + 1 / 61, 9)),
        (b, round(2 / 62, 9)),
        (a, round(1 / 61, 9)),
    ]
    with pytest.raises(AdaptLabError, match="different collections"):
        HybridRetriever([DenseRetriever(collection), DenseRetriever(Collection(Letters()))])


def test_hybrid_and_versions_search_all_and_keep_k(collection):
    hybrid = HybridRetriever([DenseRetriever(collection), BM25Retriever(collection)])
    assert all(len(hits) == 4 == len(set(ids(hits))) for hits in hybrid.search(QUERIES, 4))
    versions = MultiQueryRetriever(BM25Retriever(collection), plain_versions)
    assert (
        ids(versions.search(QUERIES[:1], 3)[0])[0]
        == ids(BM25Retriever(collection).search(["much kettle"], 3)[0])[0]
    )


def test_versions_by_template_and_by_model():
    assert plain_versions(["Can you tell me how much the Zephyr lamp is?"]) == [
        [
            "Can you tell me how much the Zephyr lamp is?",
            "how much the Zephyr lamp is?",
            "how much Zephyr lamp",
        ]
    ]
    assert (
        plain_versions(["is it"]) == [["is it"]]
        and plain_versions(["Saying hello"])[0][0] == "Saying hello"
    )
    assert "ing hello" not in plain_versions(["Saying hello"])[0]
    chat = ScriptedChat(["one", "", "two", "three"])
    assert model_versions(chat, 2)(["q", "r"]) == [["q", "one"], ["r", "two", "three"]]
    assert hypothetical_documents(ScriptedChat(["A sentence.", " "]))(["q", "r"]) == [
        ["A sentence."],
        ["r"],
    ]


def test_diverse_is_the_formula_and_with_relevance_alone_is_dense(collection):
    assert [ids(hits) for hits in MaximalMarginalRelevance(collection, 1.0).search(QUERIES, 6)] == [
        ids(hits) for hits in DenseRetriever(collection).search(QUERIES, 6)
    ]
    first, second = MaximalMarginalRelevance(collection, 0.3, depth=10).search(QUERIES[:1], 2)[0]
    candidates = DenseRetriever(collection).search(QUERIES[:1], 10)[0]
    assert first == candidates[0]
    vectors = collection.index.vectors(ids(candidates))
    gains = [
        0.3 * hit.score - 0.7 * float(vectors[i] @ vectors[0]) for i, hit in enumerate(candidates)
    ]
    assert second == candidates[1 + int(np.argmax(gains[1:]))]


def test_reranked_orders_by_the_second_score(collection):
    shortest = Reranked(
        DenseRetriever(collection),
        lambda pairs: [-len(text) for _, text in pairs],
        depth=10,
        fuse=False,
    )
    hits = shortest.search(QUERIES, 3)[0]
    candidates = DenseRetriever(collection).search(QUERIES, 10)[0]
    assert [-hit.score for hit in hits] == sorted(
        len(hit.chunk.in_context()) for hit in candidates
    )[:3]


def test_reranked_counts_both_rankings_alike_unless_told_otherwise(collection):
    """A reranker that is wrong about everything halves what the first stage knew, and does not undo
    it.
    """
    first = DenseRetriever(collection).search(QUERIES[:1], 10)[0]
    backwards = Reranked(
        DenseRetriever(collection), lambda pairs: list(range(len(pairs))), depth=10
    )
    hits = backwards.search(QUERIES[:1], 10)[0]
    assert [hit.chunk for hit in hits] == [
        hit.chunk for hit in reciprocal_rank_fusion([first, first[::-1]])
    ]
    agrees = Reranked(
        DenseRetriever(collection), lambda pairs: [-i for i in range(len(pairs))], depth=10
    )
    assert ids(agrees.search(QUERIES[:1], 5)[0]) == ids(first[:5])


@pytest.mark.parametrize(
    "score, sentence",
    [
        (lambda pairs: [float("nan"), *range(1, len(pairs))], "NaN for 1 of 10 pairs"),
        (lambda pairs: np.full(len(pairs), np.nan), "NaN for 10 of 10"),
        (lambda pairs: [1.0], "1 scores for 10 pairs"),
        (lambda pairs: [0.0] * (len(pairs) + 1), "11 scores for 10"),
    ],
)
def test_scores_that_cannot_be_put_in_order_are_refused(collection, score, sentence):
    with pytest.raises(AdaptLabError, match=sentence):
        Reranked(DenseRetriever(collection), score, depth=5).search(QUERIES[:2], 3)
    hits = DenseRetriever(collection).search(QUERIES[:1], 10)[0]
    answer = check(QUERIES[0], hits, Reply("40", 0, 0, 0.0))
    with pytest.raises(AdaptLabError, match=sentence):
        verified([answer], score)


def test_a_filter_is_a_function(collection):
    for retriever in (
        DenseRetriever(collection),
        BM25Retriever(collection),
        HybridRetriever([DenseRetriever(collection), BM25Retriever(collection)]),
    ):
        with pytest.raises(AdaptLabError, match="filter is str"):
            retriever.search(["kettle"], 1, "section 1")


def test_what_cannot_be_fused_is_a_sentence():
    with pytest.raises(AdaptLabError, match="at least one retriever"):
        HybridRetriever([])


def test_a_k_above_the_number_of_chunks_gives_what_there_is(collection):
    n = len(collection)
    for k in (n + 1, 10**9):
        assert len(DenseRetriever(collection).search(["a"], k)[0]) == n
        assert len(MaximalMarginalRelevance(collection, depth=n).search(["a"], k)[0]) == n
        assert 0 < len(BM25Retriever(collection).search(["kettle"], k)[0]) < n
        assert (
            len(
                HybridRetriever([DenseRetriever(collection), BM25Retriever(collection)]).search(
                    ["kettle"], k
                )[0]
            )
            == n
        )


def test_what_cannot_be_searched_is_a_sentence(collection):
    makers = (
        DenseRetriever,
        BM25Retriever,
        MaximalMarginalRelevance,
        lambda c: HybridRetriever([DenseRetriever(c), BM25Retriever(c)]),
        lambda c: MultiQueryRetriever(DenseRetriever(c), plain_versions),
        lambda c: Reranked(DenseRetriever(c), lambda pairs: [0.0] * len(pairs)),
    )
    for make in makers:
        for queries, k, sentence in (
            (["a", " "], 3, "query is empty"),
            ("a", 3, "list of queries"),
            (["a"], 0, "k is 0, not a whole number"),
            (["a"], 1.5, "k is 1.5"),
            ([None], 1, "query is NoneType, not text"),
            (["a", 3], 1, "query is int, not text"),
            ([["a"]], 1, "query is list"),
            (None, 1, "not a list of texts"),
            ([float("nan")], 1, "query is float"),
            ((query for query in ["a"]), 1, "are generator, not a list"),
        ):
            with pytest.raises(AdaptLabError, match=sentence):
                make(collection).search(queries, k)
        with pytest.raises(AdaptLabError, match="empty"):
            make(Collection(Letters())).search(["a"], 1)
