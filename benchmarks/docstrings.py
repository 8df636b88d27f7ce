"""Search all docstrings of the installed libraries in several ways, with questions on three of
them: nDCG@10 and recall@10, with intervals; BM25 is the named peer.

Embedding takes most of the time (some twenty minutes on two cores); the vectors are cached in
build/vectors.db. Reranking takes another quarter of an hour.

Run: python benchmarks/docstrings.py
"""

import random
from pathlib import Path

import numpy as np
from results_file import keep

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean, paired_difference
from adaptlab.rag.chunk import chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.docstrings import KINDS, MEASURED, KnownItem, docstring_corpus
from adaptlab.rag.embed import CachedEmbedder, minilm
from adaptlab.rag.fuse import HybridRetriever
from adaptlab.rag.metrics import ranking_metrics
from adaptlab.rag.rerank import CrossEncoder, Reranked
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever, Retriever, sources

N_QUESTIONS = 1200
N_RERANKED = 300
DEPTH = 20
K = 10


def measured(retriever: Retriever, items: list[KnownItem], n_chunks: int) -> dict[str, np.ndarray]:
    """Return the metrics at K of documents, ranked by their best chunks."""
    found = retriever.search([item.text for item in items], n_chunks)
    return ranking_metrics([sources(hits) for hits in found], [{item.source} for item in items], K)


def shown(value: Estimate) -> dict:
    return {
        "value": round(value.value, 3),
        "low": round(value.low, 3),
        "high": round(value.high, 3),
        "n": value.n,
    }


def main() -> None:
    texts, items = docstring_corpus()
    collection = Collection(CachedEmbedder(minilm(), Path("build/vectors.db")))
    collection.add(chunk(texts, 500, 0, by_heading=False))
    draw = random.Random(0)
    draw.shuffle(items)
    # Two questions on one document are not independent cases.
    one_each = {item.source: item for item in items}
    # The reranker was trained on the rest.
    measurable = [item for item in one_each.values() if item.source.split(".")[0] in MEASURED]
    test = draw.sample(measurable, N_QUESTIONS)
    dense = DenseRetriever(collection)
    keyword = BM25Retriever(collection)
    ways = {"keyword": keyword, "dense": dense, "fused": HybridRetriever([dense, keyword])}
    values = {name: measured(retriever, test, 50) for name, retriever in ways.items()}
    report = {"documents": len(texts), "chunks": len(collection), "ways": {}}
    for name, found in values.items():
        masks = {"all": np.ones(len(test), bool)} | {
            kind: np.array([item.kind == kind for item in test]) for kind in KINDS
        }
        report["ways"][name] = {
            kind: {measure: shown(mean(found[measure][mask])) for measure in ("nDCG@k", "recall@k")}
            for kind, mask in masks.items()
        }
    report["fused minus keyword, recall"] = shown(
        paired_difference(values["fused"]["recall@k"], values["keyword"]["recall@k"])
    )
    report["fused minus dense, recall"] = shown(
        paired_difference(values["fused"]["recall@k"], values["dense"]["recall@k"])
    )
    reranker, report["reranked minus not, nDCG"] = CrossEncoder(), {}
    for name, retriever in ways.items():
        before = measured(retriever, test[:N_RERANKED], DEPTH)
        after = measured(Reranked(retriever, reranker, DEPTH, fuse=False), test[:N_RERANKED], DEPTH)
        report["reranked minus not, nDCG"][name] = shown(
            paired_difference(after["nDCG@k"], before["nDCG@k"])
        )
    keep("docstrings", report)


if __name__ == "__main__":
    main()
