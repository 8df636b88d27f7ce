"""The handbook: the same for a seed, every fact in its text, and one value for a fact wherever it
stands.
"""

import random
import re

import pytest

from adaptlab.messages import NOT_FOUND
from adaptlab.world.entities import subjects
from adaptlab.world.handbook import KINDS, between_case, handbook, handbook_passage, to_markdown


def test_every_fact_stands_in_its_section():
    sections = handbook(3)
    assert {section.kind for section in sections} == set(KINDS)
    for section in sections:
        assert section.facts and not re.search(r"\{\w\}", section.text)
        for fact, sentence in zip(section.facts, section.sentences, strict=True):
            assert section.text.count(sentence) >= 1 and fact.value.lower() in sentence.lower()
            said = re.sub(r"^\d+\. ", "", sentence)  # the number of a step is no value
            assert re.search(rf"\b{re.escape(fact.value)}\b", said, re.IGNORECASE), (fact, sentence)


def test_more_than_there_is_is_refused():
    for sizes in ((9999, 1, 1), (1, 9999, 1), (1, 3, 7)):
        with pytest.raises(ValueError, match="a handbook has at most"):
            handbook(1, *sizes)


def test_a_fact_has_one_value():
    stated = {}
    for section in handbook(4):
        for fact in section.facts:
            assert stated.setdefault((fact.subject, fact.relation), fact.value) == fact.value
    assert len([section for section in handbook(4) if section.kind == "procedure"]) == 20


def test_pure_in_the_seed_and_about_subjects_that_no_model_has_met():
    assert handbook(1) == handbook(1) != handbook(2)
    new = {*subjects("product", "new"), *subjects("policy", "new")}
    assert {fact.subject for section in handbook(1) for fact in section.facts} <= new


def test_as_markdown_each_section_has_its_heading():
    text = to_markdown(handbook(1, n_products=2, n_policies=2, n_procedures=1))
    assert text.startswith("# Handbook\n") and text.count("\n## ") == 5


def test_a_passage_states_its_facts_and_none_of_those_called_absent():
    for seed in range(300):
        passage = handbook_passage(random.Random(seed), "train", "new")
        stated = {(fact.subject, fact.relation): chunk for fact, chunk in passage.facts}
        assert len(stated) == len(passage.facts), (
            "a fact stands twice, so the right citation is not sure"
        )
        assert passage.absent and stated.keys().isdisjoint(
            {(fact.subject, fact.relation) for fact in passage.absent}
        )
        assert all(
            fact.value.lower() in passage.chunks[chunk - 1].lower() for fact, chunk in passage.facts
        )


def test_a_question_between_pages_is_answered_from_its_own_page_or_not_at_all():
    n_declined = 0
    for seed in range(300):
        case = between_case(random.Random(seed), "held_out", "new", 4)
        passage = case.fields["passage"]
        question = case.fields["question"]
        assert len(passage.chunks) == 4
        if case.answer == NOT_FOUND:
            n_declined += 1
            asked = {fact.subject for fact in passage.absent}
            assert len(asked) == 1 and (name := asked.pop()) in question
            assert all(fact.subject != name for fact, _ in passage.facts)
            words = {word for fact, _ in passage.facts for word in fact.subject.split()}
            assert set(name.split()) & words, "no neighbour shares a word with what is asked for"
        else:
            name = case.fields["subject"]
            assert (
                name in question
                and case.fields["value"].lower() in passage.chunks[case.fields["chunk"] - 1].lower()
            )
            assert any(
                set(fact.subject.split()) & set(name.split())
                for fact, _ in passage.facts
                if fact.subject != name
            ), "no neighbour shares a word"
    assert 100 < n_declined < 200
