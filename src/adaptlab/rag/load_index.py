"""An index from the bytes that a saved collection holds."""

from collections.abc import Sequence

from adaptlab.rag.faiss_index import FaissIndex
from adaptlab.rag.index import VectorIndex
from adaptlab.rag.numpy_index import NumpyIndex


def index_from_bytes(data: bytes, ids: Sequence[int], settings: dict) -> VectorIndex:
    """Make an index from its `settings()`, including its `kind`, and its `to_bytes()`."""
    kinds = {index.kind: index for index in (FaissIndex, NumpyIndex)}
    options = dict(settings)
    return kinds[options.pop("kind", FaissIndex.kind)].from_bytes(data, ids, options)
