"""Metrics: the quality of a ranking, a chunking, or a set of answers.

They have one value per query, for intervals and paired tests.
"""

import re
from collections.abc import Collection as Group
from collections.abc import Iterable, Mapping, Sequence, Sized
from numbers import Integral
from operator import index
from typing import Any

import numpy as np

from adaptlab.errors import AdaptLabError
from adaptlab.rag.answer import Answer, without_citations
from adaptlab.rag.index import check_positive

MOST = 2**31 - 1  # largest grade in the library under ir_measures
MEASURES = ("recall@k", "hit@k", "precision@k", "MRR@k", "nDCG@k")


def ranking_metrics(
    rankings: Sequence[Sequence[int]],
    gold: Sequence[Group[int] | Mapping[int, int]],
    k: int,
) -> dict[str, np.ndarray]:
    """Compute the MEASURES at k, by ir_measures, each an array (n_queries,).

    `rankings` has ids best first, without repetition. `gold` has the relevant ids, at least one per
    query, or their grades {id: 2}: whole numbers, 0 for not relevant. nDCG gains the grade, over
    log2(1 + rank) (Järvelin and Kekäläinen 2002); the other measures ask only whether it is above
    0.

    Raises:
        AdaptLabError: if k is below 1, or if rankings and gold do not fit.
    """
    import ir_measures
    from ir_measures import RR, P, R, Success, nDCG

    _check_rankings(rankings, gold)
    k = min(check_positive(k), 2**31)  # beyond, the measures have other names
    measures = dict(zip(MEASURES, (R @ k, Success @ k, P @ k, RR @ k, nDCG @ k)))
    grades = [_grades(right) for right in gold]
    qrels = {str(q): {f"id {i}": n for i, n in right.items()} for q, right in enumerate(grades)}
    # Ranks as scores: equal scores would be put into an order of their own. A query without hits
    # keeps a document that is never relevant, since no id of ours has its form.
    nothing = {"nothing": 0.0}
    ranked = ({f"id {i}": float(-rank) for rank, i in enumerate(ids)} for ids in rankings)
    run = {str(q): scores or nothing for q, scores in enumerate(ranked)}
    names = {measure: name for name, measure in measures.items()}
    values = {name: np.zeros(len(gold)) for name in measures}
    for result in ir_measures.iter_calc(list(names), qrels, run):
        values[names[result.measure]][int(result.query_id)] = result.value
    return values


def _grades(right: Any) -> dict[int, int]:
    if not isinstance(right, Mapping):
        return dict.fromkeys(right, 1)
    grades: Any = right.values()
    wrong = [each for each in grades if not _is_grade(each)]
    if wrong:
        problem = f"A grade is {wrong[0]!r}, not a whole number from 0 to {MOST:,}"
        raise AdaptLabError(f"{problem}. Grade relevant chunks with 1, 2 and so on.")
    if not any(right.values()):
        raise AdaptLabError(
            "All grades of a query are 0. Give each query at least one relevant chunk."
        )
    return {i: int(grade) for i, grade in right.items()}


def _is_grade(value: Any) -> bool:
    return isinstance(value, Integral) and bool(0 <= int(value) <= MOST)


def _check_rankings(rankings: Sequence[Sequence[int]], gold: Sequence[Group[int]]) -> None:
    if rankings is None or gold is None or any(ids is None for ids in (*rankings, *gold)):
        raise AdaptLabError(
            "A ranking or the relevant ids are missing. Give a list for each query."
        )
    for ids in (*rankings, *gold):
        _check_ids(ids)
    if len(rankings) != len(gold) or not all(map(len, gold)):
        raise AdaptLabError(
            "A query has no ranking or no relevant chunk. Give a ranking and at least one"
            " relevant chunk for each."
        )
    if any(len(set(ranking)) < len(ranking) for ranking in rankings):
        raise AdaptLabError("A ranking contains a chunk twice. Give each chunk once.")


def _check_ids(ids: object) -> None:
    """Check one query's ids: an id of another type would equal no other id, and count as a miss."""
    if isinstance(ids, str) or not isinstance(ids, Iterable) or not isinstance(ids, Sized):
        problem = f"A ranking or the relevant ids of a query are {_called(ids)}"
        raise AdaptLabError(f"{problem}. Give a list of ids for each query.")
    wrong = [i for i in ids if not _is_id(i)]
    if wrong:
        problem = f"A ranking or the relevant ids contain {_called(wrong[0])}"
        raise AdaptLabError(
            f"{problem}, not an id. Give whole numbers or texts, such as hit.chunk.id."
        )


