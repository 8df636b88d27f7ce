"""The best lever is the cheapest that is right enough, and advice turns where the best
lever does.
"""

import pytest

from adaptlab.decide import rules
from adaptlab.decide.advice import advise, as_text
from adaptlab.decide.costs import Usage
from adaptlab.decide.need import Lever
from adaptlab.decide.task_bank import (
    CONDITIONS,
    Condition,
    Described,
    Measured,
    bank,
    best_lever,
    case,
    share_best,
)
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate

P, R, T, B = Lever


def share(value: float) -> Estimate:
    return Estimate(value, max(0, value - 0.05), min(1, value + 0.05), 240)


MATRIX = {
    "form": {
        P: Measured({0: share(0.5)}, Usage(500, 70)),
        R: Measured({0: share(0.4)}, Usage(700, 70)),
        T: Measured({30: share(0.3), 300: share(0.9), 1000: share(0.99)}, Usage(60, 70, 90_000)),
    },
    "facts": {
        P: Measured({0: share(0.0)}, Usage(15, 6)),
        R: Measured({0: share(0.93)}, Usage(210, 6)),
        T: Measured({0: share(0.85)}, Usage(15, 4, 80_000, 80_000)),
        B: Measured({720: share(0.95)}, Usage(200, 20, 200_000)),
    },
}
DESCRIBED = {"form": Described(), "facts": Described(lacks_facts=True, n_documents=100)}


def test_the_cheapest_that_is_right_enough_is_best_else_the_one_that_is_right_most_often():
    scores = {P: 0.7, R: 0.9, T: 0.95}
    costs = {P: 1.0, R: 3.0, T: 2.0}
    assert [best_lever(scores, costs, least) for least in (0.5, 0.8, 0.99)] == [P, T, T]
    assert best_lever({P: 0.4, R: 0.4}, {P: 2.0, R: 1.0}, 0.9) is P


def test_a_tuning_counts_with_the_examples_that_there_are():
    tuned = MATRIX["form"][T]
    assert [tuned.estimate(n) and tuned.estimate(n).value for n in (10, 30, 299, 300, 5000)] == [
        None,
        0.3,
        0.3,
        0.9,
        0.99,
    ]
    assert (
        T
        not in case(
            "form", Condition("few", n_examples=10), MATRIX["form"], DESCRIBED["form"]
        ).scores
    )


def test_facts_that_change_daily_make_a_tuning_on_them_dear():
    still, daily = (
        case(
            "facts",
            Condition("c", n_queries=10_000, n_updates=n),
            MATRIX["facts"],
            DESCRIBED["facts"],
        )
        for n in (0, 300)
    )
    assert still.best is T and daily.best is R
    assert daily.costs[R] == still.costs[R] and daily.costs[T] > still.costs[T]


def test_the_bank_has_every_task_under_every_condition_that_matters_to_it():
    cases = bank(MATRIX, DESCRIBED)
    assert len(cases) == 2 * len(CONDITIONS) - 1
    assert {c.condition for c in cases if c.task == "facts"} - {
        c.condition for c in cases if c.task == "form"
    } == {"facts change daily"}
    assert {c.need.prompt_falls_short for c in cases if c.task == "form"} == {True}
    assert share_best(cases, [c.best for c in cases]).value == 1


def test_a_case_in_which_nothing_works_is_left_out():
    hopeless = {"form": {lever: Measured({0: share(0.0)}, Usage(10, 10)) for lever in (P, R)}}
    assert bank(hopeless, {"form": Described()}) == []
    assert as_text(advise("form", Condition("mine"), hopeless, DESCRIBED)).startswith(
        "none: no measured lever"
    )


def test_advice_says_what_would_change_it():
    found = advise("form", Condition("mine", n_examples=1000), MATRIX, DESCRIBED)
    assert found.case.best is T and ("examples", 100, P) in found.turns
    text = as_text(found)
    assert (
        text.startswith("fine-tune: the cheapest lever that reaches 80%")
        and "examples 100: prompt" in text
        and "B prompt" not in text
    )
    assert "no measured lever reaches 99%" in as_text(
        advise("facts", Condition("mine", least=0.99), MATRIX, DESCRIBED)
    )
    assert "more than the budget" in as_text(
        advise("form", Condition("mine", n_queries=1e6, budget=1), MATRIX, DESCRIBED)
    )


BASELINES = {"form": {30: share(0.5), 300: share(0.9)}}


@pytest.mark.parametrize("n, value", [(10, None), (100, 0.5), (1000, 0.9)])
def test_a_classifier_counts_with_the_examples_that_there_are(n, value):
    condition = Condition("mine", n_examples=n)
    found = advise("form", condition, MATRIX, DESCRIBED, baselines=BASELINES)
    measured = found.without_model and found.without_model.value
    assert measured == value
    first = as_text(found).splitlines()[0]
    assert first.startswith("no language model: TF-IDF") == (value == 0.9)
    other = advise("facts", condition, MATRIX, DESCRIBED, baselines=BASELINES)
    assert other.without_model is None and "no language model" not in as_text(other)


def test_an_unknown_task_is_refused_with_those_that_there_are():
    with pytest.raises(AdaptLabError, match="'mail'; the tasks are form, facts"):
        advise("mail", Condition("mine"), MATRIX, DESCRIBED)


def test_our_rules_are_judged_on_tasks_that_they_did_not_see():
    cases = bank(MATRIX, DESCRIBED)
    tree = rules.learn(cases)
    assert tree.get_depth() <= 3 and str(cases[0].best) in rules.as_text(tree)
    from_form_alone = rules.learn([c for c in cases if c.task == "form"])
    held = dict(zip([(c.task, c.condition) for c in cases], rules.held_out(cases)))
    assert all(
        held[c.task, c.condition] == rules.decide(from_form_alone, c.need)
        for c in cases
        if c.task == "facts"
    )
