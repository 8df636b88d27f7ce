"""Verify: an answer's citation held against the chunks that were given, by a second reader."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from adaptlab.rag.answer import Answer, without_citations
from adaptlab.rag.retrieve import Hit

LEAST_BACKED = 0.5  # share of what an answer adds to its question that has to stand in the chunk


def verified(answers: Sequence[Answer], score: Callable[[list[tuple[str, str]]], Sequence[float]]) -> list[Answer]:
    """Each answer with the citation that stands up: the given chunk which answers the question best by `score`, if it holds what the answer says.

    Otherwise the answer cites nothing: its words come from elsewhere, and a reader should be told. What the model itself cited is not asked.
    """
    spoken = [answer for answer in answers if answer.hits and not answer.abstained]
    scores = iter(score([(answer.question, hit.chunk.in_context()) for answer in spoken for hit in answer.hits]))
    cited = iter([_backed(answer, answer.hits[_first([next(scores) for _ in answer.hits])]) for answer in spoken])
    return [replace(a, cited=next(cited) if a.hits and not a.abstained else (), invented_citations=()) for a in answers]


def _first(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=scores.__getitem__)


def _backed(answer: Answer, hit: Hit) -> tuple[Hit, ...]:
    added = _words(without_citations(answer.text)) - _words(answer.question)
    held = added & _words(hit.chunk.in_context())
    return (hit,) if added and len(held) / len(added) >= LEAST_BACKED else ()


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
