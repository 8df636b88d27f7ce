"""Retrieve: chunks for questions, by embeddings, by keywords, or with diversity."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from adaptlab.checks import check_number, check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.models.chat import check_text
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.embed import encode_queries
from adaptlab.rag.filters import Where
from adaptlab.rag.index import check_positive
from adaptlab.rag.tokenize import stemmed_words

__all__ = [
    "DenseRetriever",
    "MaximalMarginalRelevance",
    "Hit",
    "BM25Retriever",
    "Retriever",
    "sources",
    "stemmed_words",
]


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk; scores of different kinds of retrievers are not comparable.

    `stages` are its scores on the way: {"dense": 0.71, "keyword": 7.9, "fused": 0.03}. A stage that
    did not find it is missing.
    """

    chunk: Chunk
    score: float
    stages: Mapping[str, float] = field(default_factory=dict, compare=False)

    def scored(self, stage: str, score: float) -> "Hit":
        """Return the hit with another score, of a later stage; an existing name gets a number."""
        name = stage
        n = 1
        while name in self.stages:
            n += 1
            name = f"{stage} {n}"
        return Hit(self.chunk, score, {**self.stages, name: score})


def sources(hits: Sequence[Hit]) -> list[str]:
    """Return the sources of hits, best first: each once, in the order of their best chunks.

    Raises:
        AdaptLabError: if they are not hits, for example a list of hits for each query.
    """
    check_hits(hits)
    return list(dict.fromkeys(hit.chunk.source for hit in hits))


def check_hits(hits: Sequence[Hit]) -> None:
    """Return the hits of one query.

    Raises:
        AdaptLabError: if they are something else.
    """
    wrong = next((hit for hit in hits if not isinstance(hit, Hit)), None)
    if wrong is not None:
        problem = f"A hit is {type(wrong).__name__}, not a Hit"
        raise AdaptLabError(f"{problem}. Give the hits of one query, such as found[0].")


def _checked(collection: Collection) -> Collection:
    if not hasattr(collection, "embedder"):
        problem = f"The collection is {type(collection).__name__}, not a Collection"
        raise AdaptLabError(f"{problem}. Give a collection, for example Collection(minilm()).")
    return collection


class Retriever(Protocol):
    collection: Collection

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        """Return for each query at most k hits, best first, from chunks for which `where` is
        true.
        """
        ...


def check_queries(queries: Sequence[str]) -> None:
    """Check that queries are a list of texts with at least one letter or mark each.

    Raises:
        AdaptLabError: if they are not.
    """
    if isinstance(queries, str):
        raise AdaptLabError("The queries are a single query. Give a list of queries.")
    if not isinstance(queries, Iterable) or not isinstance(queries, Sized):
        kind = type(queries).__name__
        raise AdaptLabError(f"Queries are {kind}, not a list of texts. Give a list of texts.")
    wrong = next((query for query in queries if not isinstance(query, str)), "")
    if not isinstance(wrong, str):
        kind = type(wrong).__name__
        raise AdaptLabError(f"A query is {kind}, not text. Give each query as a text.")
    for number, query in enumerate(queries, 1):
        check_text(query, f"Query {number}")
    if not all(query.strip() for query in queries):
        raise AdaptLabError("A query is empty. Give a query with text.")


def check_k(k: int, n: int) -> int:
    """Return how many of n chunks can be found: k, or n if there are fewer."""
    if not n:
        raise AdaptLabError("The collection is empty. Add chunks first.")
    return min(check_positive(k), n)


def first_depth(k: int, depth: int, n: int) -> int:
    """Return how many of n chunks a first stage retrieves, if a later stage keeps k."""
    return min(max(check_k(k, n), depth), n)


def checked_scores(scores: Sequence[float], n: int) -> list[float]:
    """Return a model's scores for n pairs, as numbers that can be sorted.

    Raises:
        AdaptLabError: if there are more or fewer than n, or if one is NaN.
    """
    try:
        found = [float(score) for score in scores]
    except (TypeError, ValueError) as error:
        problem = "The reranker did not return a number for each pair"
        raise AdaptLabError(f"{problem}. Return a list of numbers.") from error
    if len(found) != n:
        problem = f"The reranker returned {len(found)} scores for {n} pairs"
        raise AdaptLabError(f"{problem}. Return one score for each pair.")
    n_nan = sum(map(math.isnan, found))
    if n_nan:
        problem = f"The reranker returned NaN for {n_nan} of {n} pairs"
        raise AdaptLabError(f"{problem}. Check its weights and number format.")
    return found


def check_retriever(retriever: object) -> None:
    """Check that a retriever returns chunks: a retriever of documents must be the last stage.

    Raises:
        AdaptLabError: if it does not.
    """
    if not hasattr(retriever, "search") or not hasattr(retriever, "collection"):
        problem = f"The retriever is {type(retriever).__name__}, which does not search"
        raise AdaptLabError(f"{problem}. Give a retriever, for example DenseRetriever(collection).")
    if not getattr(retriever, "finds_chunks", True):
        problem = f"{type(retriever).__name__} returns documents instead of chunks"
        raise AdaptLabError(f"{problem}. Put it around the other retriever.")


