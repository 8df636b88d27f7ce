"""Every index behind the one protocol against brute force, and what each of them refuses."""

import threading

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.faiss_index import FAMILIES, FaissIndex
from adaptlab.rag.index import METRICS, NO_ID
from adaptlab.rag.numpy_index import NumpyIndex
from adaptlab.rag.pgvector import PgvectorIndex
from adaptlab.rag.qdrant import QdrantIndex

N = 300
DIMENSION = 24


def unit(rng: np.random.Generator, n: int, dimension: int = DIMENSION) -> np.ndarray:
    vectors = rng.normal(size=(n, dimension)).astype("float32")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


KINDS = ("numpy", "flat", "qdrant", "pgvector")


@pytest.fixture
def make(request, tmp_path):
    """An empty exact index of a kind."""
    made = []

    def build(kind: str, metric: str = "cosine", dimension: int = DIMENSION):
        if kind == "numpy":
            return NumpyIndex(dimension, metric)
        if kind == "flat":
            return FaissIndex(dimension, "flat", metric)
        if kind == "qdrant":
            return QdrantIndex(dimension, metric=metric)
        table = f"t{abs(hash((request.node.name, len(made))))}"
        made.append(PgvectorIndex(dimension, request.getfixturevalue("postgres"), table, metric))
        return made[-1]

    yield build
    for index in made:
        index.close()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_exact_indexes_equal_brute_force_through_changes(make, kind, metric):
    rng = np.random.default_rng(1)
    vectors = unit(rng, N)
    queries = unit(rng, 7)
    ids = rng.choice(2**62, N, replace=False)
    oracle = NumpyIndex(DIMENSION, metric)
    index = make(kind, metric)
    allowed = ids[50:60].tolist()
    for held in (oracle, index):
        held.add(ids[:200].tolist(), vectors[:200])
        held.delete(ids[:9].tolist())
        held.replace(
            ids[9:30].tolist(), ids[[9, *range(200, N)]].tolist(), vectors[[40, *range(200, N)]]
        )
    assert len(index) == len(oracle) == 200 - 9 - 21 + 101
    for options in ({"k": 11}, {"k": 5, "allowed": allowed}, {"k": 12, "allowed": allowed}):
        expected_ids, expected = oracle.search(queries, **options)
        found_ids, found = index.search(queries, **options)
        assert found_ids.tolist() == expected_ids.tolist()
        np.testing.assert_allclose(found, expected, atol=2e-5)
    assert (index.search(queries, 12, allowed)[0][:, 10:] == NO_ID).all()
    np.testing.assert_allclose(index.vectors(ids[[9, 250]].tolist()), vectors[[40, 250]], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_is_a_sentence_and_changes_nothing(make, kind):
    rng = np.random.default_rng(2)
    index = make(kind)
    vectors = unit(rng, 8)
    with pytest.raises(AdaptLabError, match="index is empty"):
        index.search(vectors, 1)
    index.add(range(8), vectors)
    before = index.search(vectors, 3)
    broken = vectors.copy()
    broken[0, 0] = np.nan
    refused = [
        (lambda: index.search(vectors, 0), "k is 0, not a whole number of at least 1"),
        (lambda: index.search(vectors, 2.5), "k is 2.5"),
        (lambda: index.search(vectors, True), "k is True"),
        (lambda: index.search(unit(rng, 2, 5), 1), "dimension 24"),
        (lambda: index.add([9], unit(rng, 1, 5)), "embedding model"),
        (lambda: index.add(range(10, 18), broken), "NaN"),
        (lambda: index.add(range(10, 18), 3 * vectors), "length 1"),
        (lambda: index.add([7], vectors[:1]), "already"),
        (lambda: index.add([9, 9], vectors[:2]), "twice"),
        (lambda: index.add([9], vectors[:2]), "1 ids for 2 vectors"),
        (lambda: index.delete([3, 77]), "not in the index.*77"),
        (lambda: index.vectors([77]), "not in the index"),
    ]
    for attempt, sentence in refused:
        with pytest.raises(AdaptLabError, match=sentence):
            attempt()
    assert len(index) == 8
    for a, b in zip(before, index.search(vectors, 3)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make_one", [NumpyIndex, FaissIndex, lambda d: FaissIndex(d, "hnsw")])
def test_any_sequence_of_changes_leaves_what_it_says(make_one):
    rng = np.random.default_rng(11)
    index = make_one(DIMENSION)
    held = {}
    for step in range(60):
        gone = (
            rng.choice(list(held), min(len(held), int(rng.integers(0, 4))), replace=False).tolist()
            if held
            else []
        )
        new = [*range(100 * step, 100 * step + int(rng.integers(0, 6))), *gone[:1]]
        vectors = unit(rng, max(len(new), 1))[: len(new)]
        index.replace(gone, new, vectors)
        held = {i: v for i, v in held.items() if i not in gone} | dict(zip(new, vectors))
        assert index.ids == set(held) and len(index) == len(held)
        if held:
            np.testing.assert_allclose(
                index.vectors(list(held)), np.array(list(held.values())), atol=1e-6
            )
            assert index.search(np.array(list(held.values())), 1)[0][:, 0].tolist() == list(held)


@pytest.mark.parametrize("kind", KINDS)
def test_a_k_above_the_number_of_vectors_gives_what_there_is(make, kind):
    index = make(kind)
    vectors = unit(np.random.default_rng(7), 8)
    index.add(range(8), vectors)
    for k in (9, 10**6):
        ids, scores = index.search(vectors, k)
        assert ids.shape == scores.shape == (8, 8) and set(ids[0].tolist()) == set(range(8))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("family", ["flat", "ivf", "hnsw"])
def test_a_filter_that_leaves_few_finds_them_as_brute_force_does(family, metric):
    rng = np.random.default_rng(8)
    vectors = unit(rng, 6000)
    queries = unit(rng, 50)
    n = 6000
    index = FaissIndex(DIMENSION, family, metric, n_probe=4, ef=16, n_links=8)
    oracle = NumpyIndex(DIMENSION, metric)
    for held in (index, oracle):
        held.add(range(n), vectors)
    for allowed in ([7], [7, 7, n + 5], [n + 5], [], rng.choice(n, 900, replace=False).tolist()):
        ids, scores = index.search(queries, 5, allowed)
        expected, expected_scores = oracle.search(queries, 5, allowed)
        assert ids.tolist() == expected.tolist(), allowed
        np.testing.assert_allclose(scores, expected_scores, atol=1e-5)


@pytest.mark.parametrize("family", ["ivf", "hnsw"])
def test_no_query_finds_fewer_than_a_filter_allows(family, monkeypatch):
    monkeypatch.setattr("adaptlab.rag.faiss_index.FEW", 0)
    rng = np.random.default_rng(9)
    index = FaissIndex(DIMENSION, family, n_probe=1, ef=1, n_links=2)
    index.add(range(6000), unit(rng, 6000))
    ids, _ = index.search(unit(rng, 100), 10, range(0, 6000, 100))
    assert (ids != NO_ID).all() and all(len(set(row)) == 10 for row in ids.tolist())
    assert set(ids.ravel().tolist()) <= set(range(0, 6000, 100))


LEAST_RECALL = {"flat": 1, "ivf": 0.3, "hnsw": 0.8, "pq": 0.1, "ivfpq": 0.1}


@pytest.mark.parametrize(
    "family, metric",
    [*((family, "cosine") for family in FAMILIES), ("ivf", "l2"), ("hnsw", "l2"), ("ivfpq", "l2")],
)
def test_families_find_update_and_come_back_from_bytes(family, metric):
    rng = np.random.default_rng(3)
    n = 10_000 if "pq" in family else 600
    vectors = unit(rng, n)
    ids = rng.choice(2**62, n, replace=False)
    queries = vectors[:20]
    index = FaissIndex(DIMENSION, family, metric, n_bytes=3)
    oracle = NumpyIndex(DIMENSION, metric)
    for held in (index, oracle):
        held.add(ids, vectors)
        held.replace(ids[:3].tolist(), ids[1:2].tolist(), vectors[:1])
    found = index.search(queries, 10)[0]
    expected = oracle.search(queries, 10)[0]
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), expected.tolist())])
    assert recall >= LEAST_RECALL[family]
    assert not {ids[0], ids[2]} & set(found.ravel().tolist()) and len(index) == n - 2
    assert set(index.search(queries, 5, ids[100:300].tolist())[0].ravel()) <= {
        *ids[100:300].tolist(),
        NO_ID,
    }
    again = FaissIndex.from_bytes(index.to_bytes(), index.ids, index.settings())
    np.testing.assert_array_equal(again.search(queries, 10)[0], found)


