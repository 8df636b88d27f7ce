"""Lab 04: adapters of low rank, counted, merged, shrunk and put beside an embedding."""

import numpy as np
import torch

from adaptlab.grading.exercise import Exercise, Parsons, symptom, wrong
from adaptlab.grading.probes.lab04 import adapter_product, embedding_adapter


def sizes(rng: np.random.Generator) -> tuple[int, int, int]:
    """Three different sizes, (r, d_in, d_out), the rank the smallest."""
    r, d_in, d_out = int(rng.integers(2, 5)), *rng.choice(np.arange(5, 12), size=2, replace=False)
    return r, int(d_in), int(d_out)


def tensor(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Random numbers, float32."""
    return torch.from_numpy(rng.normal(size=shape).astype(np.float32))


def alphas(rng: np.random.Generator, r: int) -> float:
    """An alpha that is neither 1 nor the rank nor its root, so that every wrong scale shows."""
    return float(rng.choice([value for value in (5.0, 8.0, 12.0, 20.0, 32.0) if value not in (r, r * r)]))


class adapter_output(Exercise):
    """x Wᵀ + alpha / r · x Aᵀ Bᵀ, (n, d_out)."""

    def draw(rng):
        r, d_in, d_out = sizes(rng)
        return tensor(rng, 13, d_in), tensor(rng, d_out, d_in), tensor(rng, r, d_in), tensor(rng, d_out, r), alphas(rng, r)

    def right(x, weight, a, b, alpha):
        return x @ (weight + alpha / len(a) * b @ a).T

    @wrong("The adapter is there, but without a scale: what B A adds is multiplied by alpha / r.")
    def unscaled(x, weight, a, b, alpha):
        return x @ (weight + b @ a).T

    @wrong("You scale by alpha alone. It is divided by the rank, so that a greater rank does not mean a greater change.")
    def alpha_alone(x, weight, a, b, alpha):
        return x @ (weight + alpha * b @ a).T

    @wrong("The scale is upside down: it is alpha / r, not r / alpha.")
    def upside_down(x, weight, a, b, alpha):
        return x @ (weight + len(a) / alpha * b @ a).T

    @wrong("The scale is that of rsLoRA, alpha / √r. Here it is alpha / r.")
    def stabilized(x, weight, a, b, alpha):
        return x @ (weight + alpha / len(a) ** 0.5 * b @ a).T

    @wrong("That is the adapter alone. It stands beside the frozen weight: both results are added.")
    def adapter_alone(x, weight, a, b, alpha):
        return alpha / len(a) * x @ (b @ a).T

    @wrong("You scale the frozen weight, too. The scale belongs to B A alone.")
    def scaled_weight(x, weight, a, b, alpha):
        return alpha / len(a) * x @ (weight + b @ a).T

    @wrong("You divide by d_in. The scale is alpha / r, and r is the number of rows of A.")
    def divided_by_width(x, weight, a, b, alpha):
        return x @ (weight + alpha / a.shape[1] * b @ a).T


LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def shapes(config: dict, grouped: bool = True) -> dict[str, tuple[int, int]]:
    """(d_in, d_out) of a layer's matrices, in a model of Llama's kind."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"] if grouped else queries
    sizes = ((width, queries), (width, keys), (width, keys), (queries, width), (width, inner), (width, inner), (inner, width))
    return dict(zip(LAYERS, sizes))


