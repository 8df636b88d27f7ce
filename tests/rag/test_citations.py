"""A second reader looks citations up again."""

from datetime import date

from adaptlab.messages import NOT_FOUND
from adaptlab.models.chat import Reply
from adaptlab.rag.answer import check, verified
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.retrieve import Hit

TEXTS = ("The lamp costs 12 euros.", "The kettle costs 12 euros.", "Wool is warm.")
HITS = [
    Hit(Chunk(i, text, "s", "t", "", date(2026, 1, 1), 0, len(text)), 1.0)
    for i, text in enumerate(TEXTS)
]


def kettle_first(pairs):
    return [float("kettle" in text) for _, text in pairs]


def cited(text, hits=HITS, score=kettle_first):
    (answer,) = verified([check("How much is the kettle?", hits, Reply(text, 0, 0, 0.0))], score)
    assert answer.text == text and answer.invented_citations == ()
    return [hit.chunk.id for hit in answer.cited]


def test_the_chunk_that_answers_is_cited_if_it_holds_the_answer():
    assert cited("12 [1]") == [1], "the lamp costs as much, and was not asked for"
    assert cited("12 [9]") == [1] and cited("12") == [1]
    assert cited("It costs 12 euros [2].") == [1]


def test_what_no_chunk_holds_is_not_backed_by_a_number():
    assert cited("30 [2]") == [] and cited("[2]") == []
    assert cited(NOT_FOUND) == [] and cited("12 [1]", hits=[]) == []


def test_the_second_reader_is_asked_about_answers_alone():
    asked = []
    answers = [check("q", HITS, Reply(text, 0, 0, 0.0)) for text in (NOT_FOUND, "12 [1]")]
    verified(answers, lambda pairs: asked.extend(pairs) or [0.0] * len(pairs))
    assert asked == [("q", hit.chunk.in_context()) for hit in HITS]
