"""The card: its shape, and three of its rows measured again."""

import json
import re

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.evals import abilities, card
from adaptlab.world.case import Case


def test_rows_have_the_public_shape():
    rows = json.loads(card.to_json(card.read_card()))
    assert all(
        set(row) == {"model", "ability", "wording", "value", "low", "high", "n"} for row in rows
    )
    assert {row["model"] for row in rows} == {"main-chat", "mini-chat"}
    assert len(rows) == 2 * len(abilities.ABILITIES) * 2 and all(
        row["low"] <= row["value"] <= row["high"] for row in rows
    )


@pytest.mark.parametrize(
    "name",
    [
        "new sums and differences up to 99",
        "topic of a review",
        "read 4 chunks, right answer and id",
    ],
)
def test_the_shipped_model_reproduces_the_card(chat, name):
    """The same 500 cases; another processor may round a close call differently, so one case in a
    hundred may differ.
    """
    ability = next(a for a in abilities.ABILITIES if a.name == name)
    row = next(
        r
        for r in card.read_card()
        if (r["model"], r["ability"], r["wording"]) == ("main-chat", name, "training wordings")
    )
    assert sum(abilities.measure(chat, ability, "train", row["n"])) / row["n"] == pytest.approx(
        row["value"], abs=0.01
    )


def test_the_page_is_generated_from_the_rows():
    assert (card.WEIGHTS / "CARD.md").read_text() == card.to_markdown(card.read_card())


def test_a_row_is_held_to_the_goal_of_its_ability_and_wording():
    goals = {
        (ability, wording): goal
        for ability in abilities.ABILITIES
        for wording, goal in zip(card.SPLITS.values(), ability.goals)
    }
    assert None in goals.values() and any(ability.at_most for ability, _ in goals)
    for (ability, wording), goal in goals.items():
        row = {"ability": ability.name, "wording": wording}
        if goal is None:
            assert card.reaches(row | {"value": 0.1}) is None
            continue
        worse = goal + 0.01 if ability.at_most else goal - 0.01
        assert card.reaches(row | {"value": goal}) and not card.reaches(row | {"value": worse})


def test_judges_refuse_wrong_answers():
    case = Case(
        "x", (), '{"a": 1}', "", {"record": {"a": 1}, "number": 7, "tone": "brief", "value": "red"}
    )
    assert (
        abilities.exact_json(case, '{"a":1}')
        and not abilities.exact_json(case, '{"a": 2}')
        and not abilities.exact_json(case, "[1]")
    )
    assert (
        abilities.valid_json(case, '{"a": 2}')
        and not abilities.valid_json(case, '{"b": 1}')
        and not abilities.valid_json(case, "a")
    )
    assert (
        abilities.final_number(case, "3 + 4 = 7. The answer is 7.")
        and not abilities.final_number(case, "seven")
        and not abilities.final_number(case, "77")
    )
    assert (
        abilities.in_tone(case, "red")
        and not abilities.in_tone(case, "blue")
        and not abilities.in_tone(case, "the answer is surely red")
    )
    assert re.fullmatch(r"\d+", str(abilities.last_number("a 12b")))


def test_a_folder_without_a_card_is_named(tmp_path):
    with pytest.raises(AdaptLabError, match="has no card yet"):
        card.read_card(tmp_path)
