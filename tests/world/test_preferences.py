"""Replies, the exact judge of four rules, and the errors with which pairs can be labelled."""

import random

import pytest

from adaptlab.world.preferences import (
    ASPECTS,
    HABITS,
    Draft,
    aspects,
    draft,
    preference,
    preference_case,
    quality,
)
from adaptlab.world.tone import TONES

SPLITS = (("train", "fresh"), ("held_out", "new"))


@pytest.mark.parametrize(("split", "group"), SPLITS)
def test_the_gold_reply_has_every_aspect_in_every_tone(split, group):
    rng = random.Random(3)
    for tone in TONES:
        for _ in range(60):
            case = preference_case(rng, split, group, tone)
            assert aspects(case, case.answer) == dict.fromkeys(ASPECTS, True), case.answer


def test_each_fault_costs_its_own_aspect():
    rng = random.Random(4)
    case = preference_case(rng, tone="plain")
    value = case.fields["value"]
    chunk = case.fields["chunk"]
    for reply, lost in (
        (Draft("nothing", chunk, "plain"), "right"),
        (Draft(value, 0, "plain"), "cited"),
        (Draft(value, chunk + 1, "plain"), "cited"),
        (Draft(value, chunk, "formal"), "in tone"),
        (Draft(value, chunk, "brief"), "in tone"),
        (
            Draft(value, chunk, "plain", ("We hope this helps.", "We are always glad to help.")),
            "brief",
        ),
    ):
        assert [aspect for aspect, kept in aspects(case, reply.text()).items() if not kept] == [
            lost
        ], reply
    assert quality(case, "") == 0 and quality(case, case.answer) == 1


def test_a_number_in_a_citation_is_not_an_answer():
    rng = random.Random(5)
    case = next(
        case for case in iter(lambda: preference_case(rng), None) if case.fields["value"].isdigit()
    )
    assert not aspects(case, f"The answer is nothing [{case.fields['value']}].")["right"]


def test_people_keep_their_habits():
    rng = random.Random(6)
    cases = [preference_case(rng) for _ in range(1500)]
    found = [aspects(case, draft(rng, case)) for case in cases]
    for aspect, habit in HABITS.items():
        assert abs(sum(kept[aspect] for kept in found) / len(found) - habit) < 0.04, aspect


def test_labels_err_as_often_as_they_are_asked_to():
    def wrong(**errors):
        items = [preference(random.Random(seed), **errors) for seed in range(600)]
        return sum(item.margin < 0 for item in items) / len(items), sum(
            len(item.chosen) > len(item.rejected) for item in items
        ) / len(items)

    assert wrong()[0] == 0
    assert abs(wrong(noise=0.3)[0] - 0.3) < 0.06
    assert wrong(length_bias=1.0)[1] > 0.95 > wrong()[1]


def test_pairs_are_the_same_prompts_and_replies_whatever_the_errors():
    clean = preference(random.Random(8))
    noisy = preference(random.Random(8), noise=1.0)
    assert clean.case.messages == noisy.case.messages
    assert (clean.chosen, clean.rejected) == (noisy.rejected, noisy.chosen)
