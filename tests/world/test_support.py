"""Each of the four aspects of a support reply is judged by itself."""

import pytest

from adaptlab.messages import NOT_FOUND
from adaptlab.world.support import Aspects, aspects, split, support_reply

RIGHT = support_reply("Lynx", 2)


def test_the_wanted_reply_has_all_four():
    assert aspects(RIGHT, "Lynx", {2}).all_four
    assert aspects(support_reply(None, None), None, set()).all_four


@pytest.mark.parametrize(
    ("reply", "value", "gold", "lost"),
    [
        (RIGHT, "Stork", {2}, "right"),
        (RIGHT, "Lynx", {1}, "cited"),
        (RIGHT.replace(" [2]", ""), "Lynx", {2}, "cited"),
        (RIGHT.replace("[2]", "[2] [3]"), "Lynx", {2}, "cited"),
        (RIGHT.replace("yes", "no"), "Lynx", {2}, "form"),
        (RIGHT.replace('"answered"', '"found"'), "Lynx", {2}, "form"),
        (RIGHT.partition(" {")[0], "Lynx", {2}, "form"),
        (RIGHT.replace("Kind regards.", "Bye."), "Lynx", {2}, "tone"),
        (RIGHT.replace("Lynx", "7"), "2", {2}, "right"),  # the number of a chunk is no value
    ],
)
def test_one_fault_costs_one_aspect(reply, value, gold, lost):
    found = aspects(reply, value, gold)
    assert [name for name in ("right", "cited", "form", "tone") if not getattr(found, name)] == [
        lost
    ]


def test_inventing_and_declining_are_wrong_in_their_own_ways():
    assert aspects(RIGHT, None, set()) == Aspects(right=False, cited=False, form=True, tone=True)
    assert aspects(support_reply(None, None), "Lynx", {2}) == Aspects(
        right=False, cited=False, form=True, tone=True
    )
    assert aspects(NOT_FOUND, None, set()) == Aspects(
        right=True, cited=True, form=False, tone=False
    )


def test_anything_can_be_judged():
    for reply in ("", "{", "[[[", '{"answered": ["yes"]}', "Dear customer, {}", "null {1}"):
        assert not aspects(reply, "Lynx", {1}).form
    assert split('Hello {"a": 1}') == ("Hello", {"a": 1}) and split("Hello") == ("Hello", None)