def test_families_that_cannot_be_built_say_so():
    with pytest.raises(AdaptLabError, match="flat"):
        FaissIndex(8, "tree")
    with pytest.raises(AdaptLabError, match="cosine, l2"):
        FaissIndex(8, metric="dot")
    with pytest.raises(AdaptLabError, match="equal parts"):
        FaissIndex(10, "pq", n_bytes=3)
    with pytest.raises(AdaptLabError, match="at least 9984 vectors"):
        FaissIndex(24, "pq", n_bytes=3).add(range(50), unit(np.random.default_rng(0), 50))


def test_a_search_beside_changes_sees_the_old_or_the_new():
    rng = np.random.default_rng(4)
    old = unit(rng, 40)
    new = unit(rng, 40)
    index = FaissIndex(DIMENSION)
    index.add(range(40), old)
    stop = threading.Event()
    mixed = []

    def look():
        while not stop.is_set():
            found = set(index.search(old[:1], 40)[0][0].tolist())
            if found not in (set(range(40)), set(range(100, 140))):
                mixed.append(found)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        index.replace(range(40), range(100, 140), new)
        index.replace(range(100, 140), range(40), old)
    stop.set()
    for thread in threads:
        thread.join()
    assert not mixed


def test_a_server_that_is_down_is_a_sentence():
    with pytest.raises(AdaptLabError, match="Qdrant at http://127.0.0.1:9 did not answer"):
        QdrantIndex(4, url="http://127.0.0.1:9", timeout_seconds=1)
    with pytest.raises(AdaptLabError, match="PostgreSQL did not answer"):
        PgvectorIndex(4, "postgresql://nobody@127.0.0.1:9/none", timeout_seconds=1)


def test_stores_keep_what_they_hold_and_refuse_another_dimension(postgres):
    vectors = unit(np.random.default_rng(5), 6)
    first = PgvectorIndex(DIMENSION, postgres, "kept", method="hnsw")
    first.add(range(6), vectors)
    first.close()
    again = PgvectorIndex(DIMENSION, postgres, "kept")
    assert len(again) == 6 and again.search(vectors[3:4], 1)[0][0, 0] == 3
    assert [i for i, _ in again.match(vectors[2], 0.7, 5)] == [2] and again.match(
        vectors[2], 1.1, 5
    ) == []
    again.close()
    with pytest.raises(AdaptLabError, match="dimension 24, not 25"):
        PgvectorIndex(25, postgres, "kept")


def test_a_slow_statement_is_a_sentence_and_the_next_one_works(postgres):
    index = PgvectorIndex(DIMENSION, postgres, "slow", timeout_seconds=1)
    index.add([1], unit(np.random.default_rng(6), 1))
    with pytest.raises(AdaptLabError, match="statement timeout"), index._answering():
        index._run("SELECT pg_sleep(5)")
    assert index.search(unit(np.random.default_rng(6), 1), 1)[0][0, 0] == 1
    index.close()
