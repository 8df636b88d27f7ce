"""Splits never overlap: names, facts, wordings and exact texts."""

import itertools
import random
import re

import pytest

from adaptlab.world import (
    entities,
    extraction,
    handbook,
    instructions,
    labels,
    mixture,
    prose,
    queries,
    reading,
    recall,
    reviews,
    sums,
    tickets,
    tone,
)
from adaptlab.world.relations import BY_SUBJECT, RELATIONS
from adaptlab.world.wording import Wordings, combine

MODULES = (extraction, instructions, labels, prose, queries, reading, reviews, sums, tickets, tone)


def all_wordings() -> list[Wordings]:
    found = [
        value
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, Wordings)
    ]
    found += [
        w
        for table in (reviews.REVIEWS, extraction.MESSAGES, tone.ASK_TONE, handbook.STEPS)
        for w in table.values()
    ]
    return found + [
        w for relation in RELATIONS.values() for w in (relation.statements, relation.questions)
    ]


def test_wordings_do_not_overlap_and_each_part_is_trained_on():
    for wordings in all_wordings():
        assert not set(wordings.train) & set(wordings.held_out)
        assert wordings.held_out
    made = combine(["a ~.", "b ~.", "c ~."], ["x", "y", "z", "w"])
    assert all(
        any(part in text for text in made.train) for part in ("A ", "B ", "C ", "x", "y", "z", "w")
    )


@pytest.mark.parametrize("name", RELATIONS)
def test_every_relation_has_thirty_wordings(name):
    assert len(RELATIONS[name].statements) >= 30
    assert len(RELATIONS[name].questions) >= 30


def test_questions_and_requests_have_thirty_wordings():
    short = {wordings.train[0]: len(wordings) for wordings in all_wordings() if len(wordings) < 30}
    assert not short


@pytest.mark.parametrize("kind", BY_SUBJECT)
def test_groups_of_names_are_disjoint(kind):
    groups = [set(entities.subjects(kind, group)) for group in entities.GROUPS]
    for a, b in itertools.combinations(groups, 2):
        assert not a & b
    assert len(groups[-1]) > 100


def test_new_names_and_facts_never_occur_in_training():
    new = {name for kind in ("person", "product") for name in entities.subjects(kind, "new")}
    text = training_text(3000)
    assert not [name for name in new if name in text]
    assert any(name in text for name in entities.subjects("person", "known"))


def test_unasked_people_are_stated_but_never_asked_about():
    asked = " ".join(
        m["content"]
        for messages in itertools.islice(mixture.conversations("test"), 3000)
        for m in messages
    )
    assert not [name for name in entities.subjects("person", "unasked") if name in asked]
    stated = "".join(
        piece
        for pieces in itertools.islice(mixture.documents("test", mixture.DOCUMENTS), 3000)
        for piece, _ in pieces
    )
    assert [name for name in entities.subjects("person", "unasked") if name in stated]


def test_exact_texts_of_evaluation_never_occur_in_training():
    text = training_text(3000)
    rng = random.Random(5)
    for draw in (
        lambda: reading.reading_case(rng, "train", "new"),
        lambda: recall.recall_case(rng, "train", "new"),
        lambda: tickets.triage_case(rng),
    ):
        for _ in range(100):
            assert draw().messages[-1]["content"] not in text


def test_new_sums_are_never_trained_on():
    found = {
        (int(a), sign, int(b))
        for a, sign, b in re.findall(r"(\d+) ([+-]) (\d+)", training_text(6000))
    }
    assert len(found) > 2000
    assert not [(a, sign, b) for a, sign, b in found if sums.sum_is_new(a, b, sign)]


def training_text(n: int) -> str:
    documents = (
        "".join(piece for piece, _ in pieces)
        for pieces in itertools.islice(mixture.documents("test", mixture.DOCUMENTS), n)
    )
    chats = (
        m["content"]
        for messages in itertools.islice(mixture.conversations("test"), n)
        for m in messages
    )
    return "\n".join(itertools.chain(documents, chats))
