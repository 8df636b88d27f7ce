"""Call the answers of lab 04."""

from collections.abc import Callable
from typing import Any

import torch


def output_beside(answer: Callable, x: Any, weight: Any, a: Any, b: Any, alpha: float) -> Any:
    """Return the output of an answer, and whether it changed `x` in place."""
    given = x.clone()
    output = answer(given, weight, a, b, alpha)
    return {"output": output, "x is changed": not torch.equal(given, x)}


def adapter_product(answer: Callable, a: Any, b: Any, alpha: float, rank: int) -> Any:
    """Return the shapes of the adapter that an answer makes, and its ΔW.

    Many pairs (A, B) are equally correct; their product is unique.
    """
    new_a, new_b = answer(a, b, alpha, rank)
    return [list(new_a.shape), list(new_b.shape), alpha / rank * new_b @ new_a]


def embedding_adapter(answer: type, weight: Any, ids: Any, alpha: float, a: Any, b: Any) -> Any:
    """Return the outputs of an embedding layer with an adapter, and its gradients.

    The outputs are of the new layer, and with `a` and `b` as its weights. The gradients are of the
    sum of squares of the latter.
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
    """Return the merged weight of an answer, and the given weight afterwards."""
    given = weight.clone()
    result = answer(given, adapters, coefficients)
    # Copied, because an answer that works in place returns the given tensor.
    return {"merged": result, "weight afterwards": given.clone()}
