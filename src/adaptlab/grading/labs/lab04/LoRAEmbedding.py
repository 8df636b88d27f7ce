"""Lab 04, LoRAEmbedding: what is right, and what wrong answers believe."""

import torch

from adaptlab.grading.exercise import Exercise, symptom, wrong
from adaptlab.grading.labs.lab04.common import alphas, sizes, tensor
from adaptlab.grading.probes.lab04 import embedding_adapter


class Adapted(torch.nn.Module):
    """An embedding with an adapter; what the misconceptions change are its methods."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.factor = alpha / rank
        n, width = base.weight.shape
        self.a = torch.nn.Parameter(self.start(rank, n))
        self.b = torch.nn.Parameter(torch.zeros(width, rank))

    def start(self, *shape):
        return torch.randn(*shape)

    def forward(self, ids):
        return self.base(ids) + self.factor * self.a.T[ids] @ self.b.T


class LoRAEmbedding(Exercise):
    """A frozen embedding with an adapter: row i of the table plus alpha / r · A[:, i] Bᵀ."""

    probe = embedding_adapter
    right = Adapted
    n_draws = 10

    @staticmethod
    def draw(rng):
        r, n, width = sizes(rng)
        ids = torch.from_numpy(rng.integers(0, n, size=(2, 3)))
        return tensor(rng, n, width), ids, alphas(rng, r), tensor(rng, r, n), tensor(rng, width, r)

    @staticmethod
    @symptom(
        "Fresh, the layer does not give what the base gives: B has to start at zero, so that an"
        " adapter changes nothing before it has learned."
    )
    def b_not_zero(expected, got):
        return LoRAEmbedding.same({**expected, "fresh": 0}, {**got, "fresh": 0})

    @wrong(
        "A starts at zero as well as B. Then neither gets a gradient, and the adapter never learns:"
        " A has to be random."
    )
    class both_zero(Adapted):
        def start(self, *shape):
            return torch.zeros(*shape)

    @wrong(
        "The base learns, too. Freeze its weight (requires_grad_(False)); else this is full"
        " training with an ornament."
    )
    class base_learns(Adapted):
        def __init__(self, base, rank, alpha):
            super().__init__(base, rank, alpha)
            base.requires_grad_(True)

    @wrong("The scale alpha / r is missing.")
    class unscaled(Adapted):
        def __init__(self, base, rank, alpha):
            super().__init__(base, rank, alpha)
            self.factor = 1

    @wrong("You scale by alpha alone; it is alpha / r.")
    class alpha_alone(Adapted):
        def __init__(self, base, rank, alpha):
            super().__init__(base, rank, alpha)
            self.factor = alpha

    @wrong("The layer gives the adapter alone; it has to be added to the base's row.")
    class adapter_alone(Adapted):
        def forward(self, ids):
            return super().forward(ids) - self.base(ids)

    @wrong(
        "The adapter's part carries no gradient: do not detach A or B, and do not compute with"
        " .data."
    )
    class detached(Adapted):
        def forward(self, ids):
            return super().forward(ids).detach()
