"""Predicted peak memory of a training step against what a process takes: real shapes, random weights, AdamW, on the processor.

Each step runs in a process of its own, whose peak is read from the kernel, less what it held before the model was made.
Run: make bench
"""

import json
import multiprocessing
import resource
import sys

import psutil
import torch
from tqdm import tqdm
from transformers import AutoModelForCausalLM

from adaptlab.lora.accounting import architecture
from adaptlab.lora.adapter import inject
from adaptlab.lora.memory import PRECISIONS, Plan

CASES = [
    ("HuggingFaceTB/SmolLM2-135M", "full", "float32", 4, 256, False),
    ("HuggingFaceTB/SmolLM2-135M", "full", "mixed", 4, 256, False),
    ("HuggingFaceTB/SmolLM2-135M", "full", "float32", 4, 256, True),
    ("HuggingFaceTB/SmolLM2-135M", "lora", "float32", 4, 256, False),
    ("HuggingFaceTB/SmolLM2-135M", "lora", "bfloat16", 8, 256, False),
    ("openai-community/gpt2", "lora", "float32", 4, 256, False),
    ("openai-community/gpt2", "full", "float32", 2, 512, False),
    ("Qwen/Qwen2.5-0.5B", "lora", "bfloat16", 2, 256, False),
    ("Qwen/Qwen3-0.6B", "lora", "bfloat16", 2, 256, False),
    ("Qwen/Qwen3-0.6B", "full", "bfloat16", 2, 256, False),
    ("embedded:chat", "full", "float32", 32, 128, False),
    ("embedded:chat", "lora", "mixed", 32, 128, False),
]


def measure(case: tuple, pipe) -> None:
    """Two steps; the peak in bytes goes into the pipe."""
    name, method, precision, n_sequences, n_tokens, checkpointing = case
    before = psutil.Process().memory_info().rss
    model = AutoModelForCausalLM.from_config(architecture(name), dtype=PRECISIONS[precision]).train()
    if method == "lora":
        inject(model, 16, 16)
    if checkpointing:
        model.gradient_checkpointing_enable()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    ids = torch.randint(0, 1000, (n_sequences, n_tokens))
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "mixed"):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        del loss
        optimizer.step()
        optimizer.zero_grad()
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)


def main() -> None:
    context, rows = multiprocessing.get_context("spawn"), []
    for case in tqdm(CASES, desc="steps", unit="step"):
        name, method, precision, n_sequences, n_tokens, checkpointing = case
        predicted = Plan(architecture(name), method, n_tokens, precision=precision, checkpointing=checkpointing).memory(n_sequences).peak
        here, there = context.Pipe(duplex=False)
        child = context.Process(target=measure, args=(case, there))
        child.start()
        there.close()
        measured = here.recv()
        child.join()
        rows.append({"model": name, "method": method, "precision": precision, "sequences": n_sequences, "tokens": n_tokens, "checkpointing": checkpointing,
                     "predicted MiB": round(predicted / 2**20), "measured MiB": round(measured / 2**20), "ratio": round(predicted / measured, 3)})  # fmt: skip
    json.dump(rows, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
