"""Lesson 07's studies: what their data hold, and the share of a loss that is given
back, by hand.
"""

import pytest

from adaptlab.evals.suite import NAMES, PROSE, SKILLS, skill_cases
from adaptlab.messages import UNKNOWN
from adaptlab.studies import forgetting
from adaptlab.studies.forgetting import (
    N_DEGRADED,
    N_SKILL,
    given_back,
    mean_share,
    old_conversations,
    without_facts,
)
from adaptlab.world.entities import subjects


def row(seed, *counts):
    return {"seed": seed} | {skill.name: count for skill, count in zip(SKILLS, counts)}


def test_shares_given_back_by_hand():
    base = [row(seed, *[100] * 6) for seed in (0, 1, 2)]
    worst = [row(0, *[40] * 6), row(1, *[20] * 6), row(2, *[50] * 6)]
    # Seeds are matched, not places.
    other = [row(2, *[60] * 6), row(0, *[70] * 6), row(1, *[80] * 6)]
    assert mean_share(row(0, 100, 50, 0, 0, 0, 0)) * N_SKILL == pytest.approx(25)
    found = given_back(base, worst, other)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((0.5, 0.2, 0.75, 3))
    assert given_back(base, worst, worst).interval == (0, 0) and given_back(
        base, worst, base
    ).interval == (1, 1)
    one = [row(0, 100, *[40] * 5), row(1, 100, *[20] * 5), row(2, 100, *[50] * 5)]
    assert given_back(base, worst, one, [SKILLS[0].name]).interval == (1, 1) and given_back(
        base, worst, one, [SKILLS[1].name]
    ).interval == (0, 0)


def test_old_conversations_follow_the_seed_and_those_without_facts_ask_nothing_from_memory():
    assert old_conversations(40, 0) == old_conversations(60, 0)[:40] != old_conversations(40, 1)
    people = set(subjects("person", "known")) | set(subjects("person", "unasked"))
    chosen = without_facts(200, 0)
    assert len(chosen) == 200 and all(found[-1]["content"] != UNKNOWN for found in chosen)
    asked = [message["content"] for found in chosen for message in found]
    assert not [text for text in asked for name in people if name in text]
    assert any(
        name in message["content"]
        for found in old_conversations(200, 0)
        for message in found
        for name in people
    )


@pytest.mark.parametrize("skill", NAMES)
def test_a_planted_fault_differs_from_its_control_in_the_answers_alone(skill):
    (wrong, torn), (right, whole) = (
        forgetting._taught(skill, 0, planted) for planted in (True, False)
    )
    if skill == PROSE:
        assert (
            (wrong, right) == ([], [])
            and [sorted(text.split()) for text in torn] == [sorted(text.split()) for text in whole]
            and torn != whole
        )
        return
    assert [found[:-1] for found in wrong] == [found[:-1] for found in right] and (torn, whole) == (
        [],
        [],
    )
    assert sum(a[-1] != b[-1] for a, b in zip(wrong, right)) > 0.9 * N_DEGRADED
    ability = next(found for found in SKILLS if found.name == skill)
    tested = {repr(case.messages) for seed in (1, 50) for case in skill_cases(ability, 500, seed)}
    assert sum(repr(tuple(found[:-1])) in tested for found in right) < 0.1 * N_DEGRADED
