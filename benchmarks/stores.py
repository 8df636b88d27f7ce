"""Our index (FAISS) compared with Qdrant and pgvector, all exact, so at equal recall: one query at
a time, a batch, a search among a tenth of the vectors, and a query right after an update.

Qdrant is its client's in-memory mode; a Qdrant server was not measured. PostgreSQL is a server on
this machine. Vectors are random directions of MiniLM's dimension.

Run: python benchmarks/stores.py
"""

import time
from collections.abc import Callable

import numpy as np
from results_file import keep, spread
from retrieval import unit
from tqdm.auto import tqdm

from adaptlab.rag.faiss_index import FaissIndex
from adaptlab.rag.index import VectorIndex
from adaptlab.rag.numpy_index import NumpyIndex
from adaptlab.rag.pgvector import PgvectorIndex, local_database
from adaptlab.rag.qdrant import QdrantIndex

N_VECTORS = 20_000
DIMENSION = 384
N_QUERIES = 32  # of a round
K = 10
ROUNDS = 5
N_CHANGED = 10  # vectors that an update replaces
OURS = "FAISS"

Search = Callable[[VectorIndex, np.ndarray], np.ndarray]
rng = np.random.default_rng(1)
allowed = rng.choice(N_VECTORS, N_VECTORS // 10, replace=False).tolist()


def one_by_one(index: VectorIndex, queries: np.ndarray) -> np.ndarray:
    return np.concatenate([index.search(query[None], K)[0] for query in queries])


def batched(index: VectorIndex, queries: np.ndarray) -> np.ndarray:
    return index.search(queries, K)[0]


def filtered(index: VectorIndex, queries: np.ndarray) -> np.ndarray:
    return np.concatenate([index.search(query[None], K, allowed)[0] for query in queries])


def after_an_update(index: VectorIndex, queries: np.ndarray) -> np.ndarray:
    """Replace vectors by themselves before each query: work for the index, and the same result."""
    found = []
    for number, query in enumerate(queries):
        ids = list(range(number * N_CHANGED, (number + 1) * N_CHANGED))
        index.replace(ids, ids, index.vectors(ids))
        found.append(index.search(query[None], K)[0])
    return np.concatenate(found)


LOADS: dict[str, Search] = {
    "one query": one_by_one,
    "a batch": batched,
    "among a tenth": filtered,
    "after an update": after_an_update,
}


def main() -> None:
    vectors = unit(rng, N_VECTORS, DIMENSION)
    indexes = {
        OURS: FaissIndex(DIMENSION),
        "Qdrant": QdrantIndex(DIMENSION, exact=True),
        "pgvector": PgvectorIndex(DIMENSION, local_database(), timeout_seconds=120),
    }
    oracle = NumpyIndex(DIMENSION)
    for index in [oracle, *indexes.values()]:
        index.add(range(N_VECTORS), vectors)
    report: dict = {"vectors": N_VECTORS, "rounds": ROUNDS, "queries a round": N_QUERIES}
    for load, search in LOADS.items():
        report[load] = measure(load, search, indexes, oracle)
    keep("stores", report)


def measure(
    load: str, search: Search, indexes: dict[str, VectorIndex], oracle: VectorIndex
) -> dict:
    """Return each store's recall@10, milliseconds of a query, and times of ours."""
    times: dict[str, list[float]] = {name: [] for name in indexes}
    hits = dict.fromkeys(indexes, 0)
    for number in tqdm(range(ROUNDS), desc=load, unit="round"):
        queries = unit(rng, N_QUERIES, DIMENSION)
        right = search(oracle, queries)
        for name in list(indexes) if number % 2 else reversed(indexes):
            began = time.perf_counter()
            found = search(indexes[name], queries)
            times[name].append(1000 * (time.perf_counter() - began) / N_QUERIES)
            hits[name] += sum(len(set(a) & set(b)) for a, b in zip(found, right))
    report: dict = {}
    for name in indexes:
        report[name] = {"recall@10": round(hits[name] / (ROUNDS * N_QUERIES * K), 4)}
        report[name]["ms a query"] = round(float(np.median(times[name])), 2)
        if name != OURS:
            ratios = [other / ours for other, ours in zip(times[name], times[OURS])]
            report[name]["times ours"] = spread("times ours", ratios)
    return report


if __name__ == "__main__":
    main()
