"""Predicted peak memory of a training step compared with the measured one: real shapes, random
weights, AdamW, on the CPU.

Each step runs twice in its own process. The kernel reports its peak memory; the memory after a
first small step is subtracted. One run gives each tensor its own pages, which are freed at once, as
the prediction assumes. The other uses the C library's heap, which keeps holes between tensors.

Run: make bench
"""

import gc
import multiprocessing
import os
import resource
from typing import NamedTuple

import psutil
import torch
from results_file import keep
from tqdm import tqdm
from transformers import AutoModelForCausalLM

from adaptlab.lora.accounting import architecture
from adaptlab.lora.adapter import inject
from adaptlab.lora.memory import PRECISIONS, Plan
from adaptlab.models.precision import number_format


class Step(NamedTuple):
    """The model, the method and the batch of a training step."""

    model: str
    method: str
    precision: str
    sequences: int
    tokens: int
    checkpointing: bool = False


SMOL = "HuggingFaceTB/SmolLM2-135M"
GPT2 = "openai-community/gpt2"
STEPS = [
    *(Step(SMOL, "full", precision, 4, 256) for precision in ("float32", "mixed")),
    Step(SMOL, "full", "float32", 4, 256, checkpointing=True),
    Step(SMOL, "lora", "float32", 4, 256),
    Step(SMOL, "lora", "bfloat16", 8, 256),
    Step(GPT2, "lora", "float32", 4, 256),
    Step(GPT2, "full", "float32", 2, 512),
    *(
        Step(model, "lora", "bfloat16", 2, 256)
        for model in ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen3-0.6B")
    ),
    Step("Qwen/Qwen3-0.6B", "full", "bfloat16", 2, 256),
    Step("embedded:chat", "full", "float32", 32, 128),
    Step("embedded:chat", "lora", "mixed", 32, 128),
]


def train(step: Step) -> None:
    """Run two steps."""
    model = AutoModelForCausalLM.from_config(
        architecture(step.model), dtype=PRECISIONS[step.precision]
    ).train()
    if step.method == "lora":
        inject(model, 16, 16)
    if step.checkpointing:
        model.gradient_checkpointing_enable()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    ids = torch.randint(0, 1000, (step.sequences, step.tokens))
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16, enabled=step.precision == "mixed"):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        del loss
        optimizer.step()
        optimizer.zero_grad()


def measure(step: Step, pipe) -> None:
    """Send the peak memory of two steps, in bytes, through the pipe."""
    # The code that a first step loads does not count as memory of a step.
    train(step._replace(model="embedded:chat", sequences=1, tokens=8))
    gc.collect()
    before = psutil.Process().memory_info().rss
    train(step)
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)


def peak(context, step: Step, settings: dict[str, str]) -> int:
    """Return the peak bytes of the step, in a process with these environment variables."""
    os.environ.update(settings)
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=measure, args=(step, there))
    child.start()
    there.close()
    measured = here.recv()
    child.join()
    for name in settings:
        del os.environ[name]
    return measured


def on_this_machine(step: Step) -> Step:
    """Return the step in float32 if this machine emulates bfloat16, in which a step takes an hour;
    the row says so.
    """
    return step if number_format("cpu").is_bfloat16 else step._replace(precision="float32")


def main() -> None:
    context = multiprocessing.get_context("spawn")
    report = {}
    for step in tqdm(list(dict.fromkeys(map(on_this_machine, STEPS))), desc="steps", unit="step"):
        plan = Plan(
            architecture(step.model),
            step.method,
            step.tokens,
            precision=step.precision,
            checkpointing=step.checkpointing,
        )
        predicted = plan.memory(step.sequences).peak
        tensors, heap = (
            peak(context, step, settings) for settings in ({"MALLOC_MMAP_THRESHOLD_": "65536"}, {})
        )
        sizes = {
            "predicted MiB": predicted // 2**20,
            "tensors MiB": tensors // 2**20,
            "with holes MiB": heap // 2**20,
        }
        ratios = {
            "predicted / tensors": round(predicted / tensors, 3),
            "with holes / tensors": round(heap / tensors, 3),
        }
        checkpointing = ", checkpointing" if step.checkpointing else ""
        report[
            f"{step.model}, {step.method}, {step.precision}, {step.sequences} × {step.tokens}"
            f" tokens{checkpointing}"
        ] = sizes | ratios
    keep("memory", report)


if __name__ == "__main__":
    main()
