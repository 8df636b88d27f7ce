"""Batched generation compared with its named peer: `transformers` generate, one prompt at a time.

Both run in this process, in alternation, on the same prompts, so that noise of the machine affects
both equally; the result is their ratio, for the embedded chat model and for SmolLM2-135M-Instruct,
in float32 and, where the processor computes in it, in bfloat16. *Reading* is the part of the time
that goes to the prompt: the time with one new token over the time with all. A batch saves little
of it, since the processor is busy with one prompt already.

Run: make bench
"""

import random
import statistics
import time
from collections.abc import Callable

import torch
from results_file import keep, spread
from tqdm.auto import tqdm

from adaptlab.errors import AdaptLabError
from adaptlab.models.local import LocalChat
from adaptlab.models.precision import number_format
from adaptlab.world.reading import reading_case

# Of a round, by model; the larger model takes longer.
N_PROMPTS = {"embedded:chat": 96, "gguf:smollm2": 16}
MAX_NEW_TOKENS = 12
ROUNDS = 5


def one_at_a_time(chat: LocalChat, prompts: list[str], n_new: int = MAX_NEW_TOKENS) -> list[str]:
    """The peer: greedy `model.generate`, one call for each prompt."""
    texts = []
    for prompt in prompts:
        inputs = chat.tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        output = chat.model.generate(
            inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=n_new,
            do_sample=False,
            pad_token_id=chat.tokenizer.pad_token_id,
        )
        new = output[0, inputs["input_ids"].shape[1] :]
        texts.append(chat.tokenizer.decode(new, skip_special_tokens=True).strip())
    return texts


def batched(chat: LocalChat, prompts: list[str], n_new: int = MAX_NEW_TOKENS) -> list[str]:
    return [reply.text for reply in chat.complete(prompts, max_new_tokens=n_new)]


SIDES: dict[str, Callable] = {"one at a time": one_at_a_time, "batched": batched}


def seconds(call: Callable, *given: object) -> float:
    began = time.perf_counter()
    call(*given)
    return time.perf_counter() - began


def measure(name: str, dtype: str) -> dict:
    """Return prompts a second of both sides, their ratio, and what part of the time is reading."""
    chat = LocalChat(name, dtype=dtype)
    rng = random.Random(0)
    n = N_PROMPTS[name]
    prompts = [chat.render(list(reading_case(rng, group="new").messages)) for _ in range(n)]
    with torch.inference_mode():
        same = sum(a == b for a, b in zip(*(side(chat, prompts) for side in SIDES.values())))
        rounds = []
        for number in tqdm(range(ROUNDS), desc=f"{name}, {dtype}", unit="round"):
            order = list(SIDES) if number % 2 else list(reversed(SIDES))
            rounds.append({side: seconds(SIDES[side], chat, prompts) for side in order})
        reading = {side: seconds(SIDES[side], chat, prompts, 1) for side in SIDES}
    median = {side: statistics.median(found[side] for found in rounds) for side in SIDES}
    report: dict = {"prompts": n, "same answers": f"{same} of {n}"}
    for side in SIDES:
        report[f"prompts a second, {side}"] = round(n / median[side], 1)
        report[f"reading, {side}"] = f"{reading[side] / median[side]:.0%} of the time"
    ratios = [found["one at a time"] / found["batched"] for found in rounds]
    return report | spread("times faster", ratios)


def main() -> None:
    formats = ["float32", *(["bfloat16"] if number_format("cpu").is_bfloat16 else [])]
    report: dict = {"threads": torch.get_num_threads(), "rounds": ROUNDS}
    for name in N_PROMPTS:
        for dtype in formats:
            try:
                report[f"{name}, {dtype}"] = measure(name, dtype)
            except AdaptLabError as error:  # SmolLM2 is not on this machine
                report[name] = str(error)
    keep("generation", report)


if __name__ == "__main__":
    main()
