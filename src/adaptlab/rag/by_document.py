"""ByDocument: group hits by their document."""

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
    """A document with its hits, best first; its score is the score of its best hit."""

    source: str
    title: str
    score: float
    hits: tuple[Hit, ...]


def by_document(hits: Sequence[Hit]) -> list[FoundDocument]:
    """Group one query's hits, best first, into documents, in the order of their best chunks.

    Raises:
        AdaptLabError: if they are not hits, for example a list of hits for each query.
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
    """The k best documents of a retriever, by their best chunks; it searches deeper until it has k.

    The first search returns `depth` chunks; a document has its hits among them.
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
        """Return for each query at most k documents, best first."""
        n = len(self.collection)
        depth = first_depth(check_k(k, n), self.depth, n)
        while True:
            found = self.retriever.search(queries, depth, where)
            documents = [by_document(hits) for hits in found]
            # A list that is not full has all hits.
            wanting = any(len(d) < k and len(h) >= depth for d, h in zip(documents, found))
            if depth >= n or not wanting:
                return [row[:k] for row in documents]
            depth = min(2 * depth, n)
