"""Retrieve: chunks for questions, by meaning, by words, or spread over topics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.collection import Collection, Where


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found; scores of different kinds of retriever do not compare."""

    chunk: Chunk
    score: float


def sources(hits: Sequence[Hit]) -> list[str]:
    """The sources of hits, which come best first: each once, in the order of their best chunks."""
    return list(dict.fromkeys(hit.chunk.source for hit in hits))


class Retriever(Protocol):
    collection: Collection

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        """For each query at most k hits, best first, from chunks for which `where` is true."""
        ...


def check_queries(queries: Sequence[str]) -> None:
    if isinstance(queries, str):
        raise AdaptLabError("A search takes a list of queries; put the one that you have into brackets.")
    if not all(query.strip() for query in queries):
        raise AdaptLabError("A query is empty; ask something.")


def check_k(k: int, n: int) -> None:
    if not 1 <= k <= n:
        raise AdaptLabError(f"k is {k}, but the collection holds {n} chunks; ask for 1 to {n}." if n else "The collection is empty; add something first.")


def first_depth(k: int, depth: int, n: int) -> int:
    """How many of n chunks a first stage looks up, where a later one keeps k."""
    check_k(k, n)
    return min(max(k, depth), n)


class Dense:
    """The chunks whose vectors are nearest to the query's."""

    def __init__(self, collection: Collection):
        self.collection = collection

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        check_queries(queries)
        check_k(k, len(self.collection))
        found = self.collection.search(self.collection.embedder.encode(queries), k, where)
        return [[Hit(chunk, score) for chunk, score in row] for row in found]


def stemmed_words(texts: Sequence[str]) -> list[list[str]]:
    """The words of each text as BM25 counts them: small, stemmed, without the commonest."""
    import bm25s
    import Stemmer

    return bm25s.tokenize(list(texts), stopwords="en", stemmer=Stemmer.Stemmer("english"), return_ids=False, show_progress=len(texts) > 20_000)


class Keyword:
    """BM25 over the words of the chunks, stemmed, without the commonest; a chunk that shares no word with the query is not found."""

    def __init__(self, collection: Collection, k1: float = 1.5, b: float = 0.75):
        self.collection, self.k1, self.b = collection, k1, b
        self._indexed: tuple | None = None

    def _current(self) -> tuple:
        """(version, chunks, index), made anew if the collection has changed: BM25's weights depend on all chunks."""
        import bm25s

        if self._indexed is None or self._indexed[0] != self.collection.version:
            version, chunks = self.collection.version, list(self.collection.chunks.values())
            index = bm25s.BM25(k1=self.k1, b=self.b)
            index.index(stemmed_words([chunk.in_context() for chunk in chunks]), show_progress=len(chunks) > 20_000)
            self._indexed = version, chunks, index
        return self._indexed

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        check_queries(queries)
        with self.collection.steady():
            check_k(k, len(self.collection))
            _, chunks, index = self._current()
            if not queries:
                return []
            mask = None if where is None else np.array([where(chunk) for chunk in chunks], np.float32)
            positions, scores = index.retrieve(stemmed_words(queries), k=k, show_progress=False, weight_mask=mask)
            return [[Hit(chunks[i], float(s)) for i, s in zip(*row) if s > 0] for row in zip(positions, scores)]


class Diverse:
    """Maximal marginal relevance over the `depth` nearest: Carbonell and Goldstein 1998.

    Each next hit has the highest `relevance` · (cosine to the query) - (1 - `relevance`) · (highest cosine to a hit chosen before).
    """

    def __init__(self, collection: Collection, relevance: float = 0.7, depth: int = 50):
        self.collection, self.relevance, self.depth = collection, relevance, depth

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        if self.collection.index.metric != "cosine":
            raise AdaptLabError("Maximal marginal relevance weighs cosines; build the index with metric='cosine'.")
        with self.collection.steady():
            candidates = Dense(self.collection).search(queries, first_depth(k, self.depth, len(self.collection)), where)
            return [self._spread(hits, k) for hits in candidates]

    def _spread(self, hits: list[Hit], k: int) -> list[Hit]:
        vectors = self.collection.index.vectors([hit.chunk.id for hit in hits])
        cosines = vectors @ vectors.T
        chosen: list[int] = []
        while len(chosen) < min(k, len(hits)):
            rest = [i for i in range(len(hits)) if i not in chosen]
            gain = [self.relevance * hits[i].score - (1 - self.relevance) * max(cosines[i, chosen], default=0) for i in rest]
            chosen.append(rest[int(np.argmax(gain))])
        return [hits[i] for i in chosen]
