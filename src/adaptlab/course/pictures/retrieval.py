"""Pictures of retrieval: the pipeline, and the fusion of two ranked lists."""

from collections.abc import Sequence

from adaptlab.course.pictures.sketch import (
    GREY,
    PROMPT,
    SMALL,
    STORE,
    WEIGHTS,
    Box,
    Point,
    Sheet,
    chain,
)
from adaptlab.plots import COLOURS, Figure

RRF_K = 60


def rag_pipeline() -> Figure:
    """Draw retrieval-augmented generation: the index is built once, the rest runs per question."""
    sheet = Sheet(46)
    sheet.text(2, 43, "Once: build the index", STORE, 11, bold=True, across="left")
    columns = (10, 30, 50, 70)
    names = ("documents", "chunks", "embeddings\nof the chunks", "index")
    offline = [
        sheet.box(x, 35, 15, 8, name, STORE, solid=name == "index", bold=name == "index")
        for x, name in zip(columns, names)
    ]
    sheet.text(2, 25, "For each question", PROMPT, 11, bold=True, across="left")
    question = sheet.box(10, 16, 15, 8, "question", PROMPT)
    query = sheet.box(30, 16, 15, 8, "embedding of\nthe question", PROMPT)
    nearest = sheet.box(50, 16, 15, 8, "top k chunks", STORE)
    prompt = sheet.box(70, 16, 15, 8, "prompt", PROMPT)
    answer = sheet.box(90, 16, 16, 8, "answer with\ncitations [1] [3]", WEIGHTS)
    chain(sheet, offline)
    chain(sheet, [question, query, nearest, prompt, answer])
    sheet.arrow(offline[-1].bottom, (70, 25), (50, 25), nearest.top, colour=STORE)
    sheet.arrow(question.bottom, (10, 7), (70, 7), prompt.bottom, colour=PROMPT)
    sheet.text(40, 4.5, "The question is part of the prompt as well.", PROMPT, SMALL)
    sheet.text(72, 26.5, "nearest by cosine", STORE, SMALL, across="left")
    sheet.text(90, 9, "written by the model", WEIGHTS, SMALL)
    return sheet.figure(
        "Above, the index is built once. Documents are split into chunks, each chunk gets an"
        " embedding, and the embeddings form the index.",
        "Below, for each question, its embedding is compared with the index, and the top k chunks"
        " and the question form the prompt.",
        "From this prompt the model writes an answer with citations.",
    )


def _fused(*rankings: Sequence[str]) -> dict[str, float]:
    """Return the reciprocal rank fusion scores by document, highest first."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + 1 / (RRF_K + rank)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def _ranked_list(sheet: Sheet, top: Point, title: str, entries: Sequence[str]) -> Box:
    """Draw a title and one tile for each entry, coloured by its first letter."""
    x, y = top
    sheet.text(x, y, title, GREY, SMALL, bold=True)
    for rank, entry in enumerate(entries, 1):
        colour = COLOURS["ABCDE".index(entry[0])]
        sheet.text(x - 6.4, y - 3.7 * rank, f"{rank}.", GREY, SMALL)
        sheet.box(x + 1.2, y - 3.7 * rank, 11, 3.2, entry, colour, size=SMALL)
    middle = y - 3.7 * (len(entries) + 1) / 2
    return Box(x, middle, 17, 3.7 * len(entries))


def hybrid_search() -> Figure:
    """Draw hybrid search: two ranked lists, reciprocal rank fusion (RRF), and a reranker."""
    sheet = Sheet(52)
    words, meaning = "ACBD", "BAEC"
    scores = _fused(words, meaning)
    question = sheet.box(8, 26, 13, 8, "question", PROMPT)
    sparse = _ranked_list(sheet, (29, 47), "BM25: same words", words)
    dense = _ranked_list(sheet, (29, 21), "dense: same meaning", meaning)
    fusion = sheet.box(52, 26, 17, 11, "fusion (RRF)\nsum of\n1 / (60 + rank)", STORE)
    entries = [f"{name}  {score:.4f}" for name, score in scores.items()]
    fused = _ranked_list(sheet, (73, 36.5), "fused, by score", entries)
    final = _ranked_list(sheet, (92, 22), "final", ["B", "A", "E"])
    reranker = sheet.box(92, 37, 15, 10, "reranker\nreads question\nand chunk", WEIGHTS, size=SMALL)
    sheet.arrow(question.top, (8, sparse.y), sparse.left, colour=PROMPT)
    sheet.arrow(question.bottom, (8, dense.y), dense.left, colour=PROMPT)
    sheet.arrow(sparse.right, (52, sparse.y), fusion.top, colour=STORE)
    sheet.arrow(dense.right, (52, dense.y), fusion.bottom, colour=STORE)
    sheet.arrow(fusion.right, (fused.left[0], 26), colour=STORE)
    sheet.arrow((73, 38.5), (73, 46), (92, 46), reranker.top, colour=WEIGHTS)
    sheet.arrow(reranker.bottom, (final.x, 24), colour=WEIGHTS)
    order = ", ".join(scores)
    return sheet.figure(
        f"A question is searched twice. BM25 ranks the chunks {', '.join(words)}, and dense search"
        f" ranks {', '.join(meaning)}.",
        f"Reciprocal rank fusion sums 1 / (60 + rank) over both lists and gives the order {order}.",
        "A reranker reads the question with each of the first chunks and gives the final order B,"
        " A, E.",
    )
