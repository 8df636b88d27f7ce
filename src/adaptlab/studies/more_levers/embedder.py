"""X12: a fine-tuned embedder against a reranker, on docstrings.

Both learn from questions about other packages than the one that is searched.
"""

import random
import tempfile
import time
from functools import cache
from pathlib import Path

from adaptlab.rag.chunk import Chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.docstrings import TUNED_ON, docstring_corpus
from adaptlab.rag.document import Document
from adaptlab.rag.embed import LocalEmbedder, minilm
from adaptlab.rag.metrics import ranking_metrics
from adaptlab.rag.rerank import CrossEncoder, Reranked
from adaptlab.rag.retrieve import DenseRetriever, Retriever
from adaptlab.studies.grid import Study, grid
from adaptlab.tune.embedder import tune_embedder

SEARCHED = "pandas"  # in no training data of the reranker
N_DOCUMENTS = 800
N_ASKED = 70
N_TAUGHT = 400  # pairs of a question and its docstring
LENGTH = 600  # characters of a docstring
DEPTH = 20


def whole_chunks(documents: list[Document]) -> list[Chunk]:
    """Return the start of each document as one chunk."""
    made = []
    for number, one in enumerate(documents):
        text = one.text[:LENGTH]
        made.append(Chunk(number, text, one.source, one.title, one.title, one.date, 0, len(text)))
    return made


@cache
def _searched() -> tuple[list, list]:
    documents, questions = docstring_corpus((SEARCHED,))
    kept = random.Random(SEARCHED).sample(documents, N_DOCUMENTS)
    sources = {one.source for one in kept}
    return kept, [question for question in questions if question.source in sources]


def pairs(seed: int, n: int = N_TAUGHT) -> list[tuple[str, str]]:
    """Return questions with the docstring that answers each, from other packages."""
    documents, asked = docstring_corpus(TUNED_ON)
    texts = {one.source: one.text[:LENGTH] for one in documents}
    chosen = random.Random(f"embedder:train:{seed}").sample(asked, n)
    return [(question.text, texts[question.source]) for question in chosen]


def tuned_embedder(seed: int, folder: Path) -> LocalEmbedder:
    tune_embedder(folder, pairs(seed), seed)
    return LocalEmbedder(str(folder))


def _ranked(seed: int, arm: str) -> tuple[tuple[float, ...], float]:
    """Return nDCG@10 of each question, and the seconds per question of the search."""
    documents, questions = _searched()
    asked = random.Random(f"embedder:ask:{seed}").sample(questions, N_ASKED)
    with tempfile.TemporaryDirectory() as folder:
        embedder = tuned_embedder(seed, Path(folder)) if arm.startswith("tuned") else minilm()
        collection = Collection(embedder)
        collection.add(whole_chunks(documents))
        search: Retriever = DenseRetriever(collection)
        if arm.endswith("reranker"):
            search = Reranked(search, CrossEncoder(), depth=DEPTH)
        began = time.perf_counter()
        found = search.search([question.text for question in asked], k=10)
        seconds = (time.perf_counter() - began) / len(asked)
    numbers = {one.source: number for number, one in enumerate(documents)}
    rankings = [[numbers[hit.chunk.source] for hit in hits] for hits in found]
    gold = [{numbers[question.source]} for question in asked]
    values = ranking_metrics(rankings, gold, k=10)["nDCG@k"]
    return tuple(values), seconds


def embedders(chat: object, seed: int, arm: str) -> dict:
    """Return nDCG@10 of every question with MiniLM "as it was", "tuned", or with a reranker."""
    values, seconds = _ranked(seed, arm)
    return {
        "of": len(values),
        "ndcg": [round(value, 4) for value in values],
        "seconds": round(seconds, 5),
    }


ARMS = ("as it was", "tuned", "as it was, reranker")
STUDIES = {"embedders": Study(embedders, grid(arm=ARMS), claims=("X12",))}
