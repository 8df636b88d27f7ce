"""Retrieve: chunks for questions, by meaning, by words, or spread over topics."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from adaptlab.errors import AdaptLabError
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.collection import Collection, Where
from adaptlab.rag.index import check_positive
from adaptlab.rag.words import stemmed_words

__all__ = ["Dense", "Diverse", "Hit", "Keyword", "Retriever", "sources", "stemmed_words"]


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
    """Queries are a list of texts with at least one letter or mark each; an error says if not."""
    if isinstance(queries, str):
        raise AdaptLabError("A search takes a list of queries; put the one that you have into brackets.")
    if not isinstance(queries, Iterable):
        raise AdaptLabError(f"Queries are {type(queries).__name__}, not a list of texts. Give a list of texts.")
    wrong = next((query for query in queries if not isinstance(query, str)), "")
    if not isinstance(wrong, str):
        raise AdaptLabError(f"A query is {type(wrong).__name__}, not text. Give each query as a text.")
    if not all(query.strip() for query in queries):
        raise AdaptLabError("A query is empty; ask something.")


def check_k(k: int, n: int) -> int:
    """How many of n chunks can be found: k, or n if there are fewer."""
    if not n:
        raise AdaptLabError("The collection is empty; add something first.")
    return min(check_positive(k), n)


def first_depth(k: int, depth: int, n: int) -> int:
    """How many of n chunks a first stage looks up, where a later one keeps k."""
    return min(max(check_k(k, n), depth), n)


def checked_scores(scores: Sequence[float], n: int) -> list[float]:
    """Scores by a model for n pairs, as numbers that can be put in order.

    Raises:
        AdaptLabError: if there are more or fewer than n, or if one is NaN, which no order has.
    """
    found = [float(score) for score in scores]
    if len(found) != n:
        raise AdaptLabError(f"The reranker gave {len(found)} scores for {n} pairs. Return one for each pair.")
    n_nan = sum(map(math.isnan, found))
    if n_nan:
        raise AdaptLabError(f"The reranker gave NaN for {n_nan} of {n} pairs. Check its weights and number format.")
    return found


class Dense:
    """The chunks whose vectors are nearest to the query's."""

    def __init__(self, collection: Collection):
        self.collection = collection

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        check_queries(queries)
        k = check_k(k, len(self.collection))
        found = self.collection.search(self.collection.embedder.encode(queries), k, where)
        return [[Hit(chunk, score) for chunk, score in row] for row in found]


class Keyword:
    """BM25 over the words of the chunks, stemmed, without the commonest of a `language`.

    A chunk that shares no word with the query is not found.
    """

    def __init__(self, collection: Collection, k1: float = 1.5, b: float = 0.75, language: str | None = "english"):
        self.collection, self.k1, self.b, self.language = collection, k1, b, language
        stemmed_words([], language)  # or an unknown language is found out by the first search
        self._indexed: tuple | None = None

    def _current(self) -> tuple:
        """(version, chunks, index), made anew if the collection has changed: BM25's weights depend on all chunks.

        The index is None if no chunk holds a word.
        """
        import bm25s

        if self._indexed is None or self._indexed[0] != self.collection.version:
            version, chunks = self.collection.version, list(self.collection.chunks.values())
            words = stemmed_words([chunk.in_context() for chunk in chunks], self.language)
            index = bm25s.BM25(k1=self.k1, b=self.b) if any(words) else None
            if index is not None:
                index.index(words, show_progress=len(chunks) > 20_000)
            self._indexed = version, chunks, index
        return self._indexed

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        check_queries(queries)
        with self.collection.steady():
            k = check_k(k, len(self.collection))
            _, chunks, index = self._current()
            if not queries or index is None:
                return [[] for _ in queries]
            mask = None if where is None else np.array([where(chunk) for chunk in chunks], np.float32)
            words = stemmed_words(queries, self.language, of_queries=True)
            positions, scores = index.retrieve(words, k=k, show_progress=False, weight_mask=mask)
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
