"""The handbook: the same for a seed, every fact in its text, and one value for a fact wherever it stands."""

import re

from adaptlab.world.entities import subjects
from adaptlab.world.handbook import KINDS, handbook, to_markdown


def test_every_fact_stands_in_its_section():
    sections = handbook(3)
    assert {section.kind for section in sections} == set(KINDS)
    for section in sections:
        assert section.facts and not re.search(r"\{\w\}", section.text)
        for fact in section.facts:
            assert re.search(rf"\b{re.escape(fact.value)}\b", section.text, re.IGNORECASE), (fact, section.text)


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
