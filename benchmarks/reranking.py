"""The embedded reranker on three kinds of text, two of which are in its training data, alone and
fused with the search before it: nDCG@10 minus the nDCG@10 of the search.

The search is hybrid: dense and keyword search, fused. The docstrings are of modules that are not in
the reranker's training data; the handbook is one of the invented shop, with unseen names. The
questions of bank customers (Banking77, Casanueva et al. 2020, CC-BY-4.0) are of an unseen kind;
questions with the same intent are relevant to each other. Without its file, this part is left out
and listed as missing.

Run: python benchmarks/reranking.py [TRAIN.csv TEST.csv of Banking77]
"""

import csv
import random
import sys
from datetime import date
from pathlib import Path

from docstrings import shown
from results_file import keep

from adaptlab.evals.statistics import paired_difference
from adaptlab.rag.chunk import Chunk, chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.docstrings import MEASURED, docstring_corpus
from adaptlab.rag.embed import minilm
from adaptlab.rag.fuse import HybridRetriever
from adaptlab.rag.loaders import Document
from adaptlab.rag.metrics import ranking_metrics
from adaptlab.rag.rerank import CrossEncoder, Reranked
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever, sources
from adaptlab.world.handbook import handbook
from adaptlab.world.questions import draw_questions

N = 200
DEPTH = 20
K = 10
N_DOCSTRINGS = 300
N_OF_BANK = 3000

# Chunks; questions; for each question the sources that answer it.
Task = tuple[list[Chunk], list[str], list[set[str]]]


def docstrings(draw: random.Random) -> Task:
    """Questions on documents of modules that are not in any training data, among others of the same
    libraries.
    """
    documents, items = docstring_corpus(MEASURED)
    one_each = list({item.source: item for item in items}.values())
    asked = draw.sample(one_each, N)
    wanted = {item.source for item in asked}
    others = [document for document in documents if document.source not in wanted]
    kept = [document for document in documents if document.source in wanted] + draw.sample(
        others, min(N_DOCSTRINGS, len(others))
    )
    return (
        chunk(kept, 500, 0, by_heading=False),
        [item.text for item in asked],
        [{item.source} for item in asked],
    )


def handbooks(draw: random.Random) -> Task:
    """Questions on a handbook's sections; each section is a document."""
    sections = handbook(77)
    documents = [
        Document(section.text, str(i), section.title, date(2026, 1, 1))
        for i, section in enumerate(sections)
    ]
    asked = draw_questions(draw, sections, "name", N, "held_out")
    return (
        chunk(documents, 1000, 0),
        [question.text for question in asked],
        [{str(i) for i in question.gold[0]} for question in asked],
    )


def bank(draw: random.Random, train: Path, test: Path) -> Task:
    """Questions of bank customers among others; those with the same intent are relevant."""
    known, asked = (
        [(row["text"], row["category"]) for row in csv.DictReader(path.open(encoding="utf-8"))]
        for path in (train, test)
    )
    known = draw.sample(known, N_OF_BANK)
    asked = draw.sample(asked, N)
    documents = [Document(text, str(i), "", date(2026, 1, 1)) for i, (text, _) in enumerate(known)]
    relevant = [
        {str(i) for i, (_, intent) in enumerate(known) if intent == wanted} for _, wanted in asked
    ]
    return chunk(documents, 1000, 0), [text for text, _ in asked], relevant


def measured(task: Task, reranker: CrossEncoder) -> dict:
    chunks, questions, relevant = task
    collection = Collection(minilm())
    collection.add(chunks)
    search = HybridRetriever([DenseRetriever(collection), BM25Retriever(collection)])
    ways = {
        "search": search,
        "alone": Reranked(search, reranker, DEPTH, fuse=False),
        "fused": Reranked(search, reranker, DEPTH),
    }
    ndcg = {}
    for name, way in ways.items():
        found = [sources(hits) for hits in way.search(questions, DEPTH)]
        ndcg[name] = ranking_metrics(found, relevant, K)["nDCG@k"]
    return {
        f"reranked {name} minus not, nDCG": shown(paired_difference(ndcg[name], ndcg["search"]))
        for name in ("alone", "fused")
    }


def main() -> None:
    reranker = CrossEncoder()
    files = [Path(given) for given in sys.argv[1:]]
    report = {
        "docstrings": measured(docstrings(random.Random(1)), reranker),
        "handbook": measured(handbooks(random.Random(2)), reranker),
    }
    report["questions of bank customers"] = (
        measured(bank(random.Random(3), *files), reranker)
        if files
        else "left out: its files were not given"
    )
    keep("reranking", report)


if __name__ == "__main__":
    main()
