"""Two mistakes at once are named as both, and a mistake beside an unknown one is named, too."""

import math
from collections import Counter

import numpy as np
import pytest

from adaptlab.grading.combine import combined
from adaptlab.grading.exercise import REST, Exercise, Judge, wrong
from adaptlab.grading.exercises import exercises
from adaptlab.grading.grade import Mark
from adaptlab.grading.labs.lab01.attack_outcome import attack_outcome
from adaptlab.grading.labs.lab01.best_buy import best_buy
from adaptlab.grading.labs.lab01.vote import vote
from adaptlab.grading.labs.lab03.compare import bootstrap
from adaptlab.grading.labs.lab03.diversify import choose
from adaptlab.grading.labs.lab03.fuse_rankings import ordered, reciprocal
from adaptlab.grading.records.feedback import misconceptions
from adaptlab.grading.records.sheet import Sheet
from adaptlab.grading.telling import call_text, literal


def above(offers, target):
    return [offer for offer in offers if offer["share"] > target]


def by_price(offer):
    return offer["price"]


def over_half(answers, margin):
    ranked = Counter(answers).most_common()
    return vote.lead(ranked, margin) if len(ranked) > 1 else None


# (lab, exercise, an answer with two mistakes, what they are)
ANSWERS = [
    (
        "lab01",
        "vote",
        lambda answers, margin: vote.lead(Counter(answers).most_common(), margin, 1),
        "none_stands and more_than_margin",
    ),
    (
        "lab01",
        "best_buy",
        lambda offers, target: best_buy.pick(above(offers, target), by_price),
        "above_target and price_alone",
    ),
    (
        "lab01",
        "best_buy",
        lambda offers, target: best_buy.pick(above(offers[::-1], target), best_buy.cost),
        "above_target and last_of_equals",
    ),
    (
        "lab01",
        "attack_outcome",
        lambda reply, word, secret: attack_outcome.told(
            reply,
            word,
            secret in "".join(filter(str.isalnum, reply.lower())),
            lambda word, text: word in text.lower(),
        ),
        "inside_words and letters_stay",
    ),
    (
        "lab03",
        "fuse_rankings",
        lambda rankings, weights, constant, cut: ordered(
            reciprocal(rankings, [1] * len(rankings), constant, cut, first=0)
        ),
        "from_zero and unweighted",
    ),
    (
        "lab03",
        "compare",
        lambda new, old, resamples: bootstrap(old, new, resamples, percentiles=(5, 95)),
        "ninety and reversed_sign",
    ),
    (
        "lab03",
        "compare",
        lambda new, old, resamples: (
            bootstrap(new, old, resamples, percentiles=(5, 95))
            | {"difference": (np.asarray(new) - np.asarray(old))[resamples].mean()}
        ),
        "ninety and of_the_draws",
    ),
    (
        "lab03",
        "diversify",
        lambda relevance, similarity, balance, k, duplicate: choose(
            relevance, similarity, 1 - balance, k, duplicate, last_wins=True
        ),
        "turned_round and last_of_equals",
    ),
]


def verdict(exercise, answer):
    judge = Judge(exercise, 7)
    return judge.verdict(exercise.outputs(answer, judge.inputs), tells_expected=True)


@pytest.mark.parametrize(
    ("lab", "name", "answer", "names"), ANSWERS, ids=[f"{row[1]}: {row[3]}" for row in ANSWERS]
)
def test_two_mistakes_at_once_are_both_named(lab, name, answer, names):
    exercise = exercises(lab)[name]
    said = verdict(exercise, answer)
    sentences = [exercise.misconceptions[one].misconception for one in names.split(" and ")]
    assert (said.status, said.misconception) == ("wrong", names)
    assert said.sentence == f"Two mistakes at once:\n1. {sentences[0]}\n2. {sentences[1]}"


def test_a_known_mistake_beside_an_unknown_one_is_named_with_what_it_does_not_explain():
    def answer(offers, target):
        return best_buy.pick(above(offers, target), best_buy.cost) if offers else 1 / 0

    said = verdict(exercises("lab01")["best_buy"], answer)
    assert said.misconception == "above_target"
    assert said.sentence.splitlines()[1:] == [
        "That is not all:",
        "best_buy(offers=[], target=0.5)",
        "expected: None",
        "got:      ZeroDivisionError: division by zero",
        "1 of 71 inputs fails.",
    ]


def test_the_class_page_counts_each_of_two_mistakes():
    sentence = "Two mistakes at once:\n1. The first.\n2. The second."
    marks = [
        Mark("a", "wrong", 0, 2, sentence, "one and two"),
        Mark("a", "wrong", 0, 2, "The first.", "one"),
        Mark("a", "wrong", 0, 2, f"The first.{REST}f(1)", "one"),
    ]
    sheets = [Sheet(str(i), "lab", "", "", "", [mark]) for i, mark in enumerate(marks)]
    assert misconceptions(sheets) == [("a", "The first.", 3), ("a", "The second.", 1)]


class branches(Exercise):
    """What is made of a number; two mistakes have effects on other inputs."""

    def draw(rng):
        return (int(rng.integers(-3, 4)),)

    def right(n):
        return "even" if n % 2 == 0 else "odd"

    @wrong("Zero is even.")
    def nothing(n):
        if n == 0:
            return "none"
        return "even" if n % 2 == 0 else "odd"

    @wrong("A number below zero is odd or even, too.")
    def below(n):
        if n < 0:
            return "below"
        return "even" if n % 2 == 0 else "odd"


def test_mistakes_in_other_branches_are_seen_where_each_alone_has_an_effect(monkeypatch):
    monkeypatch.setattr("adaptlab.grading.mistakes.combined", lambda *_: None)
    said = verdict(
        branches, lambda n: "none" if n == 0 else "below" if n < 0 else branches.right(n)
    )
    assert said.misconception == "nothing and below"
    assert verdict(branches, lambda n: "none" if n < 0 else branches.right(n)).misconception == ""


def add(a, b):
    return sum([a, b])


def twice(a, b):
    return sum([2 * a, b])


def minus(a, b):
    return sum([a, -b])


def rounded(a, b):
    return round(sum([a, b]), -1)


def halved(a, b):
    return sum([a / 2, b])


def five(a, b):
    return sum([5, b])


def six(a, b):
    return sum([6, b])


def in_steps(a, b):
    total = a + b
    return total


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        (twice, minus, 5),
        (twice, rounded, 20),
        (rounded, minus, 0),
        (twice, halved, 16),
        (five, six, None),
        (twice, in_steps, None),
    ],
)
def test_changes_of_two_functions_in_one(one, other, result):
    both = combined(add, one, other)
    assert (both and both(7, 9)) == result


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([[0.5, 1.0]]), "np.array([[0.5, 1.0]])"),
        (np.zeros((0, 3)), "np.zeros((0, 3))"),
        (np.array([0.1], "float32"), "np.array([0.1], dtype=np.float32)"),
        (np.float64(2), "2.0"),
        ({"a": (1,)}, "{'a': (1,)}"),
        (math.inf, "float('inf')"),
        ([None, True], "[None, True]"),
    ],
)
def test_values_as_python_that_makes_them_again(value, text):
    assert literal(value) == text


def test_a_call_too_long_to_be_read_is_told_in_words():
    assert (
        call_text("f", lambda x, k: 0, (np.zeros(5000), 3)) == "f(x=an array of shape (5000,), k=3)"
    )
