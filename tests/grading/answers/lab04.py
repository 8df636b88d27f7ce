"""Answers to lab 04: written differently from the solution and right, or wrong in a way that a
symptom knows.
"""

import numpy as np
import torch
from torch import nn


def adapter_output__right_einsum(x, weight, a, b, alpha):
    return torch.einsum("ni,oi->no", x, weight) + torch.einsum(
        "ni,ri,or->no", x, a, b
    ) * alpha / a.size(0)


def adapter_output__right_row_by_row(x, weight, a, b, alpha):
    adapted = weight + b @ a * (alpha / b.shape[1])
    return torch.stack([adapted @ row for row in x])


def count_adapters__right_by_sums(config, rank, targets):
    head = config["head_dim"]
    width = config["hidden_size"]
    queries = head * config["num_attention_heads"]
    keys = head * config["num_key_value_heads"]
    both = {"q": width + queries, "k": width + keys, "v": width + keys, "o": width + queries}
    for name in ("gate", "up", "down"):
        both[name] = width + config["intermediate_size"]
    return sum(both[name.split("_")[0]] for name in targets) * rank * config["num_hidden_layers"]


def count_adapters__right_numpy(config, rank, targets):
    width = config["hidden_size"]
    inner = config["intermediate_size"]
    q, k = (config[f"num_{kind}_heads"] * config["head_dim"] for kind in ("attention", "key_value"))
    table = {
        "q_proj": [width, q],
        "k_proj": [width, k],
        "v_proj": [width, k],
        "o_proj": [q, width],
        "gate_proj": [width, inner],
        "up_proj": [width, inner],
        "down_proj": [inner, width],
    }
    return np.int64(rank * config["num_hidden_layers"]) * np.array(
        [table[name] for name in targets]
    ).sum().astype(int)


def merge_adapters__right_stacked(weight, adapters, coefficients):
    if not adapters:
        return weight.clone()
    a = torch.cat([one["a"] for one in adapters])
    b = torch.cat(
        [
            one["b"] * (c * one["alpha"] / one["a"].shape[0])
            for one, c in zip(adapters, coefficients)
        ],
        dim=1,
    )
    return torch.addmm(weight, b, a)


def merge_adapters__right_recursive(weight, adapters, coefficients):
    if not adapters:
        return weight
    (first, *others), (c, *more) = adapters, coefficients
    return merge_adapters__right_recursive(
        weight + c * first["alpha"] * first["b"] @ first["a"] / len(first["a"]), others, more
    )


def same_strength__right_powers(alpha, rank, new_rank, rank_stabilized):
    power = 0.5 if rank_stabilized else 1.0
    return alpha / rank**power * new_rank**power


def same_strength__right_numpy(alpha, rank, new_rank, rank_stabilized):
    return np.float64(alpha) * (
        np.sqrt(new_rank / rank) if rank_stabilized else np.divide(new_rank, rank)
    )


def shipping_order__right_adapter_first():
    return "DBFGEAHC"


def shipping_order__right_list():
    return ["D", "F", "B", "G", "E", "A", "H", "C"]


def shipping_order__wrong_form():
    return "BDFGEAH"


def shipping_order__wrong_BG():
    return "DFGEAHCB"


def shipping_order__wrong_DF():
    return "BFDGEAHC"


def shipping_order__wrong_FG():
    return "BDGEAHCF"


def shipping_order__wrong_GA():
    return "BDFEAGHC"


def shipping_order__wrong_GE():
    return "BDFEGAHC"


def shipping_order__wrong_EA():
    return "BDFGAEHC"


def shipping_order__wrong_AH():
    return "BDFGEHAC"


def shipping_order__wrong_HC():
    return "BDFGEACH"


def shrink__right_values_in_a(a, b, alpha, rank):
    u, s, vh = np.linalg.svd((b @ a).double().numpy(), full_matrices=False)
    new_a = np.diag(s[:rank]) @ vh[:rank] * rank / len(a)
    return torch.from_numpy(new_a).float(), torch.from_numpy(u[:, :rank]).float()


def shrink__right_by_qr(a, b, alpha, rank):
    q_b, r_b = torch.linalg.qr(b)
    q_a, r_a = torch.linalg.qr(a.T)
    u, s, vh = torch.linalg.svd(r_b @ r_a.T)
    return (s[:rank, None] * vh[:rank]) @ q_a.T, rank / a.shape[0] * q_b @ u[:, :rank]


class LoRAEmbedding__right_einsum(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base
        for parameter in base.parameters():
            parameter.requires_grad_(False)
        self.a = nn.Parameter(torch.empty(rank, base.num_embeddings).uniform_(-1, 1))
        self.b = nn.Parameter(torch.zeros(base.embedding_dim, rank))
        self.scale = alpha / rank

    def forward(self, ids):
        return self.base(ids) + self.scale * torch.einsum("r...,dr->...d", self.a[:, ids], self.b)


class LoRAEmbedding__right_one_hot(LoRAEmbedding__right_einsum):
    def forward(self, ids):
        rows = nn.functional.one_hot(ids, self.base.num_embeddings).float()
        return rows @ (self.base.weight + self.scale * (self.b @ self.a).T)


class LoRAEmbedding__wrong_b_not_zero(LoRAEmbedding__right_einsum):
    def __init__(self, base, rank, alpha):
        super().__init__(base, rank, alpha)
        nn.init.normal_(self.b)


def merge_adapters__wrong_in_place(weight, adapters, coefficients):
    for one, c in zip(adapters, coefficients):
        weight.add_(one["b"] @ one["a"], alpha=c * one["alpha"] / len(one["a"]))
    return weight


def adapter_output__wrong_changes_x(x, weight, a, b, alpha):
    linear = torch.nn.functional.linear
    y = linear(x, weight) + alpha / len(a) * linear(linear(x, a), b)
    x.sub_(x)
    return y