@dataclass(frozen=True)
class Prepared:
    """A search whose slow part is done: queries are embedded, or split into words.

    `run(k, where)` is the rest; it holds the collection's lock. `refresh` follows changes of the
    collection, outside its lock.
    """

    run: Callable[[int, Where | None], list[list[Hit]]]
    refresh: Callable[[], None] = lambda: None


def prepared(retriever: Retriever, queries: Sequence[str]) -> Prepared:
    """Return the search as the retriever prepares it, or the whole search if it prepares
    nothing.
    """
    if hasattr(retriever, "prepare"):
        return retriever.prepare(queries)
    return Prepared(lambda k, where: retriever.search(queries, k, where))


@contextmanager
def unchanged(collection: Collection, searches: Sequence[Prepared]) -> Iterator[None]:
    """Return a context in which all searches see one state of the collection, which they have
    followed.

    A concurrent change is followed outside the lock a few times, then inside.
    """
    for n_left in reversed(range(3)):
        version = collection.version
        for search in searches:
            search.refresh()
        with collection.read_lock():
            if version == collection.version or not n_left:
                yield
                return


class DenseRetriever:
    """Retrieve the chunks whose vectors are nearest to the query's vector."""

    def __init__(self, collection: Collection):
        self.collection = _checked(collection)

    def prepare(self, queries: Sequence[str]) -> Prepared:
        check_queries(queries)
        check_k(1, len(self.collection))
        vectors = encode_queries(self.collection.embedder, queries)

        def run(k: int, where: Where | None) -> list[list[Hit]]:
            found = self.collection.search(vectors, check_k(k, len(self.collection)), where)
            return [[Hit(chunk, score, {"dense": score}) for chunk, score in row] for row in found]

        return Prepared(run)

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        check_positive(k)
        return self.prepare(queries).run(k, where)


class BM25Retriever:
    """BM25 over the words of the chunks, stemmed, without the stop words of a `language`.

    A chunk that shares no word with the query is not found. The index belongs to the collection:
    all searches with the same settings share it, and it is saved with the collection.
    """

    def __init__(
        self,
        collection: Collection,
        k1: float = 1.5,
        b: float = 0.75,
        language: str | None = "english",
    ):
        self.collection = _checked(collection)
        self.language = language
        stemmed_words([], language)  # otherwise the first search reports an unknown language
        check_number(k1, "k1", 0), check_number(b, "b", 0, 1)
        self.index = collection.keyword_index(k1, b, language)

    def prepare(self, queries: Sequence[str]) -> Prepared:
        check_queries(queries)
        words = stemmed_words(queries, self.language, of_queries=True)

        def refresh() -> None:
            self.index.follow(self.collection)

        return Prepared(lambda k, where: self._found(words, k, where), refresh)

    def _found(self, queries: list[list[str]], k: int, where: Where | None) -> list[list[Hit]]:
        """Return hits for the words of each query, in the present state of the collection."""
        with self.collection.read_lock():
            self.index.follow(self.collection)
            chunks = self.collection.chunks
            k = check_k(k, len(chunks))
            allowed = None if where is None else self.collection.matching(where)
            found = self.index.best(queries, k, allowed)
            return [
                [Hit(chunks[i], score, {"keyword": score}) for i, score in row] for row in found
            ]

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        search = self.prepare(queries)
        with unchanged(self.collection, [search]):
            return search.run(k, where)


class MaximalMarginalRelevance:
    """Maximal marginal relevance over the `depth` nearest chunks.

    Each next hit has the highest `relevance` · (cosine to the query) - (1 - `relevance`) · (highest
    cosine to an earlier hit). Source: Carbonell and Goldstein 1998.
    """

    def __init__(self, collection: Collection, relevance: float = 0.7, depth: int = 50):
        check_number(relevance, "relevance", 0, 1), check_whole(depth, "depth", 1)
        self.collection = _checked(collection)
        self.relevance = relevance
        self.depth = depth

    def prepare(self, queries: Sequence[str]) -> Prepared:
        if self.collection.index.metric != "cosine":
            raise AdaptLabError(
                "The index is not a cosine index, which maximal marginal relevance needs."
                " Build it with metric='cosine'."
            )
        dense = DenseRetriever(self.collection).prepare(queries)

        def run(k: int, where: Where | None) -> list[list[Hit]]:
            with self.collection.read_lock():
                depth = first_depth(k, self.depth, len(self.collection))
                return [self._spread(hits, k) for hits in dense.run(depth, where)]

        return Prepared(run)

    def search(self, queries: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        check_positive(k)
        return self.prepare(queries).run(k, where)

    def _spread(self, hits: list[Hit], k: int) -> list[Hit]:
        vectors = self.collection.index.vectors([hit.chunk.id for hit in hits])
        cosines = vectors @ vectors.T
        chosen: list[int] = []
        while len(chosen) < min(k, len(hits)):
            rest = [i for i in range(len(hits)) if i not in chosen]
            gain = [
                self.relevance * hits[i].score
                - (1 - self.relevance) * max(cosines[i, chosen], default=0)
                for i in rest
            ]
            chosen.append(rest[int(np.argmax(gain))])
        return [hits[i] for i in chosen]
