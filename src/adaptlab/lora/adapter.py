"""LoRA from scratch: beside a frozen matrix W a correction of low rank, W + s * B @ A.

A is (r, d_in), B is (d_out, r) and starts at zero, so a fresh adapter changes nothing; s = alpha / r (Hu et al. 2021, section 4.1), or
alpha / sqrt(r), whose gradients keep their size as the rank grows (rank-stabilized LoRA, Kalajdzievski 2023).
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from adaptlab.errors import AdaptLabError

LINEAR = (nn.Linear, Conv1D)  # GPT-2's Conv1D is a linear layer that keeps its weight as (d_in, d_out)


def scale(alpha: float, rank: int, rank_stabilized: bool = False) -> float:
    """The factor before B @ A."""
    if rank < 1:
        raise AdaptLabError(f"A rank is a whole number from 1; this one is {rank}.")
    return alpha / (rank**0.5 if rank_stabilized else rank)


def delta_weight(a: Tensor, b: Tensor, factor: float) -> Tensor:
    """What the adapter adds to the weight, (d_out, d_in), from A (r, d_in) and B (d_out, r)."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1]:
        raise AdaptLabError(f"A has the shape {tuple(a.shape)} and B {tuple(b.shape)}; they must be (r, d_in) and (d_out, r).")
    return factor * b @ a


def shape(layer: nn.Module) -> tuple[int, int]:
    """(d_in, d_out) of a linear layer."""
    rows, columns = layer.weight.shape
    return (rows, columns) if isinstance(layer, Conv1D) else (columns, rows)


class LoRALinear(nn.Module):
    """A frozen linear layer with an adapter beside it. A is drawn as PEFT draws it (uniform, Kaiming with a = sqrt 5)."""

    def __init__(self, base: nn.Module, rank: int, alpha: float, rank_stabilized: bool = False, generator: torch.Generator | None = None):
        super().__init__()
        d_in, d_out = shape(base)
        self.base, self.factor, self.merged = base.requires_grad_(False), scale(alpha, rank, rank_stabilized), False
        bound = d_in**-0.5
        self.a = nn.Parameter((2 * torch.rand(rank, d_in, generator=generator) - 1).to(base.weight) * bound)
        self.b = nn.Parameter(base.weight.new_zeros(d_out, rank))

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) to (..., d_out)."""
        out = self.base(x)
        return out if self.merged else out + self.factor * (x @ self.a.T) @ self.b.T

    def delta(self) -> Tensor:
        """What the adapter adds to the weight, (d_out, d_in)."""
        return delta_weight(self.a, self.b, self.factor)

    @torch.no_grad()
    def merge(self) -> None:
        """Put the adapter into the weight: the layer then costs what it cost before."""
        if not self.merged:
            self._add(self.delta())
            self.merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Take the adapter out of the weight again, up to rounding."""
        if self.merged:
            self._add(-self.delta())
            self.merged = False

    def _add(self, delta: Tensor) -> None:
        self.base.weight += delta.T if isinstance(self.base, Conv1D) else delta


def targets(model: nn.Module, names: tuple[str, ...] | None = None) -> dict[str, nn.Module]:
    """The linear layers whose last name is one of `names`, by their full names; all but the output head if None, as PEFT's "all-linear"."""
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    linear = {name: module for name, module in model.named_modules() if isinstance(module, LINEAR) and module is not head}
    if names is None:
        return linear
    chosen = {name: module for name, module in linear.items() if name.rsplit(".", 1)[-1] in names}
    if missing := set(names) - {name.rsplit(".", 1)[-1] for name in chosen}:
        there = sorted({name.rsplit(".", 1)[-1] for name in linear})
        raise AdaptLabError(f"The model has no linear layer named {', '.join(sorted(missing))}; it has {', '.join(there)}.")
    return chosen


def inject(
    model: nn.Module, rank: int, alpha: float, names: tuple[str, ...] | None = None, rank_stabilized: bool = False, seed: int = 0
) -> dict[str, LoRALinear]:
    """Freeze the model and put an adapter beside each of its `targets`; returns the adapters by the names of their layers."""
    generator = torch.Generator().manual_seed(seed)
    chosen = targets(model, names)
    model.requires_grad_(False)
    adapters = {name: LoRALinear(layer, rank, alpha, rank_stabilized, generator) for name, layer in chosen.items()}
    for name, adapter in adapters.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, adapter)
    return adapters


def adapters(model: nn.Module) -> Iterator[LoRALinear]:
    """The adapters of a model."""
    return (module for module in model.modules() if isinstance(module, LoRALinear))


def trainable_fraction(model: nn.Module) -> float:
    """Share of the model's parameters that training changes."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, trained in sizes if trained) / sum(n for n, _ in sizes)
