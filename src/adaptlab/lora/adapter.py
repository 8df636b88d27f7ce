"""LoRA from scratch: a frozen matrix W plus a correction of low rank, W + s * B @ A.

A is (r, d_in). B is (d_out, r) and starts at zero, so a new adapter changes nothing. The scale s is
alpha / r (Hu et al. 2021, section 4.1) or alpha / sqrt(r). With sqrt(r) gradients keep their size
as the rank grows (rank-stabilized LoRA, Kalajdzievski 2023).
"""

from collections.abc import Iterator, Sequence
from math import isfinite
from numbers import Real

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from adaptlab.checks import check_rank
from adaptlab.errors import AdaptLabError

# GPT-2's Conv1D is a linear layer that keeps its weight as (d_in, d_out).
LINEAR = (nn.Linear, Conv1D)


def scale(alpha: float, rank: int, rank_stabilized: bool = False) -> float:
    """Compute the factor s before B @ A; the module's docstring has the sources.

    Raises:
        AdaptLabError: if the rank is not a whole number from 1, or alpha is not finite.
    """
    check_rank(rank)
    if not isinstance(alpha, Real) or not isfinite(alpha):
        raise AdaptLabError(f"Alpha is {alpha}. Give a finite number, often twice the rank.")
    return alpha / (rank**0.5 if rank_stabilized else rank)


def delta_weight(a: Tensor, b: Tensor, factor: float) -> Tensor:
    """Compute the adapter's change of the weight, (d_out, d_in), from A (r, d_in) and B (d_out, r).

    Raises:
        AdaptLabError: if the shapes differ from these.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1]:
        raise AdaptLabError(
            f"A has the shape {tuple(a.shape)} and B {tuple(b.shape)}. Give A as (r, d_in)"
            " and B as (d_out, r)."
        )
    return factor * b @ a


def dimensions(layer: nn.Module) -> tuple[int, int]:
    """Return (d_in, d_out) of a linear layer."""
    rows, columns = layer.weight.shape
    return (rows, columns) if isinstance(layer, Conv1D) else (columns, rows)


class LoRALinear(nn.Module):
    """A frozen linear layer with an adapter, which is float32 even if the layer is in half
    precision.

    In half precision a small step would round to zero. A is initialized as in PEFT: Kaiming uniform
    with a = sqrt 5, which is uniform within d_in ** -0.5.
    """

    def __init__(
        self,
        base: nn.Module,
        rank: int,
        alpha: float,
        rank_stabilized: bool = False,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        if not isinstance(base, LINEAR):
            raise AdaptLabError(
                f"The layer is a {type(base).__name__}, not a linear layer. Give a linear layer."
            )
        d_in, d_out = dimensions(base)
        self.base = base.requires_grad_(False)
        self.factor = scale(alpha, rank, rank_stabilized)
        self.merged = False
        dtype = torch.promote_types(base.weight.dtype, torch.float32)
        device = base.weight.device
        draw = 2 * torch.rand(rank, d_in, generator=generator, dtype=dtype) - 1
        self.a = nn.Parameter(draw.to(device) * d_in**-0.5)
        self.b = nn.Parameter(torch.zeros(d_out, rank, dtype=dtype, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., d_in) to (..., d_out)."""
        out = self.base(x)
        return (
            out
            if self.merged
            else (out + x.to(self.a.dtype) @ self.a.T @ self.b.T * self.factor).to(out.dtype)
        )

    def delta(self) -> Tensor:
        """Compute the adapter's change of the weight, (d_out, d_in)."""
        return delta_weight(self.a, self.b, self.factor)

    @torch.no_grad()
    def merge(self) -> None:
        """Add the adapter to the weight, so that the layer costs as much as before.

        The saved state does not record the merge: unmerge before saving.
        """
        if not self.merged:
            self._add(self.delta())
            self.merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Subtract the adapter from the weight again, up to the rounding of the weight's
        precision.
        """
        if self.merged:
            self._add(-self.delta())
            self.merged = False

    def _add(self, delta: Tensor) -> None:
        self.base.weight += (delta.T if isinstance(self.base, Conv1D) else delta).to(
            self.base.weight.dtype
        )


def targets(model: nn.Module, names: Sequence[str] | None = None) -> dict[str, nn.Module]:
    """Return the linear layers whose last name is in `names`, by their full names.

    With None: all but the output head, as PEFT's "all-linear".

    Raises:
        AdaptLabError: if the model lacks one of the names.
    """
    if isinstance(names, str) or (names is not None and not names):
        raise AdaptLabError(
            f"The names of the layers are {names!r}. Give a list, as in ['q_proj', 'v_proj'],"
            " or None for all linear layers."
        )
    linear = {
        name: module
        for name, module in model.named_modules()
        if name and isinstance(module, LINEAR)
    }
    if names is None:
        head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
        return {name: module for name, module in linear.items() if module is not head}
    chosen = {name: module for name, module in linear.items() if name.rsplit(".", 1)[-1] in names}
    there = {name.rsplit(".", 1)[-1] for name in linear}
    if missing := set(names) - there:
        raise AdaptLabError(
            f"The model has no linear layer named {', '.join(sorted(missing))}. Choose from"
            f" {', '.join(sorted(there))}."
        )
    return chosen


def inject(
    model: nn.Module,
    rank: int,
    alpha: float,
    names: Sequence[str] | None = None,
    rank_stabilized: bool = False,
    seed: int = 0,
) -> dict[str, LoRALinear]:
    """Freeze the model and add an adapter to each of its `targets`; return the adapters by layer
    name.

    Raises:
        AdaptLabError: if the model already has adapters, or has no layer to adapt.
    """
    if any(adapters(model)):
        raise AdaptLabError("The model has adapters already. Start from a fresh copy.")
    generator = torch.Generator().manual_seed(seed)
    chosen = targets(model, names)
    if not chosen:
        raise AdaptLabError(
            f"A {type(model).__name__} has no linear layer to adapt. Choose another model."
        )
    model.requires_grad_(False)
    made = {
        name: LoRALinear(layer, rank, alpha, rank_stabilized, generator)
        for name, layer in chosen.items()
    }
    for name, adapter in made.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, adapter)
    return made


def adapters(model: nn.Module) -> Iterator[LoRALinear]:
    """Return the adapters of a model."""
    return (module for module in model.modules() if isinstance(module, LoRALinear))
