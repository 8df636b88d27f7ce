"""The base suite compared with its named peer: `transformers` generate, one reply at a time.

The suite's own way is one forward pass over the gold answer, in batches; only other replies are
generated. Seconds are those of the whole suite of the embedded chat model, with 500 cases of each
skill. The peer generates the replies to a sample of the same cases, and its time is scaled to all.

Run: python benchmarks/suite.py
"""

import tempfile
import time
from pathlib import Path

import torch
from generation import one_at_a_time
from results_file import keep, spread
from tqdm.auto import tqdm

from adaptlab.evals.suite import N_CASES, SEED, SKILLS, run_suite, skill_cases
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import number_format

ROUNDS = 3
N_SAMPLED = 20  # cases of each skill that the peer answers in a round


def whole_suite(chat: LocalChat) -> float:
    """Return the seconds of the suite, without a result of an earlier run."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run_suite(chat, N_CASES, SEED, Path(folder))
        return time.perf_counter() - began


def by_generate(chat: LocalChat) -> float:
    """Return the seconds of the peer, scaled to all cases of the six skills."""
    total = 0.0
    for skill in SKILLS:
        cases = skill_cases(skill, N_SAMPLED, SEED)
        prompts = [chat.render(list(case.messages)) for case in cases]
        began = time.perf_counter()
        with torch.inference_mode():
            one_at_a_time(chat, prompts, skill.max_new_tokens)
        total += (time.perf_counter() - began) * N_CASES / N_SAMPLED
    return total


def measure(dtype: str) -> dict:
    chat = LocalChat("embedded:chat", dtype=dtype)
    whole_suite(chat)  # the first run is slower
    rounds = []
    for number in tqdm(range(ROUNDS), desc=dtype, unit="round"):
        sides = [("suite", whole_suite), ("peer", by_generate)]
        found = {}
        for name, side in sides if number % 2 else reversed(sides):
            found[name] = side(chat)
        rounds.append(found)
    return {
        "seconds": spread("seconds", [found["suite"] for found in rounds]),
        "generate, one at a time": spread(
            "times as long", [found["peer"] / found["suite"] for found in rounds]
        ),
    }


def main() -> None:
    formats = ["float32", *(["bfloat16"] if number_format("cpu").is_bfloat16 else [])]
    report: dict = {"cases of each skill": N_CASES, "rounds": ROUNDS}
    report |= {dtype: measure(dtype) for dtype in formats}
    keep("suite", report)


if __name__ == "__main__":
    main()
