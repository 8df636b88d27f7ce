"""How low the rank of a matrix is, and what is lost by keeping less of it."""

import torch
from torch import Tensor

from adaptlab.errors import AdaptLabError


def singular_values(matrix: Tensor) -> Tensor:
    """All of them, falling, in float64."""
    return torch.linalg.svdvals(matrix.detach().double())


def best_error(matrix: Tensor, rank: int) -> float:
    """Relative error, in the Frobenius norm, of the best matrix of this rank: what the left-out singular values hold (Eckart and Young 1936)."""
    squares = singular_values(matrix) ** 2
    if not 0 <= rank <= len(squares):
        raise AdaptLabError(f"The rank of a matrix of shape {tuple(matrix.shape)} is from 0 to {len(squares)}, not {rank}.")
    return float((squares[rank:].sum() / squares.sum()).sqrt())


def effective_rank(matrix: Tensor) -> float:
    """exp of the entropy of the normalised singular values (Roy and Vetterli 2007): n for n equal ones, 1 for a single one."""
    values = singular_values(matrix)
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum().exp())


def with_spectrum(values: Tensor, n_rows: int, n_columns: int, generator: torch.Generator) -> Tensor:
    """A random matrix (n_rows, n_columns) with these singular values."""
    left, right = (torch.linalg.qr(torch.randn(n, len(values), generator=generator, dtype=torch.float64)).Q for n in (n_rows, n_columns))
    return left * values.double() @ right.T
