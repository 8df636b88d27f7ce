"""Lab 04, merge_adapters: what is right, and what wrong answers believe."""

import numpy as np
import torch

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab04.common import alphas, sizes, tensor
from adaptlab.grading.probes import lab04 as probes


class merge_adapters(Exercise):
    """W + Σ c · alpha / r · B A over several adapters of different ranks, as a new tensor."""

    probe = probes.merged

    @staticmethod
    def draw(rng):
        _, d_in, d_out = sizes(rng)
        ranks = rng.permutation([2, 3, 4])[: rng.integers(2, 4)]
        made = [
            {"a": tensor(rng, r, d_in), "b": tensor(rng, d_out, r), "alpha": alphas(rng, r)}
            for r in map(int, ranks)
        ]
        return (
            tensor(rng, d_out, d_in),
            made,
            [float(c) for c in rng.choice([-1.0, 0.25, 0.5, 2.0], size=len(made), replace=False)],
        )

    @staticmethod
    def edges():
        rng = np.random.default_rng(0)
        return [(tensor(rng, 5, 7), [], [])]

    @staticmethod
    def right(weight, adapters, coefficients):
        return weight + sum(
            (
                c * one["alpha"] / len(one["a"]) * one["b"] @ one["a"]
                for one, c in zip(adapters, coefficients)
            ),
            torch.zeros_like(weight),
        )

    @staticmethod
    @wrong(
        "Your result is the weight that came in, changed in place: whoever merges twice, or wants"
        " the base back, has lost it. Make a new tensor."
    )
    def in_place(weight, adapters, coefficients):
        for one, c in zip(adapters, coefficients):
            weight += c * one["alpha"] / len(one["a"]) * one["b"] @ one["a"]
        return weight

    @staticmethod
    @wrong(
        "Each adapter has its own alpha and rank, so its own scale alpha / r; you left the scales"
        " out."
    )
    def unscaled(weight, adapters, coefficients):
        return weight + sum(
            (c * one["b"] @ one["a"] for one, c in zip(adapters, coefficients)),
            torch.zeros_like(weight),
        )

    @staticmethod
    @wrong(
        "You left the coefficients out: they say how much of each adapter goes in, and one that is"
        " negative takes a skill away."
    )
    def no_coefficients(weight, adapters, coefficients):
        return merge_adapters.right(weight, adapters, [1.0] * len(adapters))

    @staticmethod
    @wrong(
        "You normalised the coefficients to a sum of one. They are not a mean's weights; two"
        " adapters at 1 are both there in full."
    )
    def normalised(weight, adapters, coefficients):
        return merge_adapters.right(weight, adapters, [c / sum(coefficients) for c in coefficients])

    @staticmethod
    @wrong(
        "Only the last adapter is in the result. Add to what you have, not to the weight that"
        " came in."
    )
    def last_alone(weight, adapters, coefficients):
        return merge_adapters.right(weight, adapters[-1:], coefficients[-1:])

    @staticmethod
    @wrong("You used the first adapter's scale for all of them. Each has its own alpha and rank.")
    def one_scale(weight, adapters, coefficients):
        scale = adapters[0]["alpha"] / len(adapters[0]["a"]) if adapters else 0
        return weight + sum(
            (c * scale * one["b"] @ one["a"] for one, c in zip(adapters, coefficients)),
            torch.zeros_like(weight),
        )

    @staticmethod
    @wrong("The frozen weight is missing from the result: merging adds to it.")
    def no_weight(weight, adapters, coefficients):
        return merge_adapters.right(torch.zeros_like(weight), adapters, coefficients)

    @staticmethod
    @wrong(
        "You summed the A and the B before multiplying. (B₁ + B₂)(A₁ + A₂) is not B₁A₁ + B₂A₂; and"
        " ranks differ, too."
    )
    def summed_factors(weight, adapters, coefficients):
        if not adapters:
            return weight
        r = max(len(one["a"]) for one in adapters)
        pad = torch.nn.functional.pad
        a = sum(pad(one["a"], (0, 0, 0, r - len(one["a"]))) for one in adapters)
        b = sum(
            c * one["alpha"] / len(one["a"]) * pad(one["b"], (0, r - len(one["a"])))
            for one, c in zip(adapters, coefficients)
        )
        return weight + b @ a
