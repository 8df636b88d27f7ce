"""Search compared with plain libraries: at rest, right after an update, and from several threads.

The result for `DenseRetriever` is the p50 of a question, divided by the p50 of embedding it and
searching plain FAISS. For `BM25Retriever`, it is divided by bm25s's own search of an unchanged
index. "After an update" means the first search after one chunk of the collection has changed. With
threads, the result is the ratio of questions per second of a hybrid search and of a dense search,
with an embedder that waits like one on a server.

Run: python benchmarks/updates.py
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import bm25s
import numpy as np
from results_file import keep, spread
from retrieval import unit

from adaptlab.rag.chunk import Chunk, chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.docstrings import docstring_corpus
from adaptlab.rag.embed import minilm
from adaptlab.rag.faiss_index import faiss_module
from adaptlab.rag.fuse import HybridRetriever
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever, Retriever
from adaptlab.rag.tokenize import stemmed_words

N_CHUNKS = 20_000
ROUNDS = 5
N_ASKED = 40
K = 10
N_THREADS = 8
WAIT_SECONDS = 0.05


class Drawn:
    """MiniLM for questions; the chunks have random vectors, which takes no time."""

    def __init__(self):
        self.real = minilm()
        self.rng = np.random.default_rng(0)
        self.name = "drawn"
        self.dimension = self.real.dimension

    def encode_document(self, texts):
        return unit(self.rng, len(texts), self.dimension)

    def encode_query(self, texts):
        return self.real.encode(texts)

    encode = encode_query


class Waiting(Drawn):
    """An embedder that only waits, as if the questions were embedded on a server."""

    def encode_query(self, texts):
        time.sleep(WAIT_SECONDS)
        return unit(np.random.default_rng(len(texts[0])), len(texts), self.dimension)


def seconds(search: Callable, *given: object) -> float:
    began = time.perf_counter()
    search(*given)
    return time.perf_counter() - began


def beside(
    ours: Retriever, bare: Callable[[str], object], questions: list[str], change: Callable
) -> list[float]:
    """Return for each round the median time of a question through `ours`, divided by that of
    `bare`.
    """
    ratios = []
    for number in range(ROUNDS):
        times = {"ours": [], "bare": []}
        for i, question in enumerate(questions[number * N_ASKED : (number + 1) * N_ASKED]):
            change()
            asked = {"ours": (ours.search, [question], K), "bare": (bare, question)}
            for name in ("ours", "bare") if i % 2 else ("bare", "ours"):
                times[name].append(seconds(*asked[name]))
        ratios.append(float(np.median(times["ours"]) / np.median(times["bare"])))
    return ratios


def bare_dense(collection: Collection) -> Callable[[str], object]:
    index = faiss_module().IndexFlatIP(collection.embedder.dimension)
    index.add(collection.index.vectors(list(collection.chunks)))
    return lambda question: index.search(minilm().encode([question]), K)


def bare_keyword(chunks: list[Chunk]) -> Callable[[str], object]:
    index = bm25s.BM25()
    index.index(stemmed_words([piece.in_context() for piece in chunks]), show_progress=False)

    def search(question: str):
        words = stemmed_words([question], of_queries=True)
        return index.retrieve(words, k=K, show_progress=False)

    return search


def ask_by_threads(way: Retriever, questions: list[str]) -> None:
    with ThreadPoolExecutor(N_THREADS) as pool:
        list(pool.map(lambda question: way.search([question], K), questions))


def of_threads(chunks: list[Chunk], questions: list[str]) -> list[float]:
    """Return the questions per second of a hybrid search divided by those of a dense search, in
    N_THREADS threads.
    """
    collection = Collection(Waiting())
    collection.add(chunks)
    dense = DenseRetriever(collection)
    ways = {"hybrid": HybridRetriever([dense, BM25Retriever(collection)]), "dense": dense}
    ways["hybrid"].search(questions[:1], K)
    ratios = []
    for _ in range(ROUNDS):
        asked = questions[: N_ASKED * 4]
        taken = {name: seconds(ask_by_threads, way, asked) for name, way in ways.items()}
        ratios.append(taken["dense"] / taken["hybrid"])
    return ratios


def main() -> None:
    documents, items = docstring_corpus(("scipy", "networkx", "sklearn"))
    pieces = chunk(documents, 300, 0)[:N_CHUNKS]
    # Each chunk has its own source, so that an update changes only one.
    chunks = [replace(piece, source=str(i)) for i, piece in enumerate(pieces)]
    random.Random(0).shuffle(items)
    questions = [item.text for item in items]
    collection = Collection(Drawn())
    collection.add(chunks)
    numbers = iter(range(10**6))

    def change_one() -> None:
        old = chunks[next(numbers)]
        collection.update([replace(old, id=old.id ^ 1, text=f"{old.text} again")])

    report = {"chunks": len(chunks)}
    ways = {
        "dense": (DenseRetriever(collection), bare_dense(collection)),
        "keyword": (BM25Retriever(collection), bare_keyword(chunks)),
    }
    for name, (ours, bare) in ways.items():
        for when, change in {"at rest": lambda: None, "after an update": change_one}.items():
            ratios = beside(ours, bare, questions, change)
            report[f"{name} {when}"] = spread("times bare", ratios)
    report["hybrid, 8 threads"] = spread("times dense", of_threads(chunks, questions))
    keep("updates", report)


if __name__ == "__main__":
    main()
