"""The nearest vectors by FAISS, exact or approximate, with ids that can be updated and deleted."""

import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from adaptlab.checks import check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.rag.index import (
    METRICS,
    NO_ID,
    VectorIndex,
    check_known,
    check_search,
    check_vectors,
    exact_scores,
)

FAMILIES = ("flat", "ivf", "hnsw", "pq", "ivfpq")
CELLS = ("ivf", "pq", "ivfpq")  # FAISS's codes alone support no filter; as a single cell they do
# FAISS's own least number of training vectors for a cell, or for one of the 256 values of a byte of
# code.
LEAST_A_CELL = 39
LEAST_FOR_CODES = 256 * LEAST_A_CELL
FEW = 1000  # ids that are compared one by one, whatever the family: it takes about a millisecond


def faiss_module():
    """Import FAISS at its first use."""
    import faiss

    # Torch and faiss each have their own OpenMP there, and crash if both use threads.
    if sys.platform == "darwin":
        faiss.omp_set_num_threads(1)
    return faiss


class FaissIndex(VectorIndex):
    """An index of one of FAISS's families.

    flat: exact, compares with every vector. ivf: vectors in `n_lists` cells, of which `n_probe` are
    searched. hnsw: a graph with `n_links` per node, searched with a list of `ef` candidates; it
    cannot delete, so a deletion builds it again. pq: each vector in `n_bytes` bytes; ivfpq: both.
    Families with cells or codes learn them from the first added vectors.
    """

    kind = "faiss"

    def __init__(
        self,
        dimension: int,
        family: str = "flat",
        metric: str = "cosine",
        n_lists: int | None = None,
        n_probe: int = 16,
        n_links: int = 32,
        ef: int = 64,
        n_bytes: int = 48,
    ):
        if family not in FAMILIES or metric not in METRICS:
            raise AdaptLabError(
                f"The index {family!r} with metric {metric!r} is not supported. Choose a"
                f" family from {', '.join(FAMILIES)} and a metric from {', '.join(METRICS)}."
            )
        check_whole(dimension, "The dimension of an index", 1)
        settings = {"n_probe": n_probe, "n_links": n_links, "ef": ef, "n_bytes": n_bytes}
        for name, value in (settings | ({} if n_lists is None else {"n_lists": n_lists})).items():
            check_whole(value, name, 1)
        if "pq" in family and dimension % n_bytes:
            raise AdaptLabError(
                f"{dimension} dimensions are not divisible into {n_bytes} equal parts, one"
                " per byte of a code. Choose another n_bytes."
            )
        self.dimension = dimension
        self.family = family
        self.metric = metric
        self.n_lists = n_lists
        self.n_probe = n_probe
        self.n_links = n_links
        self.ef = ef
        self.n_bytes = n_bytes
        self.index: Any = None
        self.ids: set[int] = set()
        self._lock = threading.RLock()  # FAISS's searches are not safe during a change

    def settings(self) -> dict:
        """Return the arguments of the constructor."""
        names = ("dimension", "family", "metric", "n_lists", "n_probe", "n_links", "ef", "n_bytes")
        return {name: getattr(self, name) for name in names}

    def _recipe(self, n: int) -> str:
        n_lists = self.n_lists or max(1, min(round(4 * n**0.5), n // LEAST_A_CELL))
        return {
            "flat": "IDMap2,Flat",
            "hnsw": f"IDMap2,HNSW{self.n_links},Flat",
            "ivf": f"IVF{n_lists},Flat",
            "pq": f"IVF1,PQ{self.n_bytes}",
            "ivfpq": f"IVF{n_lists},PQ{self.n_bytes}",
        }[self.family]

    def _build(self, ids: np.ndarray, vectors: np.ndarray):
        faiss = faiss_module()
        if "pq" in self.family and len(vectors) < LEAST_FOR_CODES:
            raise AdaptLabError(
                f"The codes of {self.family} need at least {LEAST_FOR_CODES} vectors to learn"
                f" from; these are {len(vectors)}. Use flat."
            )
        if self.family in ("ivf", "ivfpq") and len(vectors) < LEAST_A_CELL * (self.n_lists or 1):
            raise AdaptLabError(
                f"{self.n_lists or 1} cells need at least {LEAST_A_CELL} vectors each to"
                f" learn from; these are {len(vectors)} in all. Use flat."
            )
        metric = faiss.METRIC_INNER_PRODUCT if self.metric == "cosine" else faiss.METRIC_L2
        index = faiss.index_factory(self.dimension, self._recipe(len(vectors)), metric)
        self.tune(index)
        index.train(vectors)
        index.add_with_ids(vectors, ids)
        return index

    def tune(self, index=None) -> None:
        """Apply `n_probe` and `ef`, which may change between searches."""
        index = self.index if index is None else index
        inner = faiss_module().downcast_index(index.index) if hasattr(index, "id_map") else index
        if hasattr(inner, "nprobe"):
            inner.nprobe = self.n_probe
        if hasattr(inner, "hnsw"):
            inner.hnsw.efSearch = self.ef
            inner.hnsw.efConstruction = max(self.ef, 80)

    def replace(self, old_ids: Sequence[int], ids: Sequence[int], vectors: np.ndarray) -> None:
        with self._lock:
            vectors, new, removed = self._check_replace(old_ids, ids, vectors)
            added = np.asarray(new, np.int64)
            if self.index is None or (self.family == "hnsw" and removed):
                kept = self.ids - removed
                old = np.fromiter(kept, np.int64, len(kept))
                all_ids = np.concatenate([old, added])
                all_vectors = np.concatenate([self.vectors(old), vectors]) if len(old) else vectors
                self.index = self._build(all_ids, all_vectors) if len(all_ids) else None
            else:
                if removed:
                    self.index.remove_ids(np.fromiter(removed, np.int64, len(removed)))
                self.index.add_with_ids(vectors, added)
            self.ids.difference_update(removed)
            self.ids.update(new)

    def vectors(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        with self._lock:
            check_known(ids, self.ids)
            if self.family in CELLS:
                self.index.set_direct_map_type(faiss_module().DirectMap.Hashtable)
            return self.index.reconstruct_batch(np.asarray(ids, np.int64))

    def search(
        self, queries: np.ndarray, k: int, allowed: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        queries = check_vectors(queries, self.dimension, self.metric)
        with self._lock:
            k = check_search(len(self), k)
            if allowed is None:
                return self._nearest(queries, k)
            known = np.array(sorted(self.ids.intersection(map(int, allowed))), np.int64)
            if self.family != "flat" and len(known) <= self._n_compared():
                return self._one_by_one(queries, k, known)
            ids, scores = self._nearest(queries, k, known)
            short = (ids != NO_ID).sum(axis=1) < min(k, len(known))
            if short.any():
                ids[short], scores[short] = self._one_by_one(queries[short], k, known)
            return ids, scores

    def _nearest(
        self,
        queries: np.ndarray,
        k: int,
        allowed: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        only = None if allowed is None else self._only(allowed)
        scores, ids = self.index.search(queries, k, params=only)
        scores = -scores if self.metric == "l2" else scores
        return ids, np.where(ids == NO_ID, -np.inf, scores)

    def _n_compared(self) -> int:
        """Estimate the vectors that a search of this family compares with, at least FEW."""
        if self.family == "hnsw":
            return max(FEW, self.ef * self.n_links)
        n_lists = self.index.nlist
        return max(FEW, len(self) * min(self.n_probe, n_lists) // n_lists) if n_lists > 1 else FEW

    def _one_by_one(
        self,
        queries: np.ndarray,
        k: int,
        allowed: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Search exactly among given ids, as Lucene does if a filter leaves few.

        Cells and graphs are built for all vectors. The cells and links that a search visits may
        contain none of the few allowed vectors.
        """
        ids = np.full((len(queries), k), NO_ID)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        if len(allowed):
            found = exact_scores(queries, self.vectors(allowed), self.metric)
            best = np.argsort(-found, axis=1, kind="stable")[:, :k]
            ids[:, : best.shape[1]] = allowed[best]
            scores[:, : best.shape[1]] = np.take_along_axis(found, best, axis=1)
        return ids, scores

    def _only(self, allowed: np.ndarray):
        faiss = faiss_module()
        chosen = faiss.IDSelectorBatch(np.asarray(allowed, np.int64))
        if self.family in CELLS:
            return faiss.SearchParametersIVF(sel=chosen, nprobe=self.n_probe)
        if self.family == "hnsw":
            return faiss.SearchParametersHNSW(sel=chosen, efSearch=self.ef)
        return faiss.SearchParameters(sel=chosen)

    def to_bytes(self) -> bytes:
        """Return the bytes for `from_bytes`, complete even during searches."""
        with self._lock:
            return (
                b"" if self.index is None else faiss_module().serialize_index(self.index).tobytes()
            )

    @classmethod
    def from_bytes(cls, data: bytes, ids: Sequence[int], settings: dict) -> "FaissIndex":
        index = cls(**settings)
        if data:
            index.index = faiss_module().deserialize_index(np.frombuffer(data, np.uint8))
            index.tune()
        index.ids = set(ids)
        return index
