"""Call the answers of lab 05."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Tiny(nn.Module):
    """A tiny model with given weights: an embedding (V, d) and a head (V, d). It raises an
    out-of-memory error for more than `most` rows at once.
    """

    def __init__(self, embedding: torch.Tensor, head: torch.Tensor, most: int):
        super().__init__()
        self.embedding = nn.Parameter(embedding.clone())
        self.head = nn.Parameter(head.clone())
        self.most = most

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        if len(ids) > self.most:
            raise RuntimeError(
                f"out of memory: {len(ids)} rows at once, and there is room for {self.most}"
            )
        return torch.tanh(self.embedding[ids]) @ self.head.T


def tiny_training(
    answer: Callable, embedding: Any, head: Any, batches: list, most: int, rate: float, clip: float
) -> Any:
    """Return the losses of an answer that trains a tiny model with plain gradient descent, and the
    weights afterwards.
    """
    model = Tiny(embedding, head, most)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)  # leftover gradients must not count
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    return {
        "losses": answer(model, optimizer, batches, most, clip),
        "embedding": model.embedding,
        "head": model.head,
    }


def adapter_replies(
    content: Any, conversations: list, model_id: str, rank: int, max_new_tokens: int
) -> dict:
    """Return a model's reply to each conversation with the adapter from a file's bytes (uint8), and
    whether the adapter changes anything.
    """
    from adaptlab.lora.adapter_file import form, put_in, read_adapter
    from adaptlab.models.chat import texts
    from adaptlab.models.local import LocalChat

    chat = LocalChat(model_id)
    tensors = read_adapter(content.tobytes(), form(chat.model, rank))
    put_in(chat.model, tensors)
    changes = any(bool(tensor.any()) for name, tensor in tensors.items() if name.endswith(".b"))
    return {
        "changes": changes,
        "replies": texts(chat, conversations, max_new_tokens=max_new_tokens),
    }
