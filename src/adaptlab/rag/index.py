"""Index: what every index of vectors offers, and the checks that all of them share."""

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
        """Return the arguments of `load_index.index_from_bytes`, next to the bytes."""
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
        removed = {int(i) for i in old_ids}
        check_known(sorted(removed), held)
        if len(new) != len(vectors):
            raise AdaptLabError(
                f"There are {len(new)} ids for {len(vectors)} vectors. Give one id for each vector."
            )
        if len(set(new)) < len(new) or any(i in held and i not in removed for i in new):
            raise AdaptLabError(
                "An id is already in the index, or occurs twice in the new ids. Replace it instead."
            )
        return vectors, new, removed


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


def exact_scores(queries: np.ndarray, vectors: np.ndarray, metric: str) -> np.ndarray:
    """Return scores (q, n) of all pairs: cosines of unit vectors, or negated squared distances."""
    scores = queries @ vectors.T
    if metric == "l2":
        scores = 2 * scores - (queries**2).sum(1, keepdims=True) - (vectors**2).sum(1)
    return scores
