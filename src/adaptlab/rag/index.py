"""Index: the nearest vectors by FAISS, exact or approximate, with ids that can be updated and
deleted.
"""

import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from adaptlab.checks import check_whole
from adaptlab.errors import AdaptLabError

METRICS = ("cosine", "l2")
NO_ID = -1  # pads a row of hits where fewer than k were found


class VectorIndex(ABC):
    """Vectors (n, dimension) under ids of 63 bits. A search sees every change completely or not at
    all.

    A new kind of index implements replace, search and vectors; add and delete are special cases of
    replace.
    """

    dimension: int
    metric: str
    ids: set[int]
    kind = ""  # of an index whose vectors `to_bytes` returns; "" if a server keeps them

    def settings(self) -> dict:
        """Return the arguments of `index_from_bytes`, next to the bytes."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Return the vectors of an index that keeps them itself."""
        raise NotImplementedError

    @abstractmethod
    def replace(self, old_ids: Sequence[int], ids: Sequence[int], vectors: np.ndarray) -> None:
        """Delete and add in one step; an id may be in both."""

    @abstractmethod
    def search(
        self, queries: np.ndarray, k: int, allowed: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (ids (q, k) int64, scores (q, k) float32), best first.

        Scores are cosines, or with metric l2 negated squared distances. A k above the number of
        vectors is reduced to that number. With `allowed`, only these ids are found; a row is padded
        with NO_ID and -inf.
        """

    @abstractmethod
    def vectors(self, ids: Sequence[int]) -> np.ndarray:
        """Return the vectors under these ids, as stored in the index."""

    def add(self, ids: Sequence[int], vectors: np.ndarray) -> None:
        """Add vectors under new ids."""
        self.replace([], ids, vectors)

    def delete(self, ids: Sequence[int]) -> None:
        """Delete ids of the index."""
        self.replace(ids, [], np.empty((0, self.dimension), np.float32))

    def __len__(self) -> int:
        return len(self.ids)

    def _check_replace(
        self, old_ids: Sequence[int], ids: Sequence[int], vectors: np.ndarray
    ) -> tuple[np.ndarray, list[int], set[int]]:
        """Check the arguments of `replace`; return (vectors as float32, new ids, old ids), all ids
        as int.

        Raises:
            AdaptLabError: if ids or vectors do not fit each other or the index.
        """
        vectors = check_vectors(vectors, self.dimension, self.metric)
        new = _whole_ids(ids)
        held = self.ids
        gone = {int(i) for i in old_ids}
        check_known(sorted(gone), held)
        if len(new) != len(vectors):
            raise AdaptLabError(
                f"There are {len(new)} ids for {len(vectors)} vectors. Give one id for each vector."
            )
        if len(set(new)) < len(new) or any(i in held and i not in gone for i in new):
            raise AdaptLabError(
                "An id is already in the index, or occurs twice in the new ids. Replace it instead."
            )
        return vectors, new, gone


def faiss_module():
    """Import FAISS at its first use."""
    import faiss

    # Torch and faiss each have their own OpenMP there, and crash if both use threads.
    if sys.platform == "darwin":
        faiss.omp_set_num_threads(1)
    return faiss


def check_vectors(vectors: np.ndarray, dimension: int, metric: str) -> np.ndarray:
    """Return the vectors in the form of FAISS.

    Raises:
        AdaptLabError: if the shape is wrong, a number is not finite, or a length is not 1 under
            cosine.
    """
    try:
        if np.iscomplexobj(vectors):  # NumPy would drop one half
            raise TypeError("complex")
        vectors = np.ascontiguousarray(vectors, np.float32)
    except (TypeError, ValueError) as error:
        raise AdaptLabError(
            "The vectors are not real numbers. Give an array (n, dimension)."
        ) from error
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise AdaptLabError(
            f"The vectors have shape {vectors.shape}, but the index has dimension"
            f" {dimension}. Use the embedding model of the index."
        )
    if not np.isfinite(vectors).all():
        raise AdaptLabError(
            f"{np.count_nonzero(~np.isfinite(vectors).all(axis=1))} vectors contain NaN or"
            " infinity. Embed these texts again."
        )
    if (
        metric == "cosine"
        and len(vectors)
        and abs(np.einsum("nd,nd->n", vectors, vectors) - 1).max() > 1e-2
    ):
        raise AdaptLabError(
            "The vectors are not of length 1, which an index by cosine needs. Divide each by"
            " its length, or build the index with metric='l2'."
        )
    return vectors


def _whole_ids(ids: Sequence[int]) -> list[int]:
    """Return the ids as 63-bit numbers; FAISS returns -1 for a missing hit."""
    return [check_whole(i, "An id", 0, 2**63 - 1) for i in ids]


def check_positive(k: int) -> int:
    """Return k.

    Raises:
        AdaptLabError: if k is not a whole number of at least 1.
    """
    if isinstance(k, bool) or not isinstance(k, Integral) or k < 1:
        raise AdaptLabError(f"k is {k!r}, not a whole number of at least 1. Give 1 or more.")
    return int(k)


def check_search(n: int, k: int) -> int:
    """Return how many of n vectors can be found: k, or n if there are fewer.

    Raises:
        AdaptLabError: if the index is empty or k is not valid.
    """
    if n == 0:
        raise AdaptLabError("The index is empty. Add vectors before you search it.")
    return min(check_positive(k), n)


def check_known(ids: Any, known: set[int]) -> None:
    missing = set(ids) - known
    if missing:
        raise AdaptLabError(
            f"{len(missing)} of the ids are not in the index, for example {min(missing)}."
            " Give ids of the index."
        )


FAMILIES = ("flat", "ivf", "hnsw", "pq", "ivfpq")
CELLS = ("ivf", "pq", "ivfpq")  # FAISS's codes alone support no filter; as a single cell they do
# FAISS's own least number of training vectors for a cell, or for one of the 256 values of a byte of
# code.
LEAST_A_CELL = 39
LEAST_FOR_CODES = 256 * LEAST_A_CELL
FEW = 1000  # ids that are compared one by one, whatever the family: it takes about a millisecond


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
            vectors, new, gone = self._check_replace(old_ids, ids, vectors)
            added = np.asarray(new, np.int64)
            if self.index is None or (self.family == "hnsw" and gone):
                kept = self.ids - gone
                old = np.fromiter(kept, np.int64, len(kept))
                all_ids = np.concatenate([old, added])
                all_vectors = np.concatenate([self.vectors(old), vectors]) if len(old) else vectors
                self.index = self._build(all_ids, all_vectors) if len(all_ids) else None
            else:
                if gone:
                    self.index.remove_ids(np.fromiter(gone, np.int64, len(gone)))
                self.index.add_with_ids(vectors, added)
            self.ids.difference_update(gone)
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


def _grown(rows: np.ndarray, n: int) -> np.ndarray:
    """Return the rows, with room for n in all."""
    return np.concatenate([rows, np.empty((n - len(rows), *rows.shape[1:]), rows.dtype)])


def exact_scores(queries: np.ndarray, vectors: np.ndarray, metric: str) -> np.ndarray:
    """Return scores (q, n) of all pairs: cosines of unit vectors, or negated squared distances."""
    scores = queries @ vectors.T
    if metric == "l2":
        scores = 2 * scores - (queries**2).sum(1, keepdims=True) - (vectors**2).sum(1)
    return scores


class NumpyIndex(VectorIndex):
    """Exact search by one matrix product: the reference for every other index."""

    kind = "numpy"

    def __init__(self, dimension: int, metric: str = "cosine"):
        check_whole(dimension, "The dimension of an index", 1)
        if metric not in METRICS:
            raise AdaptLabError(
                f"The metric {metric!r} is not supported. Use one of {', '.join(METRICS)}."
            )
        self.dimension = dimension
        self.metric = metric
        self.ids: set[int] = set()
        # Replaced whole, so that a search sees one state: the rows in use of arrays with room.
        self._room: Any = np.empty(0, np.int64), np.empty((0, dimension), np.float32)
        self._held = self._room

    def replace(self, old_ids: Sequence[int], ids: Sequence[int], vectors: np.ndarray) -> None:
        vectors, new, gone = self._check_replace(old_ids, ids, vectors)
        known, held = self._held
        if gone:
            keep = ~np.isin(known, list(gone))
            self._room = known[keep], held[keep]
        n = len(known) - len(gone)
        n_after = n + len(new)
        if n_after > len(self._room[0]):
            self._room = tuple(_grown(array[:n], 2 * n_after) for array in self._room)
        self._room[0][n:n_after], self._room[1][n:n_after] = new, vectors
        self._held = self._room[0][:n_after], self._room[1][:n_after]
        self.ids.difference_update(gone)
        self.ids.update(new)

    def vectors(self, ids: Sequence[int]) -> np.ndarray:
        known, held = self._held
        check_known(ids, self.ids)
        return held[[int(np.flatnonzero(known == i)[0]) for i in ids]]

    def search(
        self, queries: np.ndarray, k: int, allowed: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        queries = check_vectors(queries, self.dimension, self.metric)
        ids, held = self._held
        k = check_search(len(ids), k)
        scores = exact_scores(queries, held, self.metric)
        if allowed is not None:
            scores[:, ~np.isin(ids, np.asarray(allowed, np.int64))] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        found = np.take_along_axis(scores, best, axis=1)
        return np.where(np.isneginf(found), NO_ID, ids[best]), found

    def settings(self) -> dict:
        return {"dimension": self.dimension, "metric": self.metric}

    def to_bytes(self) -> bytes:
        """Ids (n,) int64 and vectors (n, dimension) float32, both little-endian."""
        ids, held = self._held
        return ids.astype("<i8").tobytes() + held.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, ids: Sequence[int], settings: dict) -> "NumpyIndex":
        index = cls(**settings)
        n = len(data) // (8 + 4 * index.dimension)
        vectors = np.frombuffer(data, "<f4", offset=8 * n).reshape(n, index.dimension)
        index.replace([], np.frombuffer(data, "<i8", n).tolist(), vectors)
        return index


def index_from_bytes(data: bytes, ids: Sequence[int], settings: dict) -> VectorIndex:
    """Make an index from its `settings()`, including its `kind`, and its `to_bytes()`."""
    kinds = {index.kind: index for index in (FaissIndex, NumpyIndex)}
    options = dict(settings)
    return kinds[options.pop("kind", FaissIndex.kind)].from_bytes(data, ids, options)
