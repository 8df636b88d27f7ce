"""Lab 04, shrink: what is right, and what wrong answers believe."""

import numpy as np
import torch

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab04.common import alphas, sizes, tensor
from adaptlab.grading.probes.lab04 import adapter_product


class shrink(Exercise):
    """The adapter of a lower rank that is nearest to a given one, with the same alpha."""

    probe = adapter_product
    # Singular vectors in float32 carry an error of some 1e-6 of the largest value; the
    # misconceptions are off by tenths.
    rtol = 1e-3
    atol = 1e-3

    @staticmethod
    def draw(rng):
        _, d_in, d_out = sizes(rng)
        r = int(rng.integers(4, 6))
        return tensor(rng, r, d_in), tensor(rng, d_out, r), alphas(rng, r), int(rng.integers(1, r))

    @staticmethod
    def edges():
        rng = np.random.default_rng(1)
        return [(tensor(rng, 3, 7), tensor(rng, 5, 3), 12.0, 3)]

    @staticmethod
    def factors(a, b, rank):
        u, s, v = torch.linalg.svd(b @ a, full_matrices=False)
        return v[:rank], u[:, :rank] * s[:rank]

    @staticmethod
    def right(a, b, alpha, rank):
        small_a, small_b = shrink.factors(a, b, rank)
        return small_a, small_b * rank / len(a)

    @staticmethod
    @wrong(
        "The matrices are the right ones, but not the scale: with a lower rank alpha / r grows, and"
        " B (or A) has to make up for it."
    )
    def scale_forgotten(a, b, alpha, rank):
        return shrink.factors(a, b, rank)

    @staticmethod
    @wrong(
        "You made up for the scale the wrong way round: alpha / r grows when r falls, so the factor"
        " is new rank / old rank."
    )
    def scale_reversed(a, b, alpha, rank):
        small_a, small_b = shrink.factors(a, b, rank)
        return small_a, small_b * len(a) / rank

    @staticmethod
    @wrong(
        "You kept the first rows of A and columns of B. They are in no order; the singular value"
        " decomposition of B A says what matters."
    )
    def first_rows(a, b, alpha, rank):
        return a[:rank], b[:, :rank] * rank / len(a)

    @staticmethod
    @wrong("You kept the smallest singular values. The largest hold the most of B A.")
    def smallest(a, b, alpha, rank):
        u, s, v = torch.linalg.svd(b @ a, full_matrices=False)
        last = slice(len(a) - rank, len(a))
        return v[last], u[:, last] * s[last] * rank / len(a)

    @staticmethod
    @wrong(
        "The singular values are in A and in B, so twice in the product. Put them into one, or"
        " their roots into both."
    )
    def values_twice(a, b, alpha, rank):
        u, s, v = torch.linalg.svd(b @ a, full_matrices=False)
        return s[:rank, None] * v[:rank], u[:, :rank] * s[:rank] * rank / len(a)

    @staticmethod
    @wrong("The singular values are missing: u @ v alone gives every direction the same weight.")
    def values_missing(a, b, alpha, rank):
        u, _, v = torch.linalg.svd(b @ a, full_matrices=False)
        return v[:rank], u[:, :rank] * rank / len(a)

    @staticmethod
    @wrong("You decomposed A and B each for itself. What is to be near is their product.")
    def apart(a, b, alpha, rank):
        ua, sa, va = torch.linalg.svd(a, full_matrices=False)
        ub, sb, vb = torch.linalg.svd(b, full_matrices=False)
        core = (sb[:rank, None] * vb[:rank]) @ (ua[:, :rank] * sa[:rank])
        return core @ va[:rank], ub[:, :rank] * rank / len(a)
