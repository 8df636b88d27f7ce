"""The graders are graded: right answers, however written, pass; wrong ones are refused by the name
of the misconception; and small changes are noticed.
"""

import importlib.util
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.grading import check
from adaptlab.grading.artefact import Artefact
from adaptlab.grading.check import NotWritten, NotYet, predicted, run_check
from adaptlab.grading.codec import Other, Raised
from adaptlab.grading.exercise import Judge, Words, attempt
from adaptlab.grading.exercises import exercises
from adaptlab.grading.probes import call
from adaptlab.grading.telling import call_text

ANSWERS = Path(__file__).parent / "answers"
LABS = sorted(path.stem for path in ANSWERS.glob("lab*.py"))
# Those: test_artefacts.py.
EXERCISES = [
    (lab, name)
    for lab in LABS
    for name, exercise in exercises(lab).items()
    if not issubclass(exercise, Artefact)
]


def answers(lab: str, exercise: str, kind: str) -> dict:
    """The answers of the bank, by what follows `exercise__kind_` in their names."""
    spec = importlib.util.spec_from_file_location(f"answers_{lab}", ANSWERS / f"{lab}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    start = f"{exercise}__{kind}_"
    return {
        name.removeprefix(start): value
        for name, value in vars(module).items()
        if name.startswith(start)
    }


def verdict(exercise, answer, seed: int = 7):
    judge = Judge(exercise, seed)
    return judge.verdict(exercise.outputs(answer, judge.inputs))


@pytest.mark.parametrize(("lab", "name"), EXERCISES)
def test_right_answers_pass_however_they_are_written(lab, name):
    exercise = exercises(lab)[name]
    right = answers(lab, name, "right")
    assert len(right) >= 2, f"write 2 answers {name}__right_... into answers/{lab}.py"
    for seed in range(3):
        assert verdict(exercise, exercise.right, seed).status == "pass"
        for how, answer in right.items():
            assert verdict(exercise, answer, seed).status == "pass", (
                how,
                verdict(exercise, answer, seed),
            )


@pytest.mark.parametrize(("lab", "name"), EXERCISES)
def test_wrong_answers_are_refused_by_the_name_of_the_misconception(lab, name, record_property):
    exercise = exercises(lab)[name]
    shown = answers(lab, name, "wrong")
    assert set(exercise.symptoms) <= set(shown), "the bank has an answer for every symptom"
    wrong = {**exercise.misconceptions, **shown}
    said = {
        which: [verdict(exercise, answer, seed) for seed in range(3)]
        for which, answer in wrong.items()
    }
    missed = {
        which: saying
        for which, saying in said.items()
        if {(one.status, one.misconception) for one in saying} != {("wrong", which)}
    }
    record_property("refused", (lab, len(wrong) - len(missed), len(wrong)))
    assert not missed, f"not recognised by the name of its misconception: {', '.join(missed)}"
    assert len(wrong) >= 5, f"{name} recognises {', '.join(wrong)}; name at least 5 wrong answers"


@pytest.mark.parametrize(("lab", "name"), EXERCISES)
def test_a_call_is_told_with_the_arguments_that_it_had(lab, name):
    exercise = exercises(lab)[name]
    for args in exercise.inputs(7):
        words = exercise.in_words(*args)
        assert len(words) == len(args) and all(
            word is arg or isinstance(word, Words) for word, arg in zip(words, args)
        )


def test_a_failure_is_a_call_that_can_be_pasted_with_both_results_below_it():
    outcome = exercises("lab01")["attack_outcome"]
    says = [
        "attack_outcome:",
        "attack_outcome(reply='', word='zorb', secret='k7qx')",
        "expected: 'clean'",
        "got:      KeyError: 'x'",
        "1 of ",
    ]
    with pytest.raises(NotYet, match=re.escape("\n".join(says))):
        run_check(outcome, lambda reply, *words: outcome.right(reply, *words) if reply else {}["x"])
    counted = (
        "count=lambda messages: 2 + sum(1 + len(message['content'].split()) for message in"
        " messages)"
    )
    says = f"fit_prompt(system='', examples=[], question='lamp', {counted}, budget=6)\nexpected: "
    with pytest.raises(NotYet, match=re.escape(says)):
        run_check(
            exercises("lab01")["fit_prompt"],
            lambda system, examples, question, count, budget: [examples, count([])],
        )


@pytest.mark.parametrize(("lab", "name"), EXERCISES)
def test_a_call_that_is_pasted_gives_what_is_expected(lab, name):
    import torch

    exercise = exercises(lab)[name]
    if exercise.probe is not call and exercise.in_words.__qualname__.startswith("Exercise."):
        pytest.skip("it is not called by one call")
    judge = Judge(exercise, 7)
    for args, expected in zip(judge.inputs, judge.expected):
        text = call_text(name, exercise.right, exercise.in_words(*args))
        if " of shape (" in text or "…" in text:  # too long to be read, so told in words
            continue
        pasted = {name: exercise.right, "np": np, "torch": torch}
        got = attempt(lambda answer, text=text, pasted=pasted: eval(text, pasted), None, ())
        assert exercise.same(expected, got), text


@pytest.mark.parametrize(("lab", "name"), EXERCISES)
def test_no_result_that_is_right_is_told_where_inputs_come_again(lab, name):
    """A grader's page must not tell it: whoever hands in often enough would have them all."""
    exercise = exercises(lab)[name]
    judge = Judge(exercise, 7)
    judge.imitations = {}  # what misconceptions are told by is none of it
    turned = [*judge.expected[1:], judge.expected[0]]
    for outputs in (
        turned,
        [Other("object")] * len(turned),
        [Raised(("KeyError",), "x")] * len(turned),
    ):
        assert "expected" not in judge.verdict(outputs).sentence.partition(":")[2]
        assert "should" not in judge.verdict(outputs).sentence


@pytest.mark.parametrize(("lab", "name"), EXERCISES)
@pytest.mark.parametrize(
    "value",
    [0, 0.0, 1, True, None, "", [], {}, float("nan"), np.zeros(3), np.full((2, 2), np.nan)],
    ids=repr,
)
def test_constants_never_pass(lab, name, value):
    exercise = exercises(lab)[name]
    assert verdict(exercise, lambda *args: value).status != "pass"


@pytest.mark.parametrize(("lab", "name"), EXERCISES)
def test_an_answer_that_cannot_be_called_is_told_by_its_error(lab, name):
    said = verdict(exercises(lab)[name], lambda: missing)  # noqa: F821
    assert (
        said.status == "student error"
        and "Raised" not in said.sentence
        and "Error" in said.sentence
    )


@pytest.mark.parametrize(("lab", "name"), EXERCISES)
def test_a_blank_answer_is_told_from_a_wrong_one(lab, name):
    def blank(*args):
        raise NotImplementedError

    with pytest.raises(NotImplementedError, match=name) as said:
        run_check(exercises(lab)[name], blank)
    assert said.value._render_traceback_() == [f"… {name} is not written yet."]
    with pytest.raises(NotYet, match=name):
        run_check(exercises(lab)[name], lambda *args: 0)


def never_ends():
    while True:
        pass


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (never_ends, "still running after 0.5 seconds"),
        (lambda: sys.exit(0), "ends the program"),
        ("DBFGEAHC", "Pass shipping_order itself"),
        (lambda: None, "a string of 8 capital letters"),
        (lambda: "DBFGEAH", "a string of 8 capital letters"),
    ],
    ids=[
        "an endless loop",
        "an exit",
        "a result in place of the function",
        "nothing",
        "a letter too few",
    ],
)
def test_what_is_no_answer_at_all_is_told_beside_the_exercise(answer, says, monkeypatch):
    monkeypatch.setattr("adaptlab.grading.check.PATIENCE_SECONDS", 0.5)
    with pytest.raises(NotYet, match=says) as told:
        run_check(exercises("lab04")["shipping_order"], answer)
    assert "DFGEAHC" not in str(told.value), "an order that is right"
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_experiment_waits_for_a_prediction_that_is_one_of_the_options():
    predicted("4", ["2", "4"])
    with pytest.raises(NotWritten, match="Predict first"):
        predicted(None, ["2", "4"])
    with pytest.raises(
        NotYet,
        match=re.escape("prediction is 4, which is not one of the options. Copy one of ['2', '4']"),
    ):
        predicted(4, ["2", "4"])


@pytest.mark.parametrize("answer", [None, 3, "of class Index"])
def test_a_class_is_handed_over_itself(answer):
    with pytest.raises(NotYet, match="Pass Index itself"):
        run_check(exercises("lab02")["Index"], answer)


def test_an_exercise_that_is_listed_but_not_imported_is_a_sentence(monkeypatch):
    import adaptlab.grading.labs.lab04 as lab

    monkeypatch.setattr(lab, "__all__", [*lab.__all__, "rank_within"])
    with pytest.raises(AdaptLabError, match="rank_within in __all__, but does not import it"):
        exercises("lab04")


def test_a_check_that_is_not_there_is_a_sentence():
    with pytest.raises(AttributeError, match="no exercise 'fit_promt'. Use one of fit_prompt, "):
        check.lab01.fit_promt  # noqa: B018
    with pytest.raises(AdaptLabError, match="no lab 'lab77'"):
        check.lab77  # noqa: B018
