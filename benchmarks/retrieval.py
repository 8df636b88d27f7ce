"""Retrieval compared with its named peers in the same run: plain `encode` and plain FAISS.

Texts are docstrings of the installed libraries; additional vectors are random directions of the
same dimension.

Run: make bench
"""

import time
from datetime import date

import numpy as np
import psutil
from results_file import keep, spread

from adaptlab.rag.chunk import Chunk, chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.docstrings import docstring_corpus
from adaptlab.rag.embed import minilm
from adaptlab.rag.faiss_index import faiss_module
from adaptlab.rag.retrieve import DenseRetriever

N_CHUNKS = 100_000
N_TEXTS = 300
ROUNDS = 5


def unit(rng: np.random.Generator, n: int, dimension: int) -> np.ndarray:
    vectors = rng.normal(size=(n, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Ready:
    """An embedder with random vectors for the collection, so that only the queries are really
    embedded.
    """

    def __init__(self, drawn: np.ndarray):
        self.real = minilm()
        self.drawn = iter(drawn)
        self.name = "ready"
        self.dimension = self.real.dimension

    def encode(self, texts):
        return (
            np.stack([next(self.drawn) for _ in texts])
            if len(texts) > 1
            else self.real.encode(texts)
        )


def search_overhead(questions: list[str]) -> dict:
    """Return the p95 of a query through DenseRetriever at N_CHUNKS chunks, divided by the p95 of
    embedding it and searching plain FAISS.
    """
    vectors = unit(np.random.default_rng(0), N_CHUNKS, minilm().dimension)
    minilm().encode(questions[:2])
    before = psutil.Process().memory_info().rss
    collection = Collection(Ready(vectors))
    collection.add(
        Chunk(
            i,
            f"{i} " + "words of a chunk " * 20,
            "source",
            "title",
            "section",
            date(2026, 1, 1),
            0,
            400,
        )
        for i in range(N_CHUNKS)
    )
    used = psutil.Process().memory_info().rss - before
    dense = DenseRetriever(collection)
    bare = faiss_module().IndexFlatIP(vectors.shape[1])
    bare.add(vectors)
    ratios = []
    for number in range(ROUNDS):
        ours = []
        theirs = []
        for question in questions[number * 40 : (number + 1) * 40]:
            began = time.perf_counter()
            dense.search([question], 10)
            middle = time.perf_counter()
            bare.search(minilm().encode([question]), 10)
            theirs.append(time.perf_counter() - middle)
            ours.append(middle - began)
        ratios.append(np.percentile(ours, 95) / np.percentile(theirs, 95))
    return {"chunks": N_CHUNKS, "megabytes": round(used / 1e6)} | spread(
        "p95 of a query, times embedding and bare FAISS", ratios
    )


def indexing_throughput(texts: list[str]) -> dict:
    """Return chunks per second into a collection, divided by those of sentence-transformers'
    `encode` of the same texts with its defaults.
    """
    ratios = []
    for number in range(ROUNDS):
        part = texts[number * N_TEXTS : (number + 1) * N_TEXTS]
        chunks = [
            Chunk(i, text, "s", "t", "", date(2026, 1, 1), 0, len(text))
            for i, text in enumerate(part)
        ]
        seconds = {}
        for name in ("ours", "bare") if number % 2 else ("bare", "ours"):
            began = time.perf_counter()
            (
                Collection(minilm()).add(chunks)
                if name == "ours"
                else minilm().model.encode(part, normalize_embeddings=True)
            )
            seconds[name] = time.perf_counter() - began
        ratios.append(seconds["bare"] / seconds["ours"])
    return spread("indexing, times bare encode", ratios)


def main() -> None:
    documents, questions = docstring_corpus(("scipy", "networkx"))
    texts = [piece.text for piece in chunk(documents, 500, 0)]
    report = {
        "search": search_overhead([item.text for item in questions]),
        "indexing": indexing_throughput(texts),
    }
    keep("retrieval", report)


if __name__ == "__main__":
    main()
