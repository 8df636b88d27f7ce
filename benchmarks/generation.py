"""Batched generation of the embedded chat model compared with its named peer: `transformers`
generate, one prompt at a time.

Both run in this process, in alternation, on the same prompts, so that noise of the machine affects
both equally; the result is their ratio.

Run: make bench
"""

import random
import statistics
import time

import torch
from results_file import keep, spread

from adaptlab.models.local import LocalChat
from adaptlab.world.reading import reading_case

N_PROMPTS = 96
MAX_NEW_TOKENS = 12
ROUNDS = 5


def one_at_a_time(chat: LocalChat, prompts: list[str]) -> list[str]:
    """The peer: greedy `model.generate`, one call for each prompt."""
    texts = []
    for prompt in prompts:
        inputs = chat.tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        output = chat.model.generate(
            inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            pad_token_id=chat.tokenizer.pad_token_id,
        )
        texts.append(
            chat.tokenizer.decode(
                output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True
            ).strip()
        )
    return texts


def seconds(call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    began = time.perf_counter()
    chat = LocalChat("embedded:chat")
    load_seconds = time.perf_counter() - began
    rng = random.Random(0)
    conversations = [list(reading_case(rng, group="new").messages) for _ in range(N_PROMPTS)]
    prompts = [chat.render(messages) for messages in conversations]

    def batched(n: int) -> list[str]:
        return [
            reply.text for reply in chat.batch(conversations[:n], max_new_tokens=MAX_NEW_TOKENS)
        ]

    with torch.inference_mode():
        same = one_at_a_time(chat, prompts[:16]) == batched(16)
        rounds = [
            (seconds(lambda: one_at_a_time(chat, prompts)), seconds(lambda: batched(N_PROMPTS)))
            for _ in range(ROUNDS)
        ]
    report = {
        "threads": torch.get_num_threads(),
        "prompts": N_PROMPTS,
        "rounds": ROUNDS,
        "same answers": same,
        "load seconds": round(load_seconds, 2),
        "prompts per second, batched": round(
            N_PROMPTS / statistics.median(b for _, b in rounds), 1
        ),
        "prompts per second, one at a time": round(
            N_PROMPTS / statistics.median(s for s, _ in rounds), 1
        ),
    }
    keep(
        "generation", report | spread("times faster", [single / batch for single, batch in rounds])
    )


if __name__ == "__main__":
    main()
