"""Predictions: chosen by text, number or click, kept over a second run of the cell, and set beside
the measurement.
"""

import pytest

from adaptlab.course import predictions
from adaptlab.course.colab import stale_packages
from adaptlab.course.predictions import DONE_MIME, answer, close_lesson, predict, report_outcome
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claim
from adaptlab.evals.ledger import RECORDED, record
from adaptlab.evals.statistics import Estimate


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    monkeypatch.setattr(predictions, "PREDICTIONS", {})
    monkeypatch.setattr(predictions, "ANSWERS", {})
    monkeypatch.setattr(predictions, "OUTCOMES", {})
    RECORDED.clear()


def test_choosing():
    asked = predict("P1", "What happens?", ["up", "down"])
    assert asked.choice is None and "none yet" in repr(asked)
    asked.choose(2)
    assert asked.choice == "down"
    assert predict("P1", "What happens?", ["up", "down"]).choice == "down", (
        "running the cell again keeps the choice"
    )
    assert predict("P1", "What happens?", ["left", "right"]).choice is None
    for wrong in ("sideways", 0, 3):
        with pytest.raises(AdaptLabError, match="option"):
            asked.choose(wrong)


def test_bad_predictions_are_refused():
    with pytest.raises(AdaptLabError, match="no claim"):
        predict("Z1", "?", ["a", "b"])
    with pytest.raises(AdaptLabError, match="two options"):
        predict("P1", "?", ["a"])


def test_a_click_chooses():
    asked = predict("P1", "?", ["up", "down"])
    question, buttons = asked._widget().children
    buttons.value = "up"
    assert asked.choice == "up"


def test_without_a_browser_only_text_is_shown(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(set(bundle)))
    predict("P1", "?", ["up", "down"])._ipython_display_()
    monkeypatch.setattr(predictions, "_has_browser", lambda: True)
    predict("P1", "?", ["up", "down"])._ipython_display_()
    assert shown == [{"text/plain"}, {"text/plain", "application/vnd.jupyter.widget-view+json"}]


def test_the_closing_cell_sets_predictions_beside_measurements():
    predict("P1", "?", ["up", "down"]).choose("up")
    predict("P2", "?", ["up", "down"])
    record("P1", 0.5, (0.4, 0.6), 10, [0], claim("P1").rule)
    bundle = close_lesson()._repr_mimebundle_()
    assert (
        f"P1 ? | up | {claim('P1').rule.effect} | 0.500 [0.400, 0.600], n = 10 | holds"
        in bundle["text/plain"]
    )
    assert (
        f"P2 ? | no prediction | {claim('P2').rule.effect} | not recorded in this lesson | "
        in bundle["text/plain"]
    )
    assert bundle[DONE_MIME]["claims"] == ["P1"] and bundle[DONE_MIME]["peak_mib"] > 10


def test_a_question_of_the_lessons_own_has_its_effect_and_its_answer_in_the_closing_cell():
    predict("E1", "How many?", ["few", "many"], effect="share of covered values").choose("many")
    found = Estimate(0.9, 0.8, 0.95, 40)
    assert answer("E1", found) is found
    predict("E2", "And how often?", ["never", "always"], effect="share of alarms")
    text = close_lesson()._repr_mimebundle_()["text/plain"]
    assert text.splitlines()[0] == "question | your prediction | effect | measured"
    assert "E1 How many? | many | share of covered values | 0.900 [0.800, 0.950], n = 40" in text
    assert (
        "E2 And how often? | no prediction | share of alarms | not recorded in this lesson" in text
    )
    assert close_lesson()._repr_mimebundle_()[DONE_MIME]["claims"] == []


def test_claims_and_questions_of_the_lessons_own_stand_in_one_table():
    predict("E1", "How many?", ["few", "many"], effect="share of covered values")
    answer("E1", Estimate(0.9, 0.8, 0.95, 40))
    predict("P1", "?", ["up", "down"])
    record("P1", 0.5, (0.4, 0.6), 10, [0], claim("P1").rule)
    head, *rows = close_lesson()._repr_mimebundle_()["text/plain"].splitlines()
    assert (
        head.endswith("| verdict") and rows[0].endswith("n = 40 | ") and rows[1].endswith("| holds")
    )


def test_what_came_out_stands_beside_the_prediction_in_the_words_of_the_question():
    predict("P7", "How many times the seconds?", ["the same", "up to twice", "more"]).choose(2)
    record("P7", 1.76, (1.7, 1.8), 6, [0], claim("P7").rule)
    report_outcome("P7", "2.76 times")
    # Lines on real models may follow.
    head, row, *_ = close_lesson()._repr_mimebundle_()["text/plain"].splitlines()
    assert head.startswith("question | your prediction | it came out | effect")
    assert row.startswith("P7 How many times the seconds? | up to twice | 2.76 times | ")
    with pytest.raises(AdaptLabError, match="no question 'P9'"):
        report_outcome("P9", "half")


def test_a_question_of_the_lessons_own_is_no_claim_and_is_asked_before_it_is_answered():
    with pytest.raises(AdaptLabError, match="claim of the ledger"):
        predict("P1", "?", ["a", "b"], effect="mine")
    predict("P1", "?", ["a", "b"])
    for unasked in ("E9", "P1"):
        with pytest.raises(AdaptLabError, match="no question"):
            answer(unasked, Estimate(0.5, 0.4, 0.6, 10))


def test_replaced_packages_are_noticed(monkeypatch):
    import numpy

    assert "numpy" not in stale_packages()
    monkeypatch.setattr(numpy, "__version__", "0.1")
    assert "numpy" in stale_packages()
