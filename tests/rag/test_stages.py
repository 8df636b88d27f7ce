"""What a hit says of its way: each stage's score, and the document that it comes from."""

import pytest
from test_collection import Letters, pieces

from adaptlab.errors import AdaptLabError
from adaptlab.rag.by_document import ByDocument, by_document
from adaptlab.rag.collection import Collection
from adaptlab.rag.fuse import HybridRetriever, MultiQueryRetriever, reciprocal_rank_fusion
from adaptlab.rag.rerank import Reranked
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever, MaximalMarginalRelevance


@pytest.fixture(scope="module")
def held() -> Collection:
    collection = Collection(Letters())
    for source, texts in {
        "shop": ["red lamp", "lamp oil", "lamp shade"],
        "home": ["blue kettle", "green lamp"],
        "zoo": ["zebra zoo"],
    }.items():
        collection.add(pieces(source, *texts))
    return collection


def length(pairs):
    return [len(text) for _, text in pairs]


@pytest.mark.parametrize("constant", [60, 1])
def test_a_fused_hit_holds_the_scores_of_both_searches(held, constant):
    def fuse(rankings):
        return reciprocal_rank_fusion(rankings, constant)

    dense = DenseRetriever(held)
    keyword = BM25Retriever(held)
    of = {
        name: {hit.chunk.id: hit.score for hit in way.search(["red lamp"], 9)[0]}
        for name, way in {"dense": dense, "keyword": keyword}.items()
    }
    (hits,) = HybridRetriever([dense, keyword], fuse).search(["red lamp"], 9)
    assert len(hits) == 6
    for hit in hits:
        assert hit.stages["dense"] == of["dense"][hit.chunk.id]
        assert hit.stages.get("keyword") == of["keyword"].get(hit.chunk.id)
        assert hit.stages["fused"] == hit.score


def test_later_stages_add_theirs(held):
    hybrid = HybridRetriever([DenseRetriever(held), BM25Retriever(held)])
    (alone,) = Reranked(hybrid, length, fuse=False).search(["lamp"], 6)
    assert [hit.stages["reranked"] for hit in alone] == [hit.score for hit in alone]
    lamp = next(hit for hit in alone if hit.chunk.text == "lamp shade")
    assert set(lamp.stages) == {"dense", "keyword", "fused", "reranked"}
    (fused,) = Reranked(hybrid, length).search(["lamp"], 6)
    lamp = next(hit for hit in fused if hit.chunk.text == "lamp shade")
    assert set(lamp.stages) == {"dense", "keyword", "fused", "reranked", "fused 2"}
    assert all(hit.stages["fused 2"] == hit.score for hit in fused)
    (spread,) = MaximalMarginalRelevance(held).search(["lamp"], 2)
    assert set(spread[0].stages) == {"dense"}


def test_two_searches_of_a_kind_keep_their_scores_apart(held):
    both = HybridRetriever([BM25Retriever(held), BM25Retriever(held, b=0.0), DenseRetriever(held)])
    (hits,) = both.search(["lamp"], 6)
    assert {"keyword 1", "keyword 2", "dense", "fused"} == set(hits[0].stages)
    (only,) = BM25Retriever(held, b=0.0).search(["lamp"], 6)
    second = {hit.chunk.id: hit.stages["keyword 2"] for hit in hits if "keyword 2" in hit.stages}
    assert second == {hit.chunk.id: hit.score for hit in only}


def test_versions_of_a_query_keep_the_highest_score_of_a_stage(held):
    def versions(queries):
        return [["lamp", "zebra zoo"] for _ in queries]

    found = {
        hit.chunk.text: hit
        for hit in MultiQueryRetriever(DenseRetriever(held), versions).search(["x"], 6)[0]
    }
    scores = [DenseRetriever(held).search([text], 6)[0] for text in ("lamp", "zebra zoo")]
    best = {hit.chunk.text: hit.score for hits in scores for hit in hits}
    best |= {hit.chunk.text: max(hit.score, best[hit.chunk.text]) for hit in scores[0]}
    assert {text: hit.stages["dense"] for text, hit in found.items()} == best


def test_equal_hits_may_have_come_another_way(held):
    (fused,) = HybridRetriever([DenseRetriever(held)]).search(["lamp"], 1)
    assert fused[0].scored("later", fused[0].score) == fused[0]
    assert len({*fused, fused[0].scored("later", fused[0].score)}) == 1


def test_hits_by_document(held):
    (hits,) = DenseRetriever(held).search(["lamp"], 6)
    documents = by_document(hits)
    assert sum(len(document.hits) for document in documents) == 6
    assert [document.score for document in documents] == [d.hits[0].score for d in documents]
    assert sorted(document.source for document in documents) == ["home", "shop", "zoo"]


@pytest.mark.parametrize("depth", [1, 2, 50])
def test_as_many_documents_as_asked_for_however_many_chunks_one_has(depth):
    held = Collection(Letters())
    held.add(pieces("long", *[f"lamp {'m' * i}" for i in range(30)]))
    held.add(pieces("other", "zebra"))
    (documents,) = ByDocument(DenseRetriever(held), depth).search(["lamp"], 2)
    assert [document.source for document in documents] == ["long", "other"]
    assert [
        len(row) for row in ByDocument(BM25Retriever(held), depth).search(["lamp", "zebra"], 5)
    ] == [
        1,
        1,
    ]
    assert ByDocument(BM25Retriever(held), depth).search(["lamp"], 5, {"source": "other"}) == [[]]
    with pytest.raises(AdaptLabError, match="at least 1"):
        ByDocument(DenseRetriever(held)).search(["lamp"], 0)


def test_scores_are_plain_numbers(held):
    (hits,) = Reranked(HybridRetriever([DenseRetriever(held), BM25Retriever(held)]), length).search(
        ["lamp"], 6
    )
    assert all(type(score) in (float, int) for hit in hits for score in hit.stages.values())
