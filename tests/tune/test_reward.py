"""A reward model scores replies in the order asked, learns what is preferred, and finds sides that
were swapped.
"""

import random

import pytest
import torch

from adaptlab.errors import AdaptLabError
from adaptlab.messages import user
from adaptlab.models.local import LocalChat
from adaptlab.tune.options import PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.reward import RewardModel, fit_reward, suspects, swapped_sides


def pairs(n: int, seed: int) -> list[Pair]:
    """Short questions of which the answer in capitals is preferred."""
    rng = random.Random(seed)
    words = ("apples", "books", "coins", "cards", "pens", "stamps")
    chosen = [" ".join(rng.choices(words, k=rng.randint(1, 4))) for _ in range(n)]
    return [
        Pair([user(f"Say something about {rng.choice(words)}.")], f"Dear customer, {text}.", text)
        for text in chosen
    ]


@pytest.fixture(scope="module")
def reward():
    return fit_reward(
        LocalChat("embedded:mini-chat"),
        pairs(48, 1),
        PreferenceOptions(method="full", learning_rate=1e-3, epochs=2, batch_size=8),
    )


def test_it_ranks_pairs_that_it_has_not_seen_and_names_those_that_are_swapped(reward):
    fresh = pairs(20, 2)
    assert all(margin > 0 for margin in reward.margins(fresh))
    swapped = [
        Pair(pair.prompt, pair.rejected, pair.chosen) if place in (3, 11) else pair
        for place, pair in enumerate(fresh, 1)
    ]
    assert suspects(reward, swapped, margin=0.5) == [3, 11]


def test_each_half_finds_the_swapped_sides_of_the_other():
    fresh = pairs(48, 4)
    swapped = [
        Pair(pair.prompt, pair.rejected, pair.chosen) if place in (5, 20) else pair
        for place, pair in enumerate(fresh, 1)
    ]
    options = PreferenceOptions(method="full", learning_rate=1e-3, epochs=2, batch_size=4)
    assert swapped_sides(LocalChat("embedded:mini-chat"), swapped, options, margin=0.5) == [5, 20]
    with pytest.raises(AdaptLabError, match="at least two pairs"):
        swapped_sides(LocalChat("embedded:mini-chat"), fresh[:1], options)


def test_scores_come_in_the_order_asked_and_do_not_hang_on_the_batch(reward):
    asked = [
        pair.conversation(reply) for pair in pairs(9, 3) for reply in (pair.chosen, pair.rejected)
    ]
    together = reward.score(asked)
    alone = [reward.score([messages])[0] for messages in asked]
    torch.testing.assert_close(torch.tensor(together), torch.tensor(alone), atol=2e-2, rtol=1e-2)
    assert len(set(together)) > 10


def test_a_tokenizer_of_another_model_is_refused(reward):
    class Larger:
        def __len__(self):
            return reward.model.config.vocab_size + 1

    with pytest.raises(AdaptLabError, match="tokenizer has"):
        RewardModel("reward", reward.model, Larger(), LocalChat("embedded:mini-chat"))
