"""The number format of the arithmetic: bfloat16 where the machine is good at it."""

from functools import cache

import torch

from adaptlab.models.chat import timed


@cache
def fast_dtype(device: str) -> torch.dtype:
    """bfloat16 on a GPU, or if a matrix product in it is faster on this processor than in float32; else float32."""
    if device.startswith("cuda"):
        return torch.bfloat16

    def seconds(dtype: torch.dtype) -> float:
        a = torch.randn(2048, 512).to(dtype)
        a @ a.T
        return min(timed(lambda: a @ a.T)[1] for _ in range(5))  # the least: whatever else runs can only add to it

    return torch.bfloat16 if seconds(torch.bfloat16) < 0.8 * seconds(torch.float32) else torch.float32
