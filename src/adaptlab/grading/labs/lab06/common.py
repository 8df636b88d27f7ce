"""What several exercises of lab 06 draw or compute."""

import numpy as np
import torch


def tensor(values) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32)


def softplus(z: torch.Tensor) -> torch.Tensor:
    """-log(logistic(-z)), for any z."""
    return torch.nn.functional.softplus(z)


def reply_logps(rng: np.random.Generator, n: int, scale: float = 8.0) -> list[torch.Tensor]:
    """Four lists of log-probabilities in quarters, so that sums and differences are exact: chosen,
    rejected, and the same under the reference.
    """
    before = -rng.integers(4, 120, size=(2, n)) / 4
    now = np.minimum(before + np.round(rng.normal(size=(2, n)) * scale) / 4, -0.25)
    return [tensor(row) for row in (*now, *before)]


def average(values) -> float:
    return sum(values) / len(values)
