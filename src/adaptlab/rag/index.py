"""The index: FAISS, exact search by inner product."""

import sys

import numpy as np


def _faiss():
    import faiss

    if sys.platform == "darwin":  # torch and faiss bring an OpenMP each there, and crash when both use threads
        faiss.omp_set_num_threads(1)
    return faiss


class FlatIndex:
    """Unit vectors (n, d); `search` gives the k nearest by cosine."""

    def __init__(self, vectors: np.ndarray):
        self.index = _faiss().IndexFlatIP(vectors.shape[1])
        self.index.add(np.ascontiguousarray(vectors, np.float32))

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(positions (q, k), cosines (q, k)), best first."""
        cosines, positions = self.index.search(np.ascontiguousarray(queries, np.float32), k)
        return positions, cosines
