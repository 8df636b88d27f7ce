"""Training data of the embedded reranker: questions with known texts, in lists with hard
negatives.
"""

import random
from datetime import date

from adaptlab.rag.chunk import chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.docstrings import TUNED_ON, docstring_corpus
from adaptlab.rag.embed import minilm
from adaptlab.rag.fuse import HybridRetriever
from adaptlab.rag.loaders import Document
from adaptlab.rag.retrieve import BM25Retriever, DenseRetriever
from adaptlab.world.handbook import handbook
from adaptlab.world.questions import draw_questions

N_CANDIDATES = 20  # negatives are sampled from the first hits: a reranker will see these
N_NEGATIVES = 5
A_BOOK = 50  # questions on one handbook
# The loss takes a softmax of the labels: with 1 for the right text a third of the aim would be on
# it, and it was hardly learned.
RIGHT = 10.0


def reranker_lists(
    n_docstrings: int = 1600,
    n_handbook: int = 600,
    packages: tuple[str, ...] = TUNED_ON,
    seed: int = 0,
) -> list[dict]:
    """Return lists for questions on docstrings and on handbooks, shuffled."""
    lists = docstring_lists(n_docstrings, seed, packages) + handbook_lists(n_handbook, seed)
    random.Random(seed).shuffle(lists)
    return lists


def docstring_lists(n: int, seed: int, packages: tuple[str, ...] = TUNED_ON) -> list[dict]:
    """Return lists for n questions on docstrings: the document's own chunk first, then others from
    a search.
    """
    documents, questions = docstring_corpus(packages)
    chosen = random.Random(seed).sample(questions, min(n, len(questions)))
    sources = {item.source for item in chosen}
    collection = Collection(minilm())
    collection.add(
        chunk(
            [document for document in documents if document.source in sources],
            500,
            0,
            by_heading=False,
        )
    )
    return _lists(collection, [(item.text, {item.source}) for item in chosen], seed)


def handbook_lists(n: int, seed: int) -> list[dict]:
    """Return lists for n questions in a handbook's own words, with other names than a lesson's
    handbook.
    """
    lists = []
    for number in range(-(-n // A_BOOK)):
        rng = random.Random(f"reranker:{seed}:{number}")
        sections = handbook(10_000 + number, group="fresh")
        collection = Collection(minilm())
        collection.add(
            chunk(
                [
                    Document(s.text, str(i), s.title, date(2026, 1, 1))
                    for i, s in enumerate(sections)
                ],
                1000,
                0,
            )
        )
        asked = draw_questions(rng, sections, "name", A_BOOK, "train")
        lists += _lists(collection, [(q.text, {str(i) for i in q.gold[0]}) for q in asked], number)
    return lists[:n]


def _lists(collection: Collection, asked: list[tuple[str, set[str]]], seed: int) -> list[dict]:
    rng = random.Random(seed)
    lists = []
    found = HybridRetriever([DenseRetriever(collection), BM25Retriever(collection)]).search(
        [text for text, _ in asked], min(N_CANDIDATES, len(collection))
    )
    # The first chunk of each.
    by_source = {piece.source: piece for piece in reversed(collection.chunks.values())}
    for (text, sources), hits in zip(asked, found):
        right = next(
            (hit.chunk for hit in hits if hit.chunk.source in sources), by_source[min(sources)]
        )
        wrong = [hit.chunk for hit in hits if hit.chunk.source not in sources]
        pieces = [right, *rng.sample(wrong, min(N_NEGATIVES, len(wrong)))]
        lists.append(
            {
                "query": text,
                "docs": [piece.in_context() for piece in pieces],
                "labels": [RIGHT] + [0.0] * (len(pieces) - 1),
            }
        )
    return lists
