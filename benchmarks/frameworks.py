"""The same hybrid search written with LangChain and with this package: seconds, memory and lines,
each side in its own process, in alternation.

Both split the same texts into chunks of 500 characters, embed them with the same MiniLM, index them
in FAISS and BM25, and fuse the rankings with reciprocal rank fusion.

Run: make bench
"""

import inspect
import json
import subprocess
import sys
import time
import warnings

import numpy as np
import psutil
from results_file import keep, spread

from adaptlab.rag.retrieve import stemmed_words

N_DOCUMENTS = 150
N_QUESTIONS = 40
K = 4
ROUNDS = 3


def ours(texts: list[str], embedder):
    from datetime import date

    from adaptlab.rag.chunk import chunk
    from adaptlab.rag.collection import Collection
    from adaptlab.rag.fuse import HybridRetriever
    from adaptlab.rag.loaders import Document
    from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever

    collection = Collection(embedder)
    collection.add(
        chunk(
            [Document(text, str(i), "", date.today()) for i, text in enumerate(texts)],
            500,
            0,
            by_heading=False,
        )
    )
    hybrid = HybridRetriever([DenseRetriever(collection), BM25Retriever(collection)])
    return len(collection), lambda question: [
        hit.chunk.source for hit in hybrid.search([question], K)[0]
    ]


def langchain(texts: list[str], embedder):
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import FAISS
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=0)
    chunks = splitter.split_documents(
        [Document(text, metadata={"source": str(i)}) for i, text in enumerate(texts)]
    )
    for number, piece in enumerate(chunks):
        piece.metadata["id"] = number
    dense = FAISS.from_documents(chunks, embedder).as_retriever(search_kwargs={"k": 50})
    # Its default does not normalise words.
    keyword = BM25Retriever.from_documents(
        chunks, k=50, preprocess_func=lambda text: stemmed_words([text])[0]
    )
    hybrid = EnsembleRetriever(retrievers=[dense, keyword], id_key="id")
    return len(chunks), lambda question: [
        document.metadata["source"] for document in hybrid.invoke(question)[:K]
    ]


def embedder_of(side: str):
    """Return MiniLM as each side wraps it, loaded before the timing starts."""
    from adaptlab.rag.embed import minilm, minilm_folder, together

    if side == "ours":
        return minilm()
    from langchain_huggingface import HuggingFaceEmbeddings

    return HuggingFaceEmbeddings(
        model_name=str(minilm_folder()),
        encode_kwargs={"normalize_embeddings": True, "batch_size": together("cpu")},
    )


def measure(side: str) -> dict:
    """Return seconds to index, milliseconds for a question, megabytes, and how often the correct
    document is among the first K.
    """
    from adaptlab.rag.docstrings import docstring_corpus

    warnings.simplefilter("ignore")
    documents, items = docstring_corpus(("networkx",))
    texts = [document.text for document in documents[:N_DOCUMENTS]]
    place = {document.source: str(i) for i, document in enumerate(documents[:N_DOCUMENTS])}
    asked = [item for item in items if item.source in place][:N_QUESTIONS]
    build = {"ours": ours, "LangChain": langchain}[side]
    embedder = embedder_of(side)
    build(texts[:10], embedder)[1](asked[0].text)  # imports and the model's first steps
    began = time.perf_counter()
    n_chunks, search = build(texts, embedder)
    search(asked[0].text)
    indexed = time.perf_counter() - began
    times = []
    hits = 0
    for item in asked:
        began = time.perf_counter()
        found = search(item.text)
        times.append(time.perf_counter() - began)
        hits += place[item.source] in found
    return {
        "seconds to index": indexed,
        "ms a question": 1000 * float(np.median(times)),
        "MB": psutil.Process().memory_info().rss / 1e6,
        "found": hits / len(asked),
        "chunks": n_chunks,
    }


def main() -> None:
    rounds = [
        {side: _apart(side) for side in (("ours", "LangChain") if i % 2 else ("LangChain", "ours"))}
        for i in range(ROUNDS)
    ]
    report = {"documents": N_DOCUMENTS, "questions": N_QUESTIONS}
    report["lines"] = {
        side.__name__: len(inspect.getsource(side).splitlines()) for side in (ours, langchain)
    }
    for measure_name in ("chunks", "found"):
        report[measure_name] = {side: rounds[0][side][measure_name] for side in rounds[0]}
    for measure_name in ("seconds to index", "ms a question", "MB"):
        report[measure_name] = {
            side: round(float(np.median([r[side][measure_name] for r in rounds])), 2)
            for side in rounds[0]
        }
        report[measure_name] |= spread(
            "ours over LangChain's",
            [r["ours"][measure_name] / r["LangChain"][measure_name] for r in rounds],
        )
    keep("frameworks", report)


def _apart(side: str) -> dict:
    return json.loads(
        subprocess.run(
            [sys.executable, __file__, side], stdout=subprocess.PIPE, check=True
        ).stdout.splitlines()[-1]
    )


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1]))) if len(sys.argv) > 1 else main()
