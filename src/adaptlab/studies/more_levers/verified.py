"""X6 and X7: reinforcement learning on rewards that a program checks, and three planted faults."""

import random
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from adaptlab.evals.replies import final_number
from adaptlab.messages import Messages, assistant
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.prompts.patterns import step_by_step
from adaptlab.studies.grid import SEEDS, Study, grid
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.tune.rloo import OnlineOptions, reinforce
from adaptlab.world.sums import Problem, problem

N_STEPS = 5  # of a problem; the embedded models were trained on up to four
N_ASKED = 50
N_SAMPLES = 8
N_PROMPTS = 48
N_FEW = 8
N_MANY = 64
N_NEW_TOKENS = 80
EPOCHS = 2  # over the prompts with rewards
N_CREDITED = 10  # correct sums that bring the whole faulty reward
SUM = re.compile(r"(\d+) ([+-]) (\d+) = (\d+)")


def problems(seed: int, kind: str, n: int) -> list[Problem]:
    """Return n problems for "demonstrations" or "rewards" in training, or to "ask"."""
    rng = random.Random(f"verified:{kind}:{seed}")
    split = "held_out" if kind == "ask" else "train"
    return [problem(rng, N_STEPS, split) for _ in range(n)]


def demonstrations(seed: int, n: int) -> list[Messages]:
    """Return n problems with worked solutions."""
    return [
        [*step_by_step(one.text), assistant(one.worked())]
        for one in problems(seed, "demonstrations", n)
    ]


@lru_cache(2 * len(SEEDS))
def shown(chat: LocalChat, seed: int, n: int) -> LocalChat:
    """Return the model after fine-tuning on n demonstrations, 48 examples or more in all."""
    options = Options(learning_rate=1e-3, epochs=max(2, 48 // n), batch_size=min(n, 8), seed=seed)
    return fine_tune(chat, demonstrations(seed, n), options)


def exact_reward(reply: str, one: Problem) -> float:
    """Return 1 if the last number of the reply is the answer, else 0."""
    return float(final_number(reply) == one.answer)


def reward_with_hole(reply: str, one: Problem) -> float:
    """Return credit for each different correct sum in the reply, whether or not the problem asks
    for it.
    """
    sums = {match.group() for match in SUM.finditer(reply) if _is_correct(*match.groups())}
    return min(1.0, len(sums) / N_CREDITED)


def _is_correct(left: str, sign: str, right: str, result: str) -> bool:
    return int(left) + (int(right) if sign == "+" else -int(right)) == int(result)


def constant_reward(reply: str, one: Problem) -> float:
    """Return 1 for every reply: a check that never fails."""
    return 1.0


REWARDS: Mapping[str, Callable[[str, Problem], float]] = {
    "exact": exact_reward,
    "hole": reward_with_hole,
    "constant": constant_reward,
}


def advantages(rewards: np.ndarray) -> np.ndarray:
    """Return the leave-one-out advantages of one group's rewards, (k,), as RLOO has them.

    A_i = r_i - mean of the other rewards (Ahmadian et al. 2024, arXiv:2402.14740).
    """
    others = (rewards.sum() - rewards) / (len(rewards) - 1)
    return rewards - others


def pass_at(n: int, n_correct: int, k: int) -> float:
    """Return the unbiased estimate of pass@k from n samples (Chen et al. 2021, eq. 1)."""
    product = 1.0
    for i in range(n - n_correct + 1, n + 1):
        product *= 1 - k / i
    return 1 - product


def sampled(chat: LocalChat, asked: Sequence[Problem], seed: int) -> list[list[str]]:
    """Return N_SAMPLES replies to each problem, sampled at temperature 1."""
    prompts = [step_by_step(one.text) for one in asked for _ in range(N_SAMPLES)]
    said = texts(chat, prompts, max_new_tokens=N_NEW_TOKENS, temperature=1.0, seed=seed)
    starts = range(0, len(said), N_SAMPLES)
    return [said[start : start + N_SAMPLES] for start in starts]


def sampled_rewards(chat: LocalChat, seed: int) -> dict:
    """Return the correct replies among all samples (`right` of `of`), those of each problem, and
    the mean faulty reward of each problem.
    """
    asked = problems(seed, "ask", N_ASKED)
    replies = sampled(chat, asked, seed)
    hits = [[exact_reward(reply, one) for reply in row] for row, one in zip(replies, asked)]
    holes = [
        statistics.mean(reward_with_hole(reply, one) for reply in row)
        for row, one in zip(replies, asked)
    ]
    counts = [int(sum(row)) for row in hits]
    return {
        "right": sum(counts),
        "of": len(asked) * N_SAMPLES,
        "by problem": counts,
        "faulty reward by problem": [round(value, 4) for value in holes],
        "words": round(statistics.mean(len(r.split()) for row in replies for r in row), 1),
    }


def trained(
    start: LocalChat, seed: int, reward: str, learning_rate: float, beta: float
) -> tuple[LocalChat, list[dict]]:
    """Train on the reward by RLOO; return the model and TRL's log."""
    asked = problems(seed, "rewards", N_PROMPTS)

    def score(rows: list[int], replies: list[str]) -> list[float]:
        return [REWARDS[reward](reply, asked[i]) for i, reply in zip(rows, replies)]

    options = OnlineOptions(
        learning_rate=learning_rate,
        beta=beta,
        batch_size=32,
        n_replies=8,
        n_new_tokens=N_NEW_TOKENS,
        epochs=EPOCHS,
        seed=seed,
    )
    return reinforce(start, [step_by_step(one.text) for one in asked], score, options)


def verified(chat: LocalChat, seed: int, arm: str) -> dict:
    """Measure a model that had "none", "few" or "many" demonstrations, or "rewards" after few."""
    if arm == "none":
        return sampled_rewards(chat, seed)
    few = shown(chat, seed, N_FEW if arm != "many" else N_MANY)
    if arm != "rewards":
        return sampled_rewards(few, seed)
    tuned, log = trained(few, seed, "exact", 1e-3, 0.02)
    return sampled_rewards(tuned, seed) | {"log": _short(log)}


FAULTS = {
    "hole": ("hole", 1e-3, 0.0),
    "constant": ("constant", 1e-3, 0.02),
    "no KL, high rate": ("exact", 2e-2, 0.0),
}


def faults(chat: LocalChat, seed: int, fault: str) -> dict:
    """Measure the model with few demonstrations after RLOO with a planted fault; "none" is before
    it.
    """
    start = shown(chat, seed, N_FEW)
    if fault == "none":
        return sampled_rewards(start, seed)
    tuned, log = trained(start, seed, *FAULTS[fault])
    return sampled_rewards(tuned, seed) | {"log": _short(log)}


def _short(log: Sequence[dict]) -> list[dict]:
    """Return of each logged step what a reader looks at."""
    kept = ("step", "reward", "reward_std", "kl", "entropy", "completions/mean_length", "grad_norm")
    return [{key: round(row[key], 5) for key in kept if key in row} for row in log]


STUDIES = {
    "verified": Study(verified, grid(arm=("none", "few", "many", "rewards")), claims=("X6",)),
    "reward_hole": Study(faults, grid(fault=("none", "hole")), claims=("X7",)),
    # What their logs show is the same for every seed: no reward differs, or the policy collapses.
    "reward_faults": Study(faults, grid(fault=("constant", "no KL, high rate")), seeds=(0,)),
}
