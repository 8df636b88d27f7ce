"""Lab 09, group_advantages: the reference answer and the known misconceptions."""

import numpy as np

from adaptlab.grading.codec import Raised
from adaptlab.grading.exercise import Exercise, symptom, wrong


def refuse_single(rewards: np.ndarray) -> np.ndarray:
    """Return the rewards as floats; a group of one reply has no other reply to compare with."""
    if rewards.shape[1] < 2:
        raise ValueError("A group has fewer than 2 replies.")
    return rewards.astype(float)


class group_advantages(Exercise):
    """Each reward minus the mean reward of the other replies to the same prompt."""

    n_draws = 30

    @staticmethod
    def draw(rng):
        shape = (int(rng.integers(2, 6)), int(rng.integers(2, 9)))
        if rng.random() < 0.5:
            return (rng.integers(0, 2, size=shape).astype(float),)
        return (rng.integers(-8, 9, size=shape) / 4,)

    @staticmethod
    def edges():
        return [
            (np.array([[1.0, 0.0]]),),
            (np.array([[1.0, 1.0, 1.0, 1.0]]),),
            (np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]),),
            (np.array([[3, 0, 1], [0, 0, 5]]),),
            (np.array([[1.0], [0.0]]),),
            (np.array([[-2.0, 4.0, 1.0]]),),
        ]

    @staticmethod
    def right(rewards):
        values = refuse_single(rewards)
        others = (values.sum(axis=1, keepdims=True) - values) / (values.shape[1] - 1)
        return values - others

    @staticmethod
    @wrong(
        "The mean includes the reply's own reward, so the baseline depends on the reply that it"
        " judges. Leave the reply out of its own baseline."
    )
    def own_reward_included(rewards):
        values = refuse_single(rewards)
        return values - values.mean(axis=1, keepdims=True)

    @staticmethod
    @wrong(
        "You divide by the standard deviation of the group. That is GRPO. RLOO leaves the"
        " differences as they are."
    )
    def divided_by_std(rewards):
        values = refuse_single(rewards)
        centred = values - values.mean(axis=1, keepdims=True)
        return centred / (values.std(axis=1, keepdims=True) + 1e-6)

    @staticmethod
    @wrong(
        "You divide the leave-one-out differences by the standard deviation of the group. RLOO does"
        " not scale them."
    )
    def scaled(rewards):
        values = refuse_single(rewards)
        return group_advantages.right(rewards) / (values.std(axis=1, keepdims=True) + 1e-6)

    @staticmethod
    @wrong(
        "The baseline is the mean over all prompts. Then replies to an easy prompt all look good."
        " Compare replies to the same prompt."
    )
    def mean_of_all(rewards):
        values = refuse_single(rewards)
        return values - values.mean()

    @staticmethod
    @wrong(
        "You leave a reply out, but take the mean over all prompts. Compare it only with the"
        " replies to the same prompt."
    )
    def others_of_all(rewards):
        values = refuse_single(rewards)
        return values - (values.sum() - values) / (values.size - 1)

    @staticmethod
    @wrong(
        "You take the mean over the prompts, not over the replies to a prompt. Each row is a group."
    )
    def columns(rewards):
        values = refuse_single(rewards)
        return values - values.mean(axis=0, keepdims=True)

    @staticmethod
    @wrong("You divide the sum of the other rewards by k. There are k - 1 others.")
    def divided_by_k(rewards):
        values = refuse_single(rewards)
        return values - (values.sum(axis=1, keepdims=True) - values) / values.shape[1]

    @staticmethod
    @wrong(
        "The signs are the wrong way round. A reply that is better than the others has a positive"
        " advantage."
    )
    def wrong_sign(rewards):
        return -group_advantages.right(rewards)

    @staticmethod
    @wrong(
        "The baseline is the best of the other replies. Then even most good replies have a negative"
        " advantage. Use the mean."
    )
    def best_of_the_others(rewards):
        values = refuse_single(rewards)
        others = [np.delete(values, place, axis=1).max(axis=1) for place in range(values.shape[1])]
        return values - np.stack(others, axis=1)

    @staticmethod
    @wrong(
        "With one reply to each prompt there is nothing to compare with. Raise ValueError, so that"
        " nobody trains on it unnoticed."
    )
    def single_is_zero(rewards):
        if rewards.shape[1] < 2:
            return np.zeros(rewards.shape)
        return group_advantages.right(rewards)

    @staticmethod
    @wrong(
        "For rewards that are ints the advantages are cut to ints. Convert the rewards to floats"
        " first."
    )
    def cut_to_ints(rewards):
        return group_advantages.right(rewards).astype(rewards.dtype)

    @staticmethod
    @wrong("Groups with equal rewards are missing. They stay, with advantages of zero.")
    def drops_constant(rewards):
        values = refuse_single(rewards)
        return group_advantages.right(rewards)[np.ptp(values, axis=1) > 0]

    @staticmethod
    @symptom(
        "With one reply to each prompt the result is not a number. Raise ValueError, so that nobody"
        " trains on it unnoticed."
    )
    def single_is_nan(expected, got):
        return isinstance(expected, Raised) and bool(np.isnan(got).all())
