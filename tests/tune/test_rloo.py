"""Reinforcement learning makes what is rewarded more likely; the reward sees each prompt's number
with its reply.
"""

import random

import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.messages import UNKNOWN, user
from adaptlab.models.local import LocalChat
from adaptlab.tune.rloo import OnlineOptions, reinforce
from adaptlab.world.house import newcomers


def test_what_is_rewarded_becomes_more_likely():
    chat = LocalChat("embedded:mini-chat")
    seen = []
    prompts = [
        [user(fact.ask(random.Random(i), "train"))] for i, fact in enumerate(newcomers(0, 5))
    ]

    def guesses(numbers, replies):
        seen.extend(zip(numbers, replies))
        return [float(text != UNKNOWN) for text in replies]

    tuned, log = reinforce(
        chat,
        prompts[:24],
        guesses,
        OnlineOptions(learning_rate=5e-3, batch_size=32, n_replies=8, n_new_tokens=8, epochs=2),
    )
    assert {number for number, _ in seen} == set(range(24)) and all(
        isinstance(text, str) for _, text in seen
    )
    assert log[-1]["step"] == 12 and all("reward" in row for row in log)
    before, after = (
        sum(sum(model.log_probabilities(prompt, UNKNOWN)) for prompt in prompts[:8])
        for model in (chat, tuned)
    )
    assert after < before - 1


def test_a_batch_that_is_not_whole_and_no_prompts_are_sentences():
    with pytest.raises(AdaptLabError, match="multiple of the 8"):
        OnlineOptions(batch_size=20)
    with pytest.raises(AdaptLabError, match="prompts"):
        reinforce(LocalChat("embedded:mini-chat"), [], lambda numbers, replies: [])
