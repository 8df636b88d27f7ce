"""Before training: its memory and time, and the batch that fits on this machine."""

from adaptlab.lora.accounting import architecture
from adaptlab.lora.memory import Plan

# Of the free memory, what a step's tensors may take. On a processor the C library's heap keeps
# holes between them, as much as half their size again.
SHARE = {"cuda": 0.9, "cpu": 0.6}


def _machine() -> tuple[str, str, int]:
    """Return the device of a training run (torch's device and its name) and its free bytes."""
    import psutil
    import torch

    if torch.cuda.is_available():
        return "cuda", torch.cuda.get_device_name(), torch.cuda.mem_get_info()[0]
    return "cpu", "the processor", psutil.virtual_memory().available


def report(
    model_id: str,
    method: str,
    n_sequences: int | None,
    n_tokens: int,
    rank: int = 16,
    precision: str = "",
    checkpointing: bool = False,
) -> str:
    """Report the memory of a step by its parts, the largest batch that fits here, and the time of
    its arithmetic.
    """
    from adaptlab.doctor import matmul_gigaflops
    from adaptlab.models.precision import number_format

    device, place, free = _machine()
    if method != "qlora" and not number_format(device).is_bfloat16:
        precision = precision or "float32"  # as `adaptlab tune` trains on such a processor
    plan = Plan(architecture(model_id), method, n_tokens, rank, precision, checkpointing)
    if device == "cpu" and method == "qlora":
        place += " (for the figures: 4-bit layers need a GPU)"
    room = SHARE[device] * free
    largest = plan.largest_batch(room)
    n_sequences = n_sequences or largest or 1
    memory = plan.memory(n_sequences)
    gib = {name.capitalize(): n_bytes / 2**30 for name, n_bytes in vars(memory).items()}
    gigaflops = matmul_gigaflops(
        "float32" if plan.precision == "float32" else "bfloat16",
        size=1024 if device == "cpu" else 8192,
        device=device,
    )
    seconds = plan.operations(n_sequences) / gigaflops / 1e9
    checkpoints = ", checkpointing" if checkpointing else ""
    lines = [
        (
            f"{model_id}, {method} ({plan.precision}{checkpoints}), {n_sequences} sequences of"
            f" {n_tokens} tokens: {plan.n_trained:,} parameters trained"
        ),
        *(f"  {name:<12} {size:8.2f} GiB" for name, size in gib.items()),
        (
            f"  {'Peak':<12} {memory.peak / 2**30:8.2f} GiB, for which {room / 2**30:.2f} of"
            f" {free / 2**30:.2f} free on {place} may be used"
        ),
    ]
    if memory.peak > room:
        advice = "no batch does" if not largest else f"{largest} sequences do"
        lines.append(
            f"This does not fit in memory; {advice}. To save memory, use fewer tokens,"
            " --checkpointing, lora or qlora instead of full, or a smaller model."
        )
    else:
        lines.append(
            f"The largest batch that fits is {largest} sequences. A step takes at least"
            f" {seconds:.2g} s: its arithmetic at {gigaflops:.0f} GFLOP/s."
        )
    return "\n".join(lines)
