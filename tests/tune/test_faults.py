"""Faults of a log: each is found by its numbers, and healthy logs have none.

The rows have the keys that TRL and transformers write.
"""

import math
import random

import pytest

from adaptlab.tune import faults

N = 16
RATE = ", with a learning rate of 0.01"


def between(first: float, last: float, n: int = N) -> list[float]:
    return [first + (last - first) * i / (n - 1) for i in range(n)]


def log(n: int = N, **columns: object) -> list[dict]:
    """Rows of a log; a column is a list, or a number that is the same in each row."""
    return [
        {"step": 10 * i + 10}
        | {
            key.replace("__", "/"): value[i] if isinstance(value, list) else value
            for key, value in columns.items()
        }
        for i in range(n)
    ]


def rewards(**columns: object) -> list[dict]:
    """Rows of a healthy run on rewards, with other columns in place of its own."""
    healthy: dict = {
        "reward": between(0.2, 0.7),
        "reward_std": 0.3,
        "frac_reward_zero_std": 0.2,
        "completions__mean_length": 20.0,
        "completions__clipped_ratio": 0.05,
        "entropy": between(1.0, 0.6),
        "kl": between(0.0, 0.5),
    }
    return log(**(healthy | columns))


def of_loss(rows: list[dict]) -> list[faults.Finding]:
    found = faults.not_finite(rows, RATE)
    found = found or faults.diverging(rows, RATE) or faults.dead_gradient(rows, RATE)
    return found or faults.not_learning(rows, RATE)


def of_rewards(rows: list[dict]) -> list[faults.Finding]:
    parts = [faults.constant_reward(rows), faults.lengths(rows, 64), faults.collapsing(rows)]
    return [finding for found, _ in parts for finding in found]


HEALTHY = {
    "falls": between(2.0, 1.0),
    "falls by a hundredth, steadily": between(2.0, 1.98),
    "falls at once": [6.5, 3.2, *[0.01] * 14],
    "known from the start": [0.01] * 16,
    "first step is easy": [1.2, 2.0, *between(1.9, 1.2, 14)],
}


@pytest.mark.parametrize("losses", HEALTHY.values(), ids=HEALTHY)
def test_a_loss_that_falls_is_not_a_fault(losses):
    assert not of_loss(log(loss=losses, grad_norm=1.0))


def test_noise_around_a_fall_is_not_a_fault_and_noise_alone_is():
    found = {0.0: 0, 0.4: 0}
    for seed in range(40):
        for fall in found:
            rng = random.Random(seed)
            losses = [2 - fall * i / N + rng.gauss(0, 0.05) for i in range(N)]
            found[fall] += bool(of_loss(log(loss=losses)))
    assert found[0.0] >= 36 and found[0.4] == 0


def test_a_short_log_is_not_judged():
    assert not of_loss(log(4, loss=2.0))


@pytest.mark.parametrize(
    "rows, name, words",
    [
        (log(loss=[2.0, math.nan, *[2.0] * 14]), faults.DIVERGED, "loss is nan at step 20"),
        (log(loss=1.0, eval_loss=math.inf), faults.DIVERGED, "validation loss is inf at step 10"),
        (
            log(loss=[2.0, *[0.0] * 15], grad_norm=[1.0, *[math.nan] * 15]),
            faults.DIVERGED,
            "15 of 16 logged steps, from step 20 on, with a logged loss of 0.0",
        ),
        (
            log(loss=[2.0, 1.5, 9.0, *[7.5] * 13]),
            faults.DIVERGED,
            "from 2 at step 10 to 9 at step 30 and ends at 7.5",
        ),
        (log(loss=between(1.0, 1.9)), faults.DIVERGED, "from 1 at step 10 to 1.9 at step 160"),
        (log(loss=2.0), faults.NO_LEARNING, "2 in the first quarter of the 16 logged steps"),
    ],
)
def test_a_loss_that_is_wrong_is_named_with_its_numbers(rows, name, words):
    (finding,) = of_loss(rows)
    assert finding.name == name and words in finding.says and RATE in finding.says


def test_gradients_of_float16_may_overflow_at_the_start():
    norms = [math.inf, math.nan, *[1.0] * 14]
    assert not of_loss(log(loss=between(2.0, 1.0), grad_norm=norms))