class count_adapters(Exercise):
    """r · (d_in + d_out) for each target of each layer."""

    def draw(rng):
        heads, groups, dim = int(rng.choice([4, 8, 16])), int(rng.choice([2, 4])), int(rng.choice([32, 64, 80]))
        config = {"hidden_size": int(rng.choice([320, 576, 896])), "intermediate_size": int(rng.choice([1536, 2432, 4864])), "head_dim": dim,
                  "num_attention_heads": heads * 2, "num_key_value_heads": heads * 2 // groups, "num_hidden_layers": int(rng.integers(3, 40))}  # fmt: skip
        targets = [name for name in LAYERS if name in ("q_proj", "v_proj") or rng.random() < 0.5]
        return config, int(rng.choice([2, 4, 8, 16, 64])), targets

    def edges():
        qwen = {"hidden_size": 1024, "intermediate_size": 3072, "head_dim": 128, "num_attention_heads": 16, "num_key_value_heads": 8, "num_hidden_layers": 28}
        return [(qwen, 1, ["q_proj"]), (qwen, 16, list(LAYERS)), (qwen, 8, [])]

    def right(config, rank, targets):
        return config["num_hidden_layers"] * sum(rank * sum(shapes(config)[name]) for name in targets)

    @wrong("Keys and values have fewer heads than queries (grouped-query attention): their d_out is num_key_value_heads · head_dim.")
    def ungrouped(config, rank, targets):
        return config["num_hidden_layers"] * sum(rank * sum(shapes(config, grouped=False)[name]) for name in targets)

    @wrong("That is one layer's count. Every one of the num_hidden_layers layers has its own adapters.")
    def one_layer(config, rank, targets):
        return sum(rank * sum(shapes(config)[name]) for name in targets)

    @wrong("You counted the full matrices, d_in · d_out. An adapter has r · d_in numbers in A and d_out · r in B.")
    def full_matrices(config, rank, targets):
        return config["num_hidden_layers"] * sum(shapes(config)[name][0] * shapes(config)[name][1] for name in targets)

    @wrong("You counted d_in · r · d_out. A and B are kept apart: r · (d_in + d_out) numbers.")
    def product(config, rank, targets):
        return config["num_hidden_layers"] * sum(rank * shapes(config)[name][0] * shapes(config)[name][1] for name in targets)

    @wrong("You counted A alone. B has d_out · r numbers more.")
    def a_alone(config, rank, targets):
        return config["num_hidden_layers"] * sum(rank * shapes(config)[name][0] for name in targets)

    @wrong("You took d_out = d_in = hidden_size for every matrix. In this model num_attention_heads · head_dim is another number, and so is intermediate_size.")
    def all_square(config, rank, targets):
        return config["num_hidden_layers"] * sum(rank * 2 * config["hidden_size"] for _ in targets)

    @wrong("You took hidden_size for what the query heads give. It is num_attention_heads · head_dim, which some models make greater than hidden_size.")
    def square_queries(config, rank, targets):
        return count_adapters.right({**config, "head_dim": config["hidden_size"] / config["num_attention_heads"]}, rank, targets)


class merge_adapters(Exercise):
    """W + Σ c · alpha / r · B A over several adapters of different ranks."""

    def draw(rng):
        _, d_in, d_out = sizes(rng)
        ranks = rng.permutation([2, 3, 4])[: rng.integers(2, 4)]
        made = [{"a": tensor(rng, r, d_in), "b": tensor(rng, d_out, r), "alpha": alphas(rng, r)} for r in map(int, ranks)]
        return tensor(rng, d_out, d_in), made, [float(c) for c in rng.choice([-1.0, 0.25, 0.5, 2.0], size=len(made), replace=False)]

    def edges():
        rng = np.random.default_rng(0)
        return [(tensor(rng, 5, 7), [], [])]

    def right(weight, adapters, coefficients):
        return weight + sum((c * one["alpha"] / len(one["a"]) * one["b"] @ one["a"] for one, c in zip(adapters, coefficients)), torch.zeros_like(weight))

    @wrong("Each adapter has its own alpha and rank, so its own scale alpha / r; you left the scales out.")
    def unscaled(weight, adapters, coefficients):
        return weight + sum((c * one["b"] @ one["a"] for one, c in zip(adapters, coefficients)), torch.zeros_like(weight))

    @wrong("You left the coefficients out: they say how much of each adapter goes in, and one that is negative takes a skill away.")
    def no_coefficients(weight, adapters, coefficients):
        return merge_adapters.right(weight, adapters, [1.0] * len(adapters))

    @wrong("You normalised the coefficients to a sum of one. They are not a mean's weights; two adapters at 1 are both there in full.")
    def normalised(weight, adapters, coefficients):
        return merge_adapters.right(weight, adapters, [c / sum(coefficients) for c in coefficients])

    @wrong("Only the last adapter is in the result. Add to what you have, not to the weight that came in.")
    def last_alone(weight, adapters, coefficients):
        return merge_adapters.right(weight, adapters[-1:], coefficients[-1:])

    @wrong("You used the first adapter's scale for all of them. Each has its own alpha and rank.")
    def one_scale(weight, adapters, coefficients):
        scale = adapters[0]["alpha"] / len(adapters[0]["a"]) if adapters else 0
        return weight + sum((c * scale * one["b"] @ one["a"] for one, c in zip(adapters, coefficients)), torch.zeros_like(weight))

    @wrong("The frozen weight is missing from the result: merging adds to it.")
    def no_weight(weight, adapters, coefficients):
        return merge_adapters.right(torch.zeros_like(weight), adapters, coefficients)

    @wrong("You summed the A and the B before multiplying. (B₁ + B₂)(A₁ + A₂) is not B₁A₁ + B₂A₂; and ranks differ, too.")
    def summed_factors(weight, adapters, coefficients):
        if not adapters:
            return weight
        r = max(len(one["a"]) for one in adapters)
        pad = torch.nn.functional.pad
        a = sum(pad(one["a"], (0, 0, 0, r - len(one["a"]))) for one in adapters)
        b = sum(c * one["alpha"] / len(one["a"]) * pad(one["b"], (0, r - len(one["a"]))) for one, c in zip(adapters, coefficients))
        return weight + b @ a


class same_strength(Exercise):
    """The alpha that keeps the scale when the rank changes, for LoRA and for rsLoRA."""

    def draw(rng):
        old, new = (int(r) for r in rng.choice([2, 4, 8, 16, 32, 64], size=2, replace=False))
        return float(rng.choice([3.0, 8.0, 12.0, 24.0])), old, new, bool(rng.random() < 0.5)

    def edges():
        return [(16.0, 8, 8, True), (16.0, 8, 32, False), (16.0, 8, 32, True)]

    def right(alpha, rank, new_rank, rank_stabilized):
        return alpha * (new_rank / rank) ** (0.5 if rank_stabilized else 1)

    @wrong("With the same alpha the scale alpha / r changes with the rank. It has to be the alpha that undoes this.")
    def unchanged(alpha, rank, new_rank, rank_stabilized):
        return alpha

    @wrong("The ratio is upside down: a greater rank divides by more, so alpha has to grow.")
    def upside_down(alpha, rank, new_rank, rank_stabilized):
        return alpha * (rank / new_rank) ** (0.5 if rank_stabilized else 1)

    @wrong("That is right without rank stabilization. rsLoRA divides by the root of the rank, so alpha grows with the root.")
    def never_stabilized(alpha, rank, new_rank, rank_stabilized):
        return alpha * new_rank / rank

    @wrong("That is right for rsLoRA alone. Plain LoRA divides by the rank itself.")
    def always_stabilized(alpha, rank, new_rank, rank_stabilized):
        return alpha * (new_rank / rank) ** 0.5

    @wrong("You have the two the wrong way round: rsLoRA is the one with the root.")
    def swapped(alpha, rank, new_rank, rank_stabilized):
        return alpha * (new_rank / rank) ** (1 if rank_stabilized else 0.5)

    @wrong("Twice the rank is a habit, not the alpha that keeps this adapter's scale.")
    def habit(alpha, rank, new_rank, rank_stabilized):
        return 2 * new_rank


class shrink(Exercise):
    """The adapter of a lower rank that is nearest to a given one, with the same alpha."""

    probe = adapter_product
    # Singular vectors in float32 carry an error of some 1e-6 of the largest value; the misconceptions are off by tenths.
    rtol, atol = 1e-3, 1e-3

    def draw(rng):
        _, d_in, d_out = sizes(rng)
        r = int(rng.integers(4, 6))
        return tensor(rng, r, d_in), tensor(rng, d_out, r), alphas(rng, r), int(rng.integers(1, r))

    def edges():
        rng = np.random.default_rng(1)
        return [(tensor(rng, 3, 7), tensor(rng, 5, 3), 12.0, 3)]

    def factors(a, b, rank):
        u, s, v = torch.linalg.svd(b @ a, full_matrices=False)
        return v[:rank], u[:, :rank] * s[:rank]

    def right(a, b, alpha, rank):
        small_a, small_b = shrink.factors(a, b, rank)
        return small_a, small_b * rank / len(a)

    @wrong("The matrices are the right ones, but not the scale: with a lower rank alpha / r grows, and B (or A) has to make up for it.")
    def scale_forgotten(a, b, alpha, rank):
        return shrink.factors(a, b, rank)

    @wrong("You made up for the scale the wrong way round: alpha / r grows when r falls, so the factor is new rank / old rank.")
    def scale_reversed(a, b, alpha, rank):
        small_a, small_b = shrink.factors(a, b, rank)
        return small_a, small_b * len(a) / rank

    @wrong("You kept the first rows of A and columns of B. They are in no order; the singular value decomposition of B A says what matters.")
    def first_rows(a, b, alpha, rank):
        return a[:rank], b[:, :rank] * rank / len(a)

    @wrong("You kept the smallest singular values. The largest hold the most of B A.")
    def smallest(a, b, alpha, rank):
        u, s, v = torch.linalg.svd(b @ a, full_matrices=False)
        last = slice(len(a) - rank, len(a))
        return v[last], u[:, last] * s[last] * rank / len(a)

    @wrong("The singular values are in A and in B, so twice in the product. Put them into one, or their roots into both.")
    def values_twice(a, b, alpha, rank):
        u, s, v = torch.linalg.svd(b @ a, full_matrices=False)
        return s[:rank, None] * v[:rank], u[:, :rank] * s[:rank] * rank / len(a)

    @wrong("The singular values are missing: u @ v alone gives every direction the same weight.")
    def values_missing(a, b, alpha, rank):
        u, _, v = torch.linalg.svd(b @ a, full_matrices=False)
        return v[:rank], u[:, :rank] * rank / len(a)

    @wrong("You decomposed A and B each for itself. What is to be near is their product.")
    def apart(a, b, alpha, rank):
        ua, sa, va = torch.linalg.svd(a, full_matrices=False)
        ub, sb, vb = torch.linalg.svd(b, full_matrices=False)
        core = (sb[:rank, None] * vb[:rank]) @ (ua[:, :rank] * sa[:rank])
        return core @ va[:rank], ub[:, :rank] * rank / len(a)


class Adapted(torch.nn.Module):
    """An embedding with an adapter; what the misconceptions change are its methods."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.factor = base.requires_grad_(False), alpha / rank
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

    def draw(rng):
        r, n, width = sizes(rng)
        ids = torch.from_numpy(rng.integers(0, n, size=(2, 3)))
        return tensor(rng, n, width), ids, alphas(rng, r), tensor(rng, r, n), tensor(rng, width, r)

    @symptom("Fresh, the layer does not give what the base gives: B has to start at zero, so that an adapter changes nothing before it has learned.")
    def b_not_zero(expected, got):
        return LoRAEmbedding.same({**expected, "fresh": 0}, {**got, "fresh": 0})

    @wrong("A starts at zero as well as B. Then neither gets a gradient, and the adapter never learns: A has to be random.")
    class both_zero(Adapted):
        def start(self, *shape):
            return torch.zeros(*shape)

    @wrong("The base learns, too. Freeze its weight (requires_grad_(False)); else this is full training with an ornament.")
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

    @wrong("The adapter's part carries no gradient: do not detach A or B, and do not compute with .data.")
    class detached(Adapted):
        def forward(self, ids):
            return super().forward(ids).detach()


class shipping_order(Parsons):
    """The order of the lines that train an adapter, merge it, and ship the result."""

    right_order = "BDFGEAHC"
    rules = {
        "BG": "You freeze the weight after training (B after G): it was trained along with the adapter.",
        "DF": "The optimizer is made before the adapter is there (F before D): it cannot hold its parameters.",
        "FG": "Training needs its optimizer: F comes before G.",
        "GA": "You merge before training (A before G): what is merged is an adapter that has learned nothing.",
        "GE": "The reference is taken before training (E before G): merging cannot give that back, and it should not.",
        "EA": "The reference is taken after merging (A before E): the comparison is then of the merged layer with itself, and can never fail.",
        "AH": "You compare before merging (H before A): what was merged is never looked at.",
        "HC": "You save before comparing (C before H): a merge that went wrong is shipped all the same.",
    }
