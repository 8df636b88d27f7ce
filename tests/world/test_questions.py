"""Questions on the handbook: their gold sections state the answer, and the unanswerable
have none.
"""

import random

import pytest

from adaptlab.world.handbook import handbook
from adaptlab.world.questions import KINDS, OTHER_WORDS, draw_question, draw_questions
from adaptlab.world.words import GOODS

SECTIONS = handbook(2)


@pytest.mark.parametrize("kind", KINDS)
def test_gold_sections_state_the_facts(kind):
    for seed in range(150):
        question = draw_question(random.Random(seed), SECTIONS, kind)
        assert question.answerable == (kind != "unanswerable") and len(question.gold) == len(
            question.facts
        ) == {"two facts": 2, "unanswerable": 0}.get(kind, 1)
        for fact, gold in zip(question.facts, question.gold):
            assert gold and all(fact in SECTIONS[i].facts for i in gold)
            assert kind == "paraphrase" or fact.subject in question.text


def test_drawn_together_no_two_ask_the_same():
    drawn = draw_questions(random.Random(1), SECTIONS, "name", 150)
    assert len({question.facts for question in drawn}) == 150
    assert (
        len(
            {
                question.text
                for question in draw_questions(random.Random(1), SECTIONS, "unanswerable", 100)
            }
        )
        == 100
    )
    with pytest.raises(ValueError, match="draw a larger one"):
        draw_questions(random.Random(1), handbook(2, 2, 1, 1), "name", 50)
    with pytest.raises(ValueError, match="no questions of the kind 'hard'"):
        draw_question(random.Random(1), SECTIONS, "hard")


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
        assert (
            not [subject for subject in stated if subject in question.text]
            and question.text not in text
        )
