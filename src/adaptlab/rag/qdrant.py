"""Qdrant as the index: in this process (`:memory:`) or on a server, with the same protocol as
FAISS.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

from adaptlab.errors import AdaptLabError
from adaptlab.rag.index import METRICS, NO_ID, VectorIndex, check_known, check_search, check_vectors

UPLOAD = 1000  # points a request


class QdrantIndex(VectorIndex):
    """A collection of a Qdrant server at `url`, or in memory; it is made if it does not exist.

    `exact` searches without its graph. Other programs on the same server may see a change half
    done: Qdrant has no transactions.
    """

    def __init__(
        self,
        dimension: int,
        name: str = "chunks",
        url: str = ":memory:",
        metric: str = "cosine",
        exact: bool = False,
        timeout_seconds: int = 10,
    ):
        if find_spec("qdrant_client") is None:
            raise AdaptLabError(
                "The package qdrant-client is not installed. Run: pip install 'adaptlab[stores]'"
            )
        from qdrant_client import QdrantClient, models

        if metric not in METRICS:
            raise AdaptLabError(
                f"The metric {metric!r} is not supported. Choose one of {', '.join(METRICS)}."
            )
        self.dimension = dimension
        self.metric = metric
        self.name = name
        self.url = url
        self._models = models
        self._parameters = models.SearchParams(exact=exact)
        place = {"location": url} if url == ":memory:" else {"url": url}
        distance = models.Distance.COSINE if metric == "cosine" else models.Distance.EUCLID
        with self._answering():
            self._client = QdrantClient(**place, timeout=timeout_seconds)
            if self._client.collection_exists(name):
                held = self._client.get_collection(name).config.params.vectors
                if not isinstance(held, models.VectorParams) or (held.size, held.distance) != (
                    dimension,
                    distance,
                ):
                    raise AdaptLabError(
                        f"{name} at {url} has other vectors ({held}). Use another name, or"
                        " delete it."
                    )
            else:
                self._client.create_collection(
                    name, vectors_config=models.VectorParams(size=dimension, distance=distance)
                )
            self.ids = set(self._stored_ids())

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Report a client error in one sentence."""
        try:
            yield
        except AdaptLabError:
            raise
        except Exception as error:
            if not type(error).__module__.startswith(("qdrant_client", "httpx", "grpc")):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise AdaptLabError(
                f"Qdrant at {self.url} did not answer ({reason}). Check that the server is up"
                " and reachable from this machine."
            ) from error

    def _stored_ids(self) -> Iterator[int]:
        offset = None
        while True:
            points, offset = self._client.scroll(
                self.name, limit=10_000, offset=offset, with_payload=False
            )
            yield from (point.id for point in points)
            if offset is None:
                return

    def replace(self, old_ids: Sequence[int], ids: Sequence[int], vectors: np.ndarray) -> None:
        """Add new points before deleting old ones, so that an interruption loses nothing."""
        vectors, new, old = self._check_replace(old_ids, ids, vectors)
        removed = list(old - set(new))
        with self._answering():
            for start in range(0, len(new), UPLOAD):
                batch = self._models.Batch(
                    ids=new[start : start + UPLOAD],
                    vectors=vectors[start : start + UPLOAD].tolist(),
                )
                self._client.upsert(self.name, points=batch, wait=True)
            if removed:
                self._client.delete(
                    self.name, points_selector=self._models.PointIdsList(points=removed), wait=True
                )
        self.ids.difference_update(old)
        self.ids.update(new)

    def vectors(self, ids: Sequence[int]) -> np.ndarray:
        check_known(ids, self.ids)
        with self._answering():
            found = {
                point.id: point.vector
                for point in self._client.retrieve(
                    self.name, [int(i) for i in ids], with_vectors=True
                )
            }
        return np.array([found[int(i)] for i in ids], np.float32).reshape(-1, self.dimension)

    def search(
        self, queries: np.ndarray, k: int, allowed: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        queries = check_vectors(queries, self.dimension, self.metric)
        models = self._models
        k = check_search(len(self), k)
        only = (
            None
            if allowed is None
            else models.Filter(must=[models.HasIdCondition(has_id=[int(i) for i in allowed])])
        )
        requests = [
            models.QueryRequest(query=query.tolist(), limit=k, filter=only, params=self._parameters)
            for query in queries
        ]
        with self._answering():
            answers = self._client.query_batch_points(self.name, requests=requests)
        ids = np.full((len(queries), k), NO_ID)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        for row, answer in enumerate(answers):
            for column, point in enumerate(answer.points):
                ids[row, column], scores[row, column] = point.id, point.score
        return ids, (
            scores if self.metric == "cosine" else np.where(ids == NO_ID, -np.inf, -(scores**2))
        )
