"""The rank of a matrix, and the error of a low-rank approximation."""

import torch
from torch import Tensor

from adaptlab.errors import AdaptLabError


def singular_values(matrix: Tensor) -> Tensor:
    """Compute all singular values, in descending order, in float64.

    Raises:
        AdaptLabError: if the input is not a matrix of finite numbers.
    """
    if matrix.ndim != 2 or not torch.isfinite(matrix).all():
        raise AdaptLabError(
            f"The matrix has the shape {tuple(matrix.shape)}, is empty, or has NaN or"
            " infinity. Give a matrix of finite numbers."
        )
    return torch.linalg.svdvals(matrix.detach().double())


def best_error(matrix: Tensor, rank: int) -> float:
    """Compute the relative error, in the Frobenius norm, of the best matrix of this rank.

    It is the share of the left-out singular values (Eckart and Young 1936); 0 for a matrix of
    zeros.

    Raises:
        AdaptLabError: if the matrix cannot have this rank.
    """
    squares = singular_values(matrix) ** 2
    if not 0 <= rank <= len(squares):
        raise AdaptLabError(
            f"The rank is {rank} for a matrix of shape {tuple(matrix.shape)}. Give a rank"
            f" from 0 to {len(squares)}."
        )
    return float(
        (squares[rank:].sum() / squares.sum().clamp_min(torch.finfo(torch.float64).tiny)).sqrt()
    )


def effective_rank(matrix: Tensor) -> float:
    """Compute exp of the entropy of the normalised singular values (Roy and Vetterli 2007).

    It is n for n equal values, 1 for a single value, 0 for a matrix of zeros.
    """
    values = singular_values(matrix)
    if not values.any():
        return 0.0
    return float(torch.special.entr(values / values.sum()).sum().exp())


def with_spectrum(
    values: Tensor, n_rows: int, n_columns: int, generator: torch.Generator
) -> Tensor:
    """Make a random matrix (n_rows, n_columns) with these singular values.

    Raises:
        AdaptLabError: if there are more values than the shorter side.
    """
    if len(values) > min(n_rows, n_columns):
        raise AdaptLabError(
            f"A matrix of shape {(n_rows, n_columns)} has {min(n_rows, n_columns)} singular"
            f" values, not {len(values)}. Give as many values, or fewer."
        )
    left, right = (
        torch.linalg.qr(torch.randn(n, len(values), generator=generator, dtype=torch.float64)).Q
        for n in (n_rows, n_columns)
    )
    return left * values.double() @ right.T
