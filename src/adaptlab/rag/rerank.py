"""Rerank: the first hits once more, by a model that reads query and chunk together."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from adaptlab.errors import AdaptLabError
from adaptlab.rag.collection import Where
from adaptlab.rag.retrieve import Hit, Retriever, first_depth


class Reranked:
    """The `depth` first hits of a retriever in the order of a second, slower score."""

    def __init__(self, retriever: Retriever, score: Callable[[list[tuple[str, str]]], Sequence[float]], depth: int = 20):
        self.retriever, self.score, self.depth = retriever, score, depth
        self.collection = retriever.collection

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        found = self.retriever.search(queries, first_depth(k, self.depth, len(self.collection)), where)
        scores = iter(self.score([(query, hit.chunk.in_context()) for query, hits in zip(queries, found) for hit in hits]))
        rescored = [[replace(hit, score=float(next(scores))) for hit in hits] for hits in found]
        return [sorted(hits, key=lambda hit: -hit.score)[:k] for hits in rescored]


class CrossEncoder:
    """Scores of (query, text) pairs by a sentence-transformers cross-encoder: a hub id or a folder."""

    def __init__(self, model: str, batch_size: int = 32):
        from sentence_transformers import CrossEncoder as Model

        self.name, self.batch_size = model, batch_size
        try:
            self.model = Model(model)
        except (OSError, ValueError) as error:
            raise AdaptLabError(f"The reranker {model} could not be loaded; give a hub id (with a network) or a folder.") from error

    def __call__(self, pairs: list[tuple[str, str]]) -> Sequence[float]:
        return self.model.predict(pairs, batch_size=self.batch_size, show_progress_bar=len(pairs) > 1000) if pairs else []
