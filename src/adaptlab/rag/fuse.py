"""Fuse: one ranking from several retrievers, or from several versions of a query."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from adaptlab.checks import check_number, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.filters import Where
from adaptlab.rag.index import check_positive
from adaptlab.rag.retrieve import (
    Hit,
    Prepared,
    Retriever,
    check_queries,
    check_retriever,
    first_depth,
    prepared,
    unchanged,
)

Fusion = Callable[[list[list[Hit]]], list[Hit]]


def reciprocal_rank_fusion(rankings: list[list[Hit]], constant: int = 60) -> list[Hit]:
    """Order by the sum of 1 / (constant + rank) over the rankings.

    Source: Cormack, Clarke and Büttcher 2009.
    """
    check_number(constant, "The constant of a fusion", 0)
    scores = _Scores()
    for hits in rankings:
        for rank, hit in enumerate(hits, 1):
            scores.add(hit.chunk, 1 / (constant + rank))
    return scores.ordered()


class _Scores:
    """Sums by the chunks' ids, in the order of first occurrence: a chunk's hash reads its text."""

    def __init__(self):
        self.chunks: dict[int, Chunk] = {}
        self.sums: dict[int, float] = {}

    def add(self, chunk: Chunk, score: float) -> None:
        self.chunks.setdefault(chunk.id, chunk)
        self.sums[chunk.id] = self.sums.get(chunk.id, 0.0) + score

    def ordered(self) -> list[Hit]:
        best = sorted(self.sums.items(), key=lambda item: -item[1])
        return [Hit(self.chunks[i], score) for i, score in best]


class HybridRetriever:
    """Several retrievers of one collection; their rankings, `depth` hits each, are fused."""

    def __init__(
        self,
        retrievers: Sequence[Retriever],
        fuse: Fusion = reciprocal_rank_fusion,
        depth: int = 50,
    ):
        check_whole(depth, "depth", 1)
        if not isinstance(retrievers, Sequence) or not retrievers:
            raise AdaptLabError("The list of retrievers is empty. Give at least one retriever.")
        for retriever in retrievers:
            check_retriever(retriever)
        self.retrievers = retrievers
        self.fuse = fuse
        self.depth = depth
        self.collection = retrievers[0].collection
        if any(retriever.collection is not self.collection for retriever in retrievers):
            raise AdaptLabError(
                "Rankings of different collections cannot be fused. Put all chunks into one"
                " collection."
            )

        kinds = [type(retriever).__name__ for retriever in retrievers]
        # Scores of two retrievers of a kind need names of their own in `Hit.stages`.
        numbers = [f" {i}" if kinds.count(kind) > 1 else "" for i, kind in enumerate(kinds, 1)]
        self._suffixes = tuple(numbers)

    def prepare(self, queries: Sequence[str]) -> Prepared:
        searches = [prepared(retriever, queries) for retriever in self.retrievers]

        def run(k: int, where: Where | None) -> list[list[Hit]]:
            with self.collection.read_lock():
                depth = first_depth(k, self.depth, len(self.collection))
                lists = [search.run(depth, where) for search in searches]
            return [self._fused(list(rankings), k) for rankings in zip(*lists)]

        def refresh() -> None:
            for search in searches:
                search.refresh()

        return Prepared(run, refresh)

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        check_positive(k)
        search = self.prepare(queries)
        with unchanged(self.collection, [search]):
            return search.run(k, where)

    def _fused(self, rankings: list[list[Hit]], k: int) -> list[Hit]:
        named = zip(rankings, self._suffixes)
        stages = [[_renamed(hit, suffix) for hit in hits] for hits, suffix in named]
        return with_stages(self.fuse(rankings)[:k], stages, "fused")


def _renamed(hit: Hit, suffix: str) -> Hit:
    if not suffix:
        return hit
    return Hit(hit.chunk, hit.score, {name + suffix: s for name, s in hit.stages.items()})


def with_stages(fused: Sequence[Hit], rankings: Sequence[Sequence[Hit]], stage: str) -> list[Hit]:
    """Return fused hits with their scores in the rankings, the highest of each stage."""
    met: dict[int, dict[str, float]] = {hit.chunk.id: {} for hit in fused}
    for hit in chain.from_iterable(rankings):
        known = met.get(hit.chunk.id)
        if known is not None:
            for name, score in hit.stages.items():
                known[name] = max(score, known.get(name, score))
    return [Hit(hit.chunk, hit.score, met[hit.chunk.id]).scored(stage, hit.score) for hit in fused]


Rewrite = Callable[[Sequence[str]], list[list[str]]]  # for each query, its versions


def _checked_versions(versions: Any, n: int) -> list[list[str]]:
    """Return the versions of n queries.

    Raises:
        AdaptLabError: if a query has no version.
    """
    is_list = isinstance(versions, list) and len(versions) == n
    if not is_list or not all(isinstance(texts, list) and texts for texts in versions):
        problem = f"The rewriting did not return versions for all {n} queries"
        raise AdaptLabError(f"{problem}. Return a list of texts for each.")
    return versions


class MultiQueryRetriever:
    """Search for several versions of each query and fuse the results.

    `rewrite` makes the versions, by a template or a model.
    """

    def __init__(
        self,
        retriever: Retriever,
        rewrite: Rewrite,
        fuse: Fusion = reciprocal_rank_fusion,
        depth: int = 20,
    ):
        check_whole(depth, "depth", 1)
        check_retriever(retriever)
        self.retriever = retriever
        self.rewrite = rewrite
        self.fuse = fuse
        self.depth = depth
        self.collection = retriever.collection

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        check_queries(queries)
        versions = _checked_versions(self.rewrite(queries), len(queries))
        depth = first_depth(k, self.depth, len(self.collection))
        found = iter(
            self.retriever.search([text for texts in versions for text in texts], depth, where)
        )
        rankings = [[next(found) for _ in texts] for texts in versions]
        return [with_stages(self.fuse(one)[:k], one, "fused") for one in rankings]
