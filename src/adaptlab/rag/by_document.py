"""ByDocument: hits put together by the document that they come from."""

from collections.abc import Sequence
from dataclasses import dataclass

from adaptlab.checks import check_whole
from adaptlab.rag.filters import Where
from adaptlab.rag.retrieve import (
    Hit,
    Retriever,
    check_hits,
    check_k,
    check_retriever,
    first_depth,
)


@dataclass(frozen=True)
class FoundDocument:
    """A document with its hits, best first; its score is that of the best."""

    source: str
    title: str
    score: float
    hits: tuple[Hit, ...]


def by_document(hits: Sequence[Hit]) -> list[FoundDocument]:
    """The documents of one query's hits, which come best first, in the order of their best chunks.

    Raises:
        AdaptLabError: if they are not hits, for example a list of them for each query.
    """
    check_hits(hits)
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.chunk.source, []).append(hit)
    return [
        FoundDocument(source, found[0].chunk.title, found[0].score, tuple(found))
        for source, found in groups.items()
    ]


class ByDocument:
    """The k best documents of a retriever, by their best chunks: it looks deeper until it has k.

    `depth` chunks are looked up at first; a document has those of its hits that were among them.
    """

    finds_chunks = False

    def __init__(self, retriever: Retriever, depth: int = 50):
        check_retriever(retriever)
        check_whole(depth, "depth", 1)
        self.retriever = retriever
        self.depth = depth
        self.collection = retriever.collection

    def search(
        self,
        queries: Sequence[str],
        k: int,
        where: Where | None = None,
    ) -> list[list[FoundDocument]]:
        """For each query at most k documents, best first."""
        n = len(self.collection)
        depth = first_depth(check_k(k, n), self.depth, n)
        while True:
            found = self.retriever.search(queries, depth, where)
            documents = [by_document(hits) for hits in found]
            # A list that is not full holds all that there is.
            wanting = any(len(d) < k and len(h) >= depth for d, h in zip(documents, found))
            if depth >= n or not wanting:
                return [row[:k] for row in documents]
            depth = min(2 * depth, n)
