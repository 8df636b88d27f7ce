"""How the answers of lab 04 are called."""

from collections.abc import Callable
from typing import Any

import torch


def output_beside(answer: Callable, x: Any, weight: Any, a: Any, b: Any, alpha: float) -> Any:
    """What an answer gives, and whether it changed x."""
    given = x.clone()
    output = answer(given, weight, a, b, alpha)
    return {"output": output, "x is changed": not torch.equal(given, x)}


def adapter_product(answer: Callable, a: Any, b: Any, alpha: float, rank: int) -> Any:
    """ΔW of the adapter that the answer makes, and the adapter's shapes: many pairs (A, B) are
    equally right, their product is not.
    """
    new_a, new_b = answer(a, b, alpha, rank)
    return [list(new_a.shape), list(new_b.shape), alpha / rank * new_b @ new_a]


def embedding_adapter(answer: type, weight: Any, ids: Any, alpha: float, a: Any, b: Any) -> Any:
    """What an embedding with an adapter gives, fresh and with these numbers in A and B, and the
    gradients of the latter's squares.
    """
    base = torch.nn.Embedding.from_pretrained(weight.clone(), freeze=False)
    layer = answer(base, len(a), alpha)
    fresh = layer(ids)
    random_a = bool(layer.a.abs().sum() > 0)
    with torch.no_grad():
        layer.a.copy_(a)
        layer.b.copy_(b)
    filled = layer(ids)
    if filled.requires_grad:
        filled.square().sum().backward()
    gradients = {"a": layer.a.grad, "b": layer.b.grad, "base": base.weight.grad}
    return {
        "shapes": [list(layer.a.shape), list(layer.b.shape)],
        "A is random": random_a,
        "fresh": fresh,
        "filled": filled,
        "gradients": gradients,
    }


def merged(answer: Callable, weight: Any, adapters: list, coefficients: list) -> Any:
    """The weight that an answer gives, and the one that it was given as that is afterwards."""
    given = weight.clone()
    result = answer(given, adapters, coefficients)
    # Copied: an answer in place returns what it was given.
    return {"merged": result, "weight afterwards": given.clone()}
