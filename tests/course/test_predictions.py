"""Predictions: chosen by text, number or click, kept over a second run of the cell, and set beside
the measurement.
"""

import math

import pytest

from adaptlab.course import browser, predictions
from adaptlab.course.colab import stale_packages
from adaptlab.course.predictions import DONE_MIME, answer, close_lesson, predict, report_outcome
from adaptlab.errors import AdaptLabError
from adaptlab.evals.claims import claim
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.ledger import RECORDED, record


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
    monkeypatch.setattr(browser, "is_attended", lambda: True)
    predict("P1", "?", ["up", "down"])._ipython_display_()
    assert shown == [{"text/plain"}, {"text/plain", "application/vnd.jupyter.widget-view+json"}]


BOUNDED = {"falls": 0.0, "up to half": 0.5, "more": math.inf}


def closing_text() -> str:
    return close_lesson()._repr_mimebundle_()["text/plain"]


def test_the_closing_cell_has_predictions_outcomes_and_a_score():
    predict("P1", "How much?", BOUNDED).choose("more")
    predict("P2", "And here?", BOUNDED).choose("falls")
    predict("P3", "And there?", BOUNDED)
    record("P1", 0.5, (0.4, 0.6), 10, [0], claim("P1").rule)
    record("P2", 0.2, (0.1, 0.3), 10, [0], claim("P2").rule)
    bundle = close_lesson()._repr_mimebundle_()
    text = bundle["text/plain"]
    assert text.splitlines()[:4] == [
        "question | your prediction | outcome | ",
        "P1 How much? | more | more | ✓",
        "P2 And here? | falls | up to half | ✗",
        "P3 And there? | no prediction |  | ",
    ]
    assert "Your score: 1 of 2 predictions are correct." in text
    assert (
        f"P1 How much? | {claim('P1').rule.effect} | 0.500 [0.400, 0.600], n = 10 | holds" in text
    )
    assert f"P3 And there? | {claim('P3').rule.effect} | not recorded in this lesson | " in text
    assert "<details>" in bundle["text/html"] and bundle["text/html"].count("<table>") == 2
    assert bundle[DONE_MIME]["claims"] == ["P1", "P2"] and bundle[DONE_MIME]["peak_mib"] > 10


@pytest.mark.parametrize("value, option", [(-0.1, "falls"), (0.0, "up to half"), (0.5, "more")])
def test_a_bound_belongs_to_the_option_above_it(value, option):
    assert predict("P1", "?", BOUNDED).option_of(value) == option


def test_options_without_bounds_are_not_marked():
    predict("P1", "?", ["up", "down"]).choose("up")
    record("P1", 0.5, (0.4, 0.6), 10, [0], claim("P1").rule)
    assert "P1 ? | up |  | " in closing_text() and "score" not in closing_text()


@pytest.mark.parametrize("bounds", [(0.5, 0.5), (0.5, 0.2), (0.2, 0.5), (math.nan, math.inf)])
def test_bounds_that_leave_a_value_without_an_option_are_refused(bounds):
    with pytest.raises(AdaptLabError, match=r"up to math\.inf"):
        predict("P1", "?", dict(zip("ab", bounds)))


def test_a_question_of_the_lessons_own_has_its_effect_and_its_answer_in_the_closing_cell():
    few = {"few": 0.5, "many": math.inf}
    predict("E1", "How many?", few, effect="share of covered values").choose("many")
    found = Estimate(0.9, 0.8, 0.95, 40)
    assert answer("E1", found) is found
    predict("E2", "And how often?", ["never", "always"], effect="share of alarms")
    text = closing_text()
    assert "E1 How many? | many | many | ✓" in text
    assert (
        "E1 How many? | share of covered values | 0.900 [0.800, 0.950], n = 40 | \n"
        "E2 And how often? | share of alarms | not recorded in this lesson | " in text
    )
    assert close_lesson()._repr_mimebundle_()[DONE_MIME]["claims"] == []


def test_the_outcome_may_be_said_in_the_words_of_the_question():
    predict("P7", "How many times?", {"up to twice": 1.0, "more": math.inf}).choose(1)
    record("P7", 1.76, (1.7, 1.8), 6, [0], claim("P7").rule)
    report_outcome("P7", "2.76 times")
    assert "P7 How many times? | up to twice | more: 2.76 times | ✗" in closing_text()
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
