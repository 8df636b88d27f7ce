"""How low the rank of a matrix is, and what is lost by keeping less of it."""

import torch
from torch import Tensor

from adaptlab.errors import AdaptLabError


def singular_values(matrix: Tensor) -> Tensor:
    """All of them, falling, in float64; what is no matrix of numbers is an AdaptLabError."""
    if matrix.ndim != 2 or not torch.isfinite(matrix).all():
        raise AdaptLabError(
            "Singular values are those of a matrix of finite numbers; this has the shape"
            f" {tuple(matrix.shape)} or holds none."
        )
    return torch.linalg.svdvals(matrix.detach().double())


def best_error(matrix: Tensor, rank: int) -> float:
    """Relative error, in the Frobenius norm, of the best matrix of this rank: what the left-out
    singular values hold (Eckart and Young 1936).

    0 for a matrix of zeros; a rank that the matrix cannot have is an AdaptLabError.
    """
    squares = singular_values(matrix) ** 2
    if not 0 <= rank <= len(squares):
        raise AdaptLabError(
            f"The rank of a matrix of shape {tuple(matrix.shape)} is from 0 to {len(squares)}, not"
            f" {rank}."
        )
    return float(
        (squares[rank:].sum() / squares.sum().clamp_min(torch.finfo(torch.float64).tiny)).sqrt()
    )


def effective_rank(matrix: Tensor) -> float:
    """exp of the entropy of the normalised singular values (Roy and Vetterli 2007): n for n equal
    ones, 1 for a single one, 0 for a matrix of zeros.
    """
    values = singular_values(matrix)
    if not values.any():
        return 0.0
    return float(torch.special.entr(values / values.sum()).sum().exp())


def with_spectrum(
    values: Tensor, n_rows: int, n_columns: int, generator: torch.Generator
) -> Tensor:
    """A random matrix (n_rows, n_columns) with these singular values, at most as many as its
    shorter side (else an AdaptLabError).
    """
    if len(values) > min(n_rows, n_columns):
        raise AdaptLabError(
            f"A matrix of shape {(n_rows, n_columns)} has {min(n_rows, n_columns)} singular values,"
            f" not {len(values)}."
        )
    left, right = (
        torch.linalg.qr(torch.randn(n, len(values), generator=generator, dtype=torch.float64)).Q
        for n in (n_rows, n_columns)
    )
    return left * values.double() @ right.T
