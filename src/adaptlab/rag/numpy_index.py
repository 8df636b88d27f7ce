"""The nearest vectors by NumPy, exact: what other indexes are compared with."""

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
        vectors, new, removed = self._check_replace(old_ids, ids, vectors)
        known, held = self._held
        if removed:
            keep = ~np.isin(known, list(removed))
            self._room = known[keep], held[keep]
        n = len(known) - len(removed)
        n_after = n + len(new)
        if n_after > len(self._room[0]):
            self._room = tuple(_grown(array[:n], 2 * n_after) for array in self._room)
        self._room[0][n:n_after], self._room[1][n:n_after] = new, vectors
        self._held = self._room[0][:n_after], self._room[1][:n_after]
        self.ids.difference_update(removed)
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


def _grown(rows: np.ndarray, n: int) -> np.ndarray:
    """Return the rows, with room for n in all."""
    return np.concatenate([rows, np.empty((n - len(rows), *rows.shape[1:]), rows.dtype)])
