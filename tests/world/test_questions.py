"""Questions on the handbook: their gold sections state the answer, and the unanswerable have none."""

import random

import pytest

from adaptlab.world.handbook import handbook
from adaptlab.world.questions import KINDS, OTHER_WORDS, draw_question
from adaptlab.world.words import GOODS

SECTIONS = handbook(2)


@pytest.mark.parametrize("kind", KINDS)
def test_gold_sections_state_the_facts(kind):
    for seed in range(150):
        question = draw_question(random.Random(seed), SECTIONS, kind)
        assert question.answerable == (kind != "unanswerable") and len(question.gold) == len(question.facts) == {"two facts": 2, "unanswerable": 0}.get(kind, 1)
        for fact, gold in zip(question.facts, question.gold):
            assert gold and all(fact in SECTIONS[i].facts for i in gold)
            assert kind == "paraphrase" or fact.subject in question.text


def test_a_paraphrase_names_the_good_in_other_words():
    assert set(OTHER_WORDS) == set(GOODS)
    for seed in range(150):
        question = draw_question(random.Random(seed), SECTIONS, "paraphrase")
        good = question.facts[0].subject.split()[1]
        assert f" {good}" not in question.text.replace(OTHER_WORDS[good], "")


def test_what_is_asked_without_an_answer_stands_nowhere():
    text = " ".join(section.text for section in SECTIONS)
    stated = {fact.subject for section in SECTIONS for fact in section.facts}
    for seed in range(150):
        question = draw_question(random.Random(seed), SECTIONS, "unanswerable")
        assert not [subject for subject in stated if subject in question.text] and question.text not in text
