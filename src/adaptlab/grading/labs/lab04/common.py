"""What several exercises of lab 04 draw or compute."""

import numpy as np
import torch


def sizes(rng: np.random.Generator) -> tuple[int, int, int]:
    """Three different sizes, (r, d_in, d_out), the rank the smallest."""
    r, d_in, d_out = int(rng.integers(2, 5)), *rng.choice(np.arange(5, 12), size=2, replace=False)
    return r, int(d_in), int(d_out)


def tensor(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Random numbers, float32."""
    return torch.from_numpy(rng.normal(size=shape).astype(np.float32))


def alphas(rng: np.random.Generator, r: int) -> float:
    """An alpha that is neither 1 nor the rank nor its root, so that every wrong scale shows."""
    return float(
        rng.choice([value for value in (5.0, 8.0, 12.0, 20.0, 32.0) if value not in (r, r * r)])
    )