def test_the_row_that_sums_up_a_run_is_not_a_step():
    summary = {"step": 160, "loss": 99.0, "train_loss": 1.5, "train_runtime": 3.0}
    assert not of_loss([*log(loss=between(2.0, 1.0), train_runtime=1.0), summary])


def test_a_healthy_run_on_rewards_has_no_fault():
    assert not of_rewards(rewards())


ZERO = {"reward": 0.0, "reward_std": 0.0, "frac_reward_zero_std": 1.0}


@pytest.mark.parametrize(
    "columns, name, words",
    [
        (ZERO, faults.CONSTANT_REWARD, "The reward is 0 for all replies in all 16 logged steps"),
        (ZERO | {"reward": 1.0}, faults.CONSTANT_REWARD, "The reward is 1 for all replies"),
        (
            {"reward_std": 0.0},
            faults.CONSTANT_REWARD,
            "the same within each batch (0.2 to 0.7)",
        ),
        (
            {"frac_reward_zero_std": 0.96},
            faults.CONSTANT_REWARD,
            "In 96% of the prompts, over 16 logged steps",
        ),
        (
            {"completions__clipped_ratio": between(0.0, 0.8)},
            None,
            "",
        ),
        (
            {"completions__clipped_ratio": [*[0.1] * 8, *[0.97] * 8]},
            faults.REWARD_HACKING,
            "the limit of 64 tokens become more frequent (10% → 97%) while the reward rises",
        ),
        (
            {"completions__clipped_ratio": [*[0.1] * 8, *[0.97] * 8], "reward": 0.5},
            faults.END_TOKEN,
            "97% of the replies in the last logged steps run to the limit of 64 tokens",
        ),
        (
            {"completions__clipped_ratio": 1.0},
            faults.END_TOKEN,
            "100% of the replies",
        ),
        (
            {"completions__mean_length": between(20.0, 1.0)},
            None,
            "",
        ),
        (
            {"completions__mean_length": [*[20.0] * 8, *[1.0] * 8]},
            faults.REWARD_HACKING,
            "Replies shrink from 20 to 1 tokens while the reward rises",
        ),
        ({"completions__mean_length": 1.0}, None, ""),
        (
            {"entropy": [*[1.0] * 8, *[0.01] * 8]},
            faults.COLLAPSE,
            "The entropy falls from 1 to 0.01 nats per token",
        ),
        ({"entropy": [*[0.1] * 8, *[0.001] * 8]}, None, ""),
        (
            {"kl": [*[1.0] * 8, *[50.0] * 8]},
            faults.COLLAPSE,
            "from 1 to 50 nats, at least 2.5 per token",
        ),
    ],
)
def test_a_fault_of_a_run_on_rewards_is_named_with_its_numbers(columns, name, words):
    found = of_rewards(rewards(**columns))
    assert [finding.name for finding in found] == ([name] if name else [])
    assert not name or words in found[0].says


def test_what_a_log_lacks_is_listed_and_not_guessed():
    rows = log(reward=between(0.0, 1.0))
    parts = [faults.constant_reward(rows), faults.lengths(rows, 64), faults.collapsing(rows)]
    assert not any(found for found, _ in parts)
    lacking = " ".join(sentence for _, missing in parts for sentence in missing)
    assert all(word in lacking for word in ("reward_std", "completions", "entropy", "kl"))


def test_a_gradient_that_died_is_named_with_its_step():
    died = log(loss=[*between(9.0, 8.0)[:4], *[8.03] * 12], grad_norm=[2.0, *[0.0] * 15])
    (found,) = of_loss(died)
    assert found.name == faults.NO_LEARNING
    assert "The gradient is 0 from step" in found.says and "8.03" in found.says
    learned = log(loss=[6.5, 3.2, *[0.0] * 14], grad_norm=[2.0, 1.0, *[0.0] * 14])
    assert of_loss(learned) == []


@pytest.mark.parametrize("reward, fix", [(1.0, "can fail"), (0.0, "easier")])
def test_a_constant_reward_is_told_by_its_end(reward, fix):
    (found,), _ = faults.constant_reward(rewards(reward=reward, reward_std=0.0))
    assert fix in found.says
