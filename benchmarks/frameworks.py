"""The same hybrid search written with LangChain, with LlamaIndex and with this package: seconds,
memory and lines, each side in its own process, in alternation.

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


def llama_index(texts: list[str], embedder):
    import faiss
    import Stemmer
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.retrievers.bm25 import BM25Retriever
    from llama_index.vector_stores.faiss import FaissVectorStore

    # Its unit is a token; with characters as tokens, the size is that of the others.
    splitter = SentenceSplitter(chunk_size=500, chunk_overlap=0, tokenizer=list)
    documents = [Document(text=text, metadata={"source": str(i)}) for i, text in enumerate(texts)]
    for document in documents:
        document.excluded_embed_metadata_keys = ["source"]
    nodes = splitter.get_nodes_from_documents(documents)
    store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(384))
    storage = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex(nodes, storage_context=storage, embed_model=embedder)
    keyword = BM25Retriever.from_defaults(
        nodes=nodes, similarity_top_k=50, stemmer=Stemmer.Stemmer("english"), language="english"
    )
    hybrid = QueryFusionRetriever(
        [index.as_retriever(similarity_top_k=50), keyword],
        llm=MockLLM(),  # never called, but asked for
        mode="reciprocal_rerank",
        num_queries=1,
        similarity_top_k=K,
        use_async=False,
    )
    return len(nodes), lambda question: [
        found.node.metadata["source"] for found in hybrid.retrieve(question)
    ]


SIDES = {"ours": ours, "LangChain": langchain, "LlamaIndex": llama_index}


def embedder_of(side: str):
    """Return MiniLM as each side wraps it, loaded before the timing starts."""
    from adaptlab.rag.embed import minilm, minilm_folder, together

    if side == "ours":
        return minilm()
    if side == "LlamaIndex":
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        return HuggingFaceEmbedding(
            model_name=str(minilm_folder()), normalize=True, embed_batch_size=together("cpu")
        )
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
    build = SIDES[side]
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
        {side: _apart(side) for side in (list(SIDES) if i % 2 else reversed(SIDES))}
        for i in range(ROUNDS)
    ]
    report = {"documents": N_DOCUMENTS, "questions": N_QUESTIONS, "rounds": ROUNDS}
    report["lines"] = {
        side: len(inspect.getsource(build).splitlines()) for side, build in SIDES.items()
    }
    for measure_name in ("chunks", "found"):
        report[measure_name] = {side: rounds[0][side][measure_name] for side in SIDES}
    for measure_name in ("seconds to index", "ms a question", "MB"):
        report[measure_name] = {
            side: round(float(np.median([r[side][measure_name] for r in rounds])), 2)
            for side in SIDES
        }
        for peer in ("LangChain", "LlamaIndex"):
            ratios = [r["ours"][measure_name] / r[peer][measure_name] for r in rounds]
            report[f"{measure_name}, ours over {peer}'s"] = spread("times", ratios)
    keep("frameworks", report)


def _apart(side: str) -> dict:
    return json.loads(
        subprocess.run(
            [sys.executable, __file__, side], stdout=subprocess.PIPE, check=True
        ).stdout.splitlines()[-1]
    )


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1]))) if len(sys.argv) > 1 else main()
