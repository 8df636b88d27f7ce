"""Filters as data: what each operator means, the same in every store, and refusals."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_collection import Letters

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import Chunk, chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.document import Document
from adaptlab.rag.faiss_index import FaissIndex
from adaptlab.rag.filters import as_test
from adaptlab.rag.numpy_index import NumpyIndex
from adaptlab.rag.pgvector import PgvectorIndex
from adaptlab.rag.qdrant import QdrantIndex
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever

DAY = date(2026, 3, 1)
TICKETS = {
    "a": {"team": "sales", "year": 2024, "open": True, "tags": ["new", "urgent"]},
    "b": {"team": "sales", "year": 2025, "open": False, "by": {"name": "Vera"}},
    "c": {"team": "support", "year": 2025.5, "tags": [], "closed": date(2025, 5, 1)},
    "d": {},
}

MEANINGS = [
    ({}, "abcd"),
    ({"team": "sales"}, "ab"),
    ({"team": "sales", "year": 2025}, "b"),
    ({"team": {"$ne": "sales"}}, "cd"),
    ({"year": {"$gt": 2024, "$lte": 2025}}, "b"),
    ({"year": {"$gte": np.int64(2025)}}, "bc"),
    ({"year": {"$lt": "2030"}}, ""),  # a number is not below a text
    ({"open": 1}, ""),  # and a flag is no number
    ({"open": True}, "a"),
    ({"open": {"$not": {"$eq": True}}}, "bcd"),
    ({"tags": "urgent"}, "a"),
    ({"tags": {"$in": ["old", "new"]}}, "a"),
    ({"tags": {"$nin": ["old", "new"]}}, "bcd"),
    ({"tags": {"$exists": True}}, "ac"),
    ({"by.name": "Vera"}, "b"),
    ({"closed": {"$gte": date(2025, 1, 1)}}, "c"),
    ({"source": {"$in": ["a", "d"]}}, "ad"),
    ({"date": {"$lt": date(2026, 3, 2)}}, "abcd"),
    ({"$or": [{"year": 2024}, {"tags": {"$exists": False}}]}, "abd"),
    ({"$and": [{"team": "sales"}, {"open": False}]}, "b"),
    ({"$nor": [{"team": "sales"}, {"team": "support"}]}, "d"),
]


def chunks() -> list[Chunk]:
    texts = {"a": "the lamp is red", "b": "the lamp is blue", "c": "a lamp", "d": "no lamp here"}
    return chunk(
        [Document(texts[name], name, name, DAY, (), known) for name, known in TICKETS.items()]
    )


@pytest.mark.parametrize(("condition", "expected"), MEANINGS, ids=lambda value: str(value)[:40])
def test_what_a_filter_means(condition, expected):
    test = as_test(condition)
    assert "".join(piece.source for piece in chunks() if test(piece)) == expected


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("team = 'sales'", "not a function or a dict"),
        ({"$where": 1}, r"'\$where'"),
        ({3: 1}, "3"),
        ({"year": {"$near": 3}}, r"'\$near'"),
        ({"year": {}}, "is empty"),
        ({"year": [2024, 2025]}, r"\$in takes a list"),
        ({"year": {"$in": 2024}}, "list of values"),
        ({"year": {"$gt": float("nan")}}, "Give text, a number or a date"),
        ({"year": np.array([1, 2])}, "Give text, a number or a date"),
        ({"year": {"$exists": "yes"}}, "True or False"),
        ({"$or": []}, "list of at least one filter"),
        ({"$or": {"year": 1}}, "list of at least one filter"),
        ({"$and": [3]}, "not a function or a dict"),
    ],
)
def test_what_is_no_filter_is_refused(condition, said):
    with pytest.raises(AdaptLabError, match=said):
        as_test(condition)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (["sales"], "are list, not a dict"),
        ({"title": "x"}, "the document's own"),
        ({"$team": "x"}, "does not begin with"),
        ({3: "x"}, "name"),
        ({"year": float("nan")}, "JSON cannot"),
        ({"of": {"day": object()}}, r"'of\.day' in the metadata"),
    ],
)
def test_metadata_that_cannot_be_kept_are_refused(metadata, said):
    with pytest.raises(AdaptLabError, match=said):
        Document("text", "s", "t", DAY, metadata=metadata)


@pytest.fixture(scope="module")
def collections(postgres) -> dict[str, Collection]:
    indexes = {
        "numpy": NumpyIndex(26),
        "faiss": FaissIndex(26),
        "qdrant": QdrantIndex(26, "filters"),
        "pgvector": PgvectorIndex(26, postgres, "filters"),
    }
    made = {name: Collection(Letters(), index) for name, index in indexes.items()}
    for collection in made.values():
        collection.add(chunks())
    return made


@pytest.mark.parametrize("store", ["numpy", "faiss", "qdrant", "pgvector"])
@pytest.mark.parametrize("way", [DenseRetriever, BM25Retriever])
def test_filters_mean_the_same_in_every_store(collections, store, way):
    search = way(collections[store])
    for condition, expected in MEANINGS:
        (hits,) = search.search(["lamp"], 4, condition)
        assert sorted(hit.chunk.source for hit in hits) == sorted(expected), condition


NAMES = st.sampled_from(["team", "year", "open", "tags", "by.name", "source", "other"])
VALUES = st.sampled_from(["sales", "a", "new", 2024, 2025, True, False, None])
CONDITIONS = st.one_of(
    VALUES,
    st.dictionaries(st.sampled_from(["$eq", "$ne", "$gt", "$lte"]), VALUES, min_size=1),
    st.builds(lambda values: {"$in": values}, st.lists(VALUES)),
)
FILTERS = st.recursive(
    st.dictionaries(NAMES, CONDITIONS, max_size=2),
    lambda inner: st.builds(
        lambda operator, parts: {operator: parts},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(FILTERS, FILTERS)
def test_filters_put_together_follow_de_morgan(one, two):
    both = as_test({"$and": [one, two]})
    neither = as_test({"$nor": [one, two]})
    for piece in chunks():
        first = as_test(one)(piece)
        second = as_test(two)(piece)
        assert both(piece) == (first and second)
        assert neither(piece) == (not first and not second)


@pytest.mark.parametrize(
    "where, unknown",
    [
        ({"taem": "sales"}, "taem"),
        ({"metadata.team": "sales"}, "metadata.team"),
        ({"id": 1}, "id"),
        ({"$or": [{"team": "none"}, {"by.nme": {"$in": ["Vera"]}}]}, "by.nme"),
        ({"$and": [{"team": "sales"}, lambda chunk: False, {"text": "x"}]}, "text"),
    ],
)
def test_a_name_that_no_chunk_has_is_warned_of(where, unknown):
    collection = Collection(Letters())
    collection.add(chunks())
    with pytest.warns(
        UserWarning, match=f"no chunk has '{unknown}'. Names that chunks have: source, .*team"
    ):
        assert DenseRetriever(collection).search(["lamp"], 2, where) == [[]]


@pytest.mark.parametrize("where", [{"team": "none"}, {"taem": {"$ne": 1}}, lambda chunk: False])
def test_names_that_chunks_have_are_no_reason_to_warn(where, recwarn):
    collection = Collection(Letters())
    collection.add(chunks())
    collection.matching(where)
    assert not recwarn


def test_metadata_are_saved_and_a_change_of_them_embeds_nothing(tmp_path):
    collection = Collection(Letters())
    collection.add(chunks())
    collection.save(tmp_path / "c")
    again = Collection.load(tmp_path / "c", Letters())
    assert again.matching({"by.name": "Vera"}) == collection.matching({"by.name": "Vera"}) != []
    moved = Document("the lamp is red", "a", "a", DAY, (), {"team": "support"})
    n_before = again.embedder.n_texts
    again.update(chunk([moved]))
    assert again.embedder.n_texts == n_before
    (hits,) = BM25Retriever(again).search(["red"], 2, {"team": "support"})
    assert [hit.chunk.source for hit in hits] == ["a"]
