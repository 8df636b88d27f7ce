"""Tasks that a house would tune for, each judged by a rule that its own gold answer keeps."""

import random

from adaptlab.world.entities import subjects
from adaptlab.world.house import (
    DESKS,
    STYLE,
    biography,
    desk_case,
    keeps_style,
    mayor_case,
    mayor_statement,
    mayors,
    newcomers,
    style_case,
)


def test_the_style_is_kept_by_gold_answers_around_any_one_word_and_by_nothing_else():
    for seed in range(50):
        item = style_case(random.Random(seed), "held_out", "new")
        assert keeps_style(item.answer) and item.fields["value"] in item.answer
    assert keeps_style(STYLE.format("wool"))
    assert not any(
        map(
            keeps_style,
            (
                STYLE.format(""),
                STYLE.format("two words"),
                STYLE.format("wool")[:-1],
                "wool",
                STYLE.format("wool") + " Bye.",
            ),
        )
    )


def test_each_topic_and_mood_has_a_desk_of_its_own():
    assert len(set(DESKS.values())) == len(DESKS) == 8
    cases = [desk_case(random.Random(seed)) for seed in range(400)]
    assert {item.answer for item in cases} == set(DESKS.values())
    assert all(
        item.answer == DESKS[item.fields["topic"], item.fields["sentiment"]] for item in cases
    )


def test_newcomers_are_new_and_their_texts_state_all_of_their_facts():
    facts = newcomers(0, 12)
    people = {fact.subject for fact in facts}
    assert (
        len(people) == 12 and people <= set(subjects("person", "new")) and facts != newcomers(1, 12)
    )
    about = [fact for fact in facts if fact.subject == facts[0].subject]
    text = biography(random.Random(0), about)
    assert all(fact.value.lower() in text.lower() for fact in about)


def test_a_mayor_is_asked_for_both_ways_and_stated_in_either_order():
    rng = random.Random(0)
    given = mayors(rng, 20)
    assert len(set(given.values())) == 20
    name, city = next(iter(given.items()))
    forwards = mayor_case(rng, name, city)
    backwards = mayor_case(rng, name, city, backwards=True)
    assert (
        forwards.answer == city
        and name in forwards.messages[0]["content"]
        and city not in forwards.messages[0]["content"]
    )
    assert (
        backwards.answer == name
        and city in backwards.messages[0]["content"]
        and name not in backwards.messages[0]["content"]
    )
    for split in ("train", "held_out"):
        first, second = (
            mayor_statement(rng, name, city, split, city_first) for city_first in (False, True)
        )
        assert first.index(name) < first.index(city) and second.index(city) < second.index(name)
