"""The guides' rules answer as their words say, and count on what an owner knows."""

import pytest

from adaptlab.decide.guides import GUIDES, opinions
from adaptlab.decide.need import Lever, Need, lever
from adaptlab.errors import AdaptLabError

# (need, the answers of guides A, B, C, E)
CASES = {
    "a chatbot over many documents that change daily": (
        Need(lacks_facts=True, n_documents=5000, n_updates=30),
        "RRRR",
    ),
    "must be nearly always right, on facts that never change": (Need(least=0.99), "TPPP"),
    "little money, and good enough is enough": (Need(budget=10, least=0.7), "PPPP"),
    "a form that no prompt brings, two thousand examples": (
        Need(prompt_falls_short=True, n_examples=2000),
        "RTTT",
    ),
    "the same with five hundred": (Need(prompt_falls_short=True, n_examples=500), "RPTT"),
    "the same with two hundred": (Need(prompt_falls_short=True, n_examples=200), "RPPT"),
    "the same with fifty": (Need(prompt_falls_short=True, n_examples=50), "RPPP"),
    "facts and a form": (
        Need(lacks_facts=True, prompt_falls_short=True, n_documents=100, n_examples=2000),
        "RRBB",
    ),
    "facts that change, and a form": (
        Need(
            lacks_facts=True,
            prompt_falls_short=True,
            n_documents=100,
            n_updates=30,
            n_examples=2000,
        ),
        "RRBR",
    ),
    "a prompt of 4,000 tokens": (Need(prompt_tokens=4000, n_examples=2000), "RPPT"),
    "very many queries": (Need(n_queries=1e6, n_examples=2000), "RTPP"),
    "very many queries and no budget": (Need(n_queries=1e6, n_examples=2000, budget=10), "PPPP"),
}
LETTERS = {"P": Lever.PROMPT, "R": Lever.RETRIEVE, "T": Lever.TUNE, "B": Lever.BOTH}


@pytest.mark.parametrize("name", CASES)
def test_each_guide_answers_as_it_says(name):
    need, letters = CASES[name]
    assert opinions(need) == {
        guide: LETTERS[letter] for guide, letter in zip(GUIDES, letters, strict=True)
    }


def test_no_guide_is_another_in_disguise():
    columns = list(zip(*(letters for _, letters in CASES.values())))
    assert len(set(columns)) == len(GUIDES)


def test_each_guide_names_its_place():
    assert all(
        guide.place and guide.decide.__doc__.startswith(f"Guide {name}'s")
        for name, guide in GUIDES.items()
    )


def test_a_lever_is_made_of_its_parts():
    assert all(lever(one.retrieves, one.tunes) is one for one in Lever)


@pytest.mark.parametrize("wrong", [{"least": 1.2}, {"n_queries": -1}, {"n_examples": -5}])
def test_needs_that_nobody_can_have_are_refused(wrong):
    with pytest.raises(AdaptLabError, match=next(iter(wrong))):
        Need(**wrong)
