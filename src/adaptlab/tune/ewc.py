"""Anchors: a penalty on the distance of the weights from their start.

L2 weighs all weights equally; EWC weighs each by its importance for the old skills.
"""

import copy
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from trl import SFTTrainer

from adaptlab.checks import check_number
from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.progress import progress_bar
from adaptlab.tune.loss_mask import IGNORED
from adaptlab.tune.options import DEFAULTS, Options
from adaptlab.tune.rows import tokenized
from adaptlab.tune.scoring import in_float32
from adaptlab.tune.sft import trainer
from adaptlab.tune.trainer import trained_chat


@dataclass(frozen=True)
class Anchor:
    """`start` and `importance` by parameter name, in the parameter's shape; importances have a mean
    of 1 over all weights.

    `strength` is the lambda of the papers.
    """

    start: Mapping[str, torch.Tensor]
    importance: Mapping[str, torch.Tensor]
    strength: float

    def __post_init__(self):
        check_number(self.strength, "The strength of an anchor", 0)


def l2_anchor(chat: LocalChat, strength: float) -> Anchor:
    """Make an anchor in which every weight counts equally: L2-SP (Xuhong Li et al. 2018)."""
    start = _start(chat)
    return Anchor(
        start, {name: torch.ones_like(tensor) for name, tensor in start.items()}, strength
    )


def ewc_anchor(chat: LocalChat, old: Sequence[Messages], strength: float) -> Anchor:
    """Make an anchor in which each weight counts by its Fisher information for the old replies.

    Source: elastic weight consolidation (Kirkpatrick et al. 2017).
    """
    if not old:
        raise AdaptLabError(
            "The list of old conversations is empty. Give the conversations to remember."
        )
    found = fisher(chat, old)
    level = sum(float(tensor.sum()) for tensor in found.values()) / sum(
        tensor.numel() for tensor in found.values()
    )
    return Anchor(_start(chat), {name: tensor / level for name, tensor in found.items()}, strength)


def _start(chat: LocalChat) -> dict[str, torch.Tensor]:
    return {
        name: parameter.detach().clone().float()
        for name, parameter in chat.model.named_parameters()
    }


def fisher(
    chat: LocalChat, conversations: Sequence[Messages], max_length: int = 640
) -> dict[str, torch.Tensor]:
    """Compute the diagonal of the empirical Fisher information.

    It is the mean over conversations of the squared gradient of the replies' log-probability.
    """
    model = in_float32(copy.deepcopy(chat.model))
    total = {name: torch.zeros_like(parameter) for name, parameter in model.named_parameters()}
    rows = tokenized(chat, conversations, max_length)
    for row in progress_bar(rows, desc="Fisher information", unit="conversation"):
        # (1, T).
        ids, labels = (
            torch.tensor([row[key]], device=model.device) for key in ("input_ids", "labels")
        )
        logits = model(ids, use_cache=False).logits[0, :-1].float()  # (T - 1, V)
        model.zero_grad()
        nn.functional.cross_entropy(
            logits, labels[0, 1:], ignore_index=IGNORED, reduction="sum"
        ).backward()
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                total[name] += parameter.grad**2
    return {name: tensor / len(rows) for name, tensor in total.items()}


def penalty(model: nn.Module, anchor: Anchor) -> torch.Tensor:
    """Compute strength / 2 · sum of importance · (weight - start)², over all trained weights; a
    scalar.

    Source: Kirkpatrick et al. 2017, equation 3.
    """
    far = [
        (anchor.importance[name] * (parameter - anchor.start[name]) ** 2).sum()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    ]
    return anchor.strength / 2 * torch.stack(far).sum()


def anchored(made: SFTTrainer, anchor: Anchor) -> SFTTrainer:
    """Add the penalty to the trainer's training loss; the validation loss stays the loss of the
    replies.
    """
    plain = made.compute_loss

    def compute_loss(model, inputs, return_outputs=False, **options):
        loss = plain(model, inputs, return_outputs=return_outputs, **options)
        return loss if return_outputs or not model.training else loss + penalty(model, anchor)

    made.compute_loss = compute_loss
    return made


def fine_tune_anchored(
    chat: LocalChat, conversations: Sequence[Messages], anchor: Anchor, options: Options = DEFAULTS
) -> LocalChat:
    """Fine-tune all weights with an anchor, otherwise as `fine_tune`."""
    with tempfile.TemporaryDirectory() as folder:
        made = anchored(trainer(chat, conversations, options, folder), anchor)
        made.train()
    return trained_chat(made, f"{chat.name} + anchored", chat)
