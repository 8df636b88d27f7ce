"""Metrics against implementations of our own, written from their definitions, on a thousand random
runs.
"""

import math
import random
from datetime import date

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.messages import NOT_FOUND
from adaptlab.models.chat import Reply, ScriptedChat
from adaptlab.rag.answer import Pipeline, TokenPrices, check, citations, prompt
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.metrics import (
    MEASURES,
    citation_metrics,
    is_right,
    ranking_metrics,
    risk_coverage,
    span_overlap,
)
from adaptlab.rag.retrieve import Hit


def by_hand(ranking: list[int], gold: set[int], k: int) -> dict[str, float]:
    top = ranking[:k]
    right = [i in gold for i in top]
    first = next((rank for rank, hit in enumerate(right, 1) if hit), None)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(gold)) + 1))
    gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(right, 1) if hit)
    values = (
        sum(right) / len(gold),
        float(any(right)),
        sum(right) / k,
        1 / first if first else 0.0,
        gain / ideal,
    )
    return dict(zip(MEASURES, values))


def test_a_thousand_random_runs():
    rng = random.Random(0)
    runs = [
        (rng.sample(range(40), rng.randint(0, 30)), set(rng.sample(range(40), rng.randint(1, 6))))
        for _ in range(1000)
    ]
    for k in (1, 5, 10):
        found = ranking_metrics([ranking for ranking, _ in runs], [gold for _, gold in runs], k)
        for name in MEASURES:
            np.testing.assert_allclose(
                found[name], [by_hand(*run, k)[name] for run in runs], atol=1e-12
            )


def test_grades_weigh_in_ndcg_alone():
    rng = random.Random(1)
    rankings = [rng.sample(range(20), rng.randint(0, 15)) for _ in range(300)]
    gold = [{i: rng.randint(0, 3) for i in rng.sample(range(20), 6)} | {0: 1} for _ in rankings]
    found = ranking_metrics(rankings, gold, 5)
    for ranking, grades, ndcg in zip(rankings, gold, found["nDCG@k"]):
        gain = sum(grades.get(i, 0) / math.log2(rank + 1) for rank, i in enumerate(ranking[:5], 1))
        best = sorted(grades.values(), reverse=True)[:5]
        ideal = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, 1))
        assert ndcg == pytest.approx(gain / ideal, abs=1e-12)
    right = [{i for i, grade in grades.items() if grade} for grades in gold]
    ungraded = ranking_metrics(rankings, right, 5)
    for name in MEASURES[:-1]:
        np.testing.assert_array_equal(found[name], ungraded[name])


@pytest.mark.parametrize("grades", [{1: 0.5}, {1: -1}, {1: "2"}, {1: None}, {1: 0}])
def test_grades_that_are_none_are_refused(grades):
    with pytest.raises(AdaptLabError, match="rade"):
        ranking_metrics([[1]], [grades], 3)


def test_rankings_that_cannot_be_judged_are_refused():
    with pytest.raises(AdaptLabError, match="at least one relevant chunk"):
        ranking_metrics([[1]], [set()], 3)
    with pytest.raises(AdaptLabError, match="a chunk twice"):
        ranking_metrics([[1, 1]], [{1}], 3)
    with pytest.raises(AdaptLabError, match="are a text"):
        ranking_metrics([["a"]], ["a"], 3)
    with pytest.raises(AdaptLabError, match="are a text"):
        ranking_metrics(["ab"], [{"a"}], 3)


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None, "3"])
def test_a_k_that_is_no_number_of_results_is_refused(k):
    with pytest.raises(AdaptLabError, match="not a whole number of at least 1"):
        ranking_metrics([[1]], [{1}], k)


def test_a_k_above_the_length_of_a_ranking_is_computed():
    found = ranking_metrics([[3, 1], []], [{1}, {2}], 1000)
    assert {name: values[0] for name, values in found.items()} == pytest.approx(
        by_hand([3, 1], {1}, 1000)
    )
    assert ranking_metrics([[3, 1]], [{1}], 10**20)["recall@k"] == [1.0]


@pytest.mark.parametrize("identity", ["none", "nothing", "", "id 1", 0, "a b\n"])
def test_no_id_is_taken_for_a_query_without_hits(identity):
    found = ranking_metrics([[], [identity], ["other"]], [{identity}] * 3, 5)
    for name, values in found.items():
        assert values.tolist()[::2] == [0.0, 0.0] and values[1] == (
            0.2 if name == "precision@k" else 1.0
        )


def test_what_cannot_be_measured_is_a_sentence():
    with pytest.raises(AdaptLabError, match="no character"):
        span_overlap([(0, 3)], [])
    with pytest.raises(AdaptLabError, match="0 answers and 1 sets"):
        citation_metrics([], [{1}])
    for scores, right, sentence in (
        ([0.5, float("nan")], [True, False], "1 scores are NaN"),
        ([], [], "0 scores"),
        ([1.0], [True, False], "1 scores and 2"),
    ):
        with pytest.raises(AdaptLabError, match=sentence):
            risk_coverage(scores, right)