def _is_id(value: Any) -> bool:
    """Whether it is a text or a whole number, including numpy's and torch's."""
    try:
        return isinstance(value, str) or index(value) is not None
    except TypeError:
        return False


def _called(value: object) -> str:
    return "a text" if isinstance(value, str) else f"of the type {type(value).__name__}"


def span_overlap(
    found: Sequence[tuple[int, int]], gold: Sequence[tuple[int, int]]
) -> dict[str, float]:
    """Compute precision, recall and IoU of the characters in `found` against those in `gold`.

    Both have spans (start, end) of one text; those of gold do not overlap. As in Smith and
    Troynikov 2024, with characters for their tokens: text found twice, in overlapping chunks, is
    correct once and counts twice.
    """
    try:
        spans = [(start, end) for start, end in (*found, *gold)]
    except (TypeError, ValueError) as error:
        problem = "The spans are not a list of pairs of positions"
        raise AdaptLabError(f"{problem}. Give each as (start, end).") from error
    if any(not isinstance(at, Integral) for span in spans for at in span):
        raise AdaptLabError("A span has a position that is not a whole number. Give (start, end).")
    if any(not 0 <= start <= end for start, end in (*found, *gold)):
        raise AdaptLabError(
            "A span ends before it starts, or is outside the text. Give (start, end)."
        )
    wanted = {i for start, end in gold for i in range(start, end)}
    if not wanted:
        raise AdaptLabError("The relevant spans have no character. Give at least one (start, end).")
    right = len(wanted.intersection(i for start, end in found for i in range(start, end)))
    paid = sum(end - start for start, end in found)
    return {
        "precision": right / paid if paid else 0.0,
        "recall": right / len(wanted),
        "IoU": right / (paid + len(wanted) - right),
    }


def holds_value(text: str, value: str) -> bool:
    """Whether the value occurs in the text as a separate word."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE) is not None


def is_right(answer: Answer, value: str) -> bool:
    """Whether the answer gives the value, not only as the number of a chunk, and does not
    abstain.
    """
    return not answer.abstained and holds_value(without_citations(answer.text), value)


def citation_metrics(
    answers: Sequence[Answer], gold: Sequence[Group[int]]
) -> dict[str, np.ndarray]:
    """Return for each answer the precision of its citations, and whether a relevant chunk is cited.

    `gold` has the ids of the chunks that state the fact. Precision is NaN without citations; a
    number without a chunk is a wrong citation.
    """
    if len(answers) != len(gold):
        problem = f"There are {len(answers)} answers and {len(gold)} sets of relevant ids"
        raise AdaptLabError(f"{problem}. Give one set for each answer.")
    precision = []
    recall = []
    for answer, right in zip(answers, gold):
        n_right = sum(hit.chunk.id in right for hit in answer.cited)
        n_cited = len(answer.cited) + len(answer.invented_citations)
        precision.append(n_right / n_cited if n_cited else np.nan)
        recall.append(float(n_right > 0))
    return {"citation precision": np.array(precision), "citation recall": np.array(recall)}


def risk_coverage(scores: Sequence[float], right: Sequence[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Return (coverage, risk), both (n,): for each n best-scored answers, the kept share and the
    error rate in it.
    """
    try:
        values = np.asarray(scores, float)
    except (TypeError, ValueError) as error:
        raise AdaptLabError(
            "The scores are not a list of numbers. Give one score per answer."
        ) from error
    if not len(values) or len(values) != len(right):
        problem = f"There are {len(values)} scores and {len(right)} answers"
        raise AdaptLabError(f"{problem}. Give a score for each answer.")
    if np.isnan(values).any():
        problem = f"{np.isnan(values).sum()} scores are NaN, which cannot be sorted"
        raise AdaptLabError(f"{problem}. Leave these answers out.")
    order = np.argsort(-values, kind="stable")
    kept = np.arange(1, len(order) + 1)
    return kept / len(order), np.cumsum(~np.asarray(right, bool)[order]) / kept