def test_spans():
    assert span_overlap([(0, 10), (5, 15)], [(10, 20)]) == {
        "precision": 0.25,
        "recall": 0.5,
        "IoU": 0.2,
    }
    assert span_overlap([], [(3, 4)]) == {"precision": 0.0, "recall": 0.0, "IoU": 0.0}
    rng = random.Random(1)
    for _ in range(100):
        found = [(a, a + rng.randint(1, 9)) for a in rng.sample(range(60), rng.randint(1, 5))]
        gold = [(a, a + rng.randint(1, 9)) for a in range(0, 60, 15)]
        mask = np.zeros(80, int)
        truth = np.zeros(80, int)
        for start, end in found:
            mask[start:end] += 1
        for start, end in gold:
            truth[start:end] = 1
        right = int(((mask > 0) & (truth > 0)).sum())
        expected = {
            "precision": right / mask.sum(),
            "recall": right / truth.sum(),
            "IoU": right / (mask.sum() + truth.sum() - right),
        }
        assert span_overlap(found, gold) == pytest.approx(expected)


def hit(i: int, text: str, score: float = 1.0) -> Hit:
    return Hit(Chunk(i, text, "s", "t", "", date(2026, 1, 1), 0, len(text)), score)


HITS = [hit(11, "The lamp is red."), hit(12, "The kettle costs 12 euros."), hit(13, "Wool.")]


def test_citations_are_looked_up_and_numbers_of_no_chunk_are_found_out():
    answer = check("q", HITS, Reply("12 [2], red [1, 7] and [2]", 5, 3, 0.0))
    assert citations(answer.text) == [2, 1, 7]
    assert [h.chunk.id for h in answer.cited] == [12, 11] and answer.invented_citations == (7,)
    assert answer.cost(TokenPrices(prompt=1.0, completion=2.0)) == pytest.approx(11e-6)
    none = check("q", HITS, Reply(NOT_FOUND, 0, 0, 0.0))
    metrics = citation_metrics([answer, none], [{12}, {11}])
    assert metrics["citation precision"][0] == pytest.approx(1 / 3) and np.isnan(
        metrics["citation precision"][1]
    )
    assert metrics["citation recall"].tolist() == [1.0, 0.0]


def test_right_answers():
    def say(text):
        return check("q", HITS, Reply(text, 0, 0, 0.0))

    assert is_right(say("12 [2]"), "12") and is_right(say("It is Red [1]."), "red")
    assert (
        not is_right(say("It costs 112 [2]"), "12")
        and not is_right(say(NOT_FOUND), "context")
        and not is_right(say("blue [12]"), "12")
    )


def test_risk_falls_as_less_is_answered():
    coverage, risk = risk_coverage([0.9, 0.1, 0.5, 0.7], [True, False, False, True])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    np.testing.assert_allclose(risk, [0, 0, 1 / 3, 0.5])


class Fixed:
    """Finds the same for every query."""

    def __init__(self, hits):
        self.hits = hits
        self.collection = [hit.chunk for hit in hits]  # its length is all that is asked of it here

    def search(self, queries, k, where=None):
        return [self.hits[:k] for _ in queries]


def test_a_pipeline_asks_with_numbered_chunks_and_checks_the_answer():
    chat = ScriptedChat(["12 [2]", "red [9]"])
    first, second = Pipeline(Fixed(HITS), chat, k=2).answer(["How much?", "What colour?"])
    assert (
        first.text == "12 [2]"
        and first.cited == (HITS[1],)
        and not first.abstained
        and set(first.seconds) == {"search", "answer"}
    )
    assert second.invented_citations == (9,) and second.cited == ()
    messages = prompt("How much?", HITS[:2])
    assert [m["role"] for m in messages] == ["system", "data", "user"]
    assert messages[1]["content"] == "[1] The lamp is red.\n[2] The kettle costs 12 euros."


def test_under_the_threshold_the_model_is_not_asked():
    chat = ScriptedChat([])
    (answer,) = Pipeline(Fixed([hit(1, "far", 0.2)]), chat, least_score=0.7).answer(["q"])
    assert answer.abstained and answer.text == NOT_FOUND and answer.n_prompt_tokens == 0
    (nothing,) = Pipeline(Fixed(HITS), chat).answer_from(["q"], [[]])
    assert nothing.abstained


def test_a_stream_ends_with_the_checked_answer():
    *pieces, answer = Pipeline(Fixed(HITS), ScriptedChat(["12[2]"])).stream("q")
    assert "".join(pieces) == "12[2]" == answer.text and answer.cited == (HITS[1],)
    *pieces, answer = Pipeline(Fixed(HITS), ScriptedChat([]), least_score=2.0).stream("q")
    assert pieces == [NOT_FOUND] and answer.abstained
