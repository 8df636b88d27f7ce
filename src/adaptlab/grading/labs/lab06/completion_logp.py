"""Lab 06, completion_logp: what is right, and what wrong answers believe."""

import numpy as np
import torch

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab06.common import tensor
from adaptlab.grading.probes import lab06 as probes


def picked(logits, ids, shift: int = 1, dim: int = -1) -> torch.Tensor:
    """Log-probabilities of the tokens from place 1 on, (B, T - 1), by the logits that stand `shift`
    places before them.
    """
    logp = logits.log_softmax(dim)
    stand = torch.roll(logp, shift, dims=1)[:, 1:]
    return stand.gather(-1, ids[:, 1:, None])[..., 0]


def summed(logp, counted) -> tuple[torch.Tensor, torch.Tensor]:
    return (logp * counted).sum(1), counted.sum(1)


class completion_logp(Exercise):
    """Σ log p over the masked tokens of a row, each by the logits one place before it."""

    probe = probes.with_gradients

    @staticmethod
    def draw(rng):
        b = int(rng.integers(2, 5))
        t = int(rng.integers(6, 9))
        v = int(rng.integers(10, 13))
        mask = np.zeros((b, t), bool)
        for row in mask:
            start = int(rng.integers(0, t - 2))
            row[start : start + int(rng.integers(2, t - start + 1))] = True
            if rng.random() < 0.3:
                row[int(rng.integers(1, t))] ^= True
        mask[0, :2], mask[-1, -1] = True, False
        return (
            tensor(2 * rng.normal(size=(b, t, v))),
            torch.from_numpy(rng.integers(0, v, size=(b, t))),
            torch.from_numpy(mask),
        )

    @staticmethod
    def edges():
        rng = np.random.default_rng(0)
        logits = tensor(3 * rng.normal(size=(3, 5, 8)))
        ids = torch.from_numpy(rng.integers(0, 8, size=(3, 5)))
        masks = (
            [[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]],
            [[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [0, 1, 0, 0, 1]],
        )
        alone = logits[:1, :1], ids[:1, :1], torch.ones(1, 1, dtype=torch.bool)
        return [*((logits, ids, torch.tensor(mask, dtype=torch.bool)) for mask in masks), alone]

    @staticmethod
    def right(logits, ids, mask):
        return summed(picked(logits, ids), mask[:, 1:])

    @staticmethod
    @wrong(
        "The numbers are right, and no gradient comes through them to the logits: a model cannot be"
        " trained by them. Leave out detach, item, no_grad and NumPy."
    )
    def detached(logits, ids, mask):
        return completion_logp.right(logits.detach(), ids, mask)

    @staticmethod
    @wrong(
        "You read a token's probability at its own place. The logits there are about the next"
        " token: the ones for token t stand at place t - 1."
    )
    def unshifted(logits, ids, mask):
        return summed(picked(logits, ids, shift=0), mask[:, 1:])

    @staticmethod
    @wrong(
        "You shift the wrong way: the logits behind a token have already read it. Those that"
        " predict it stand one place before."
    )
    def shifted_back(logits, ids, mask):
        return summed(picked(logits, ids, shift=-1), mask[:, 1:])

    @staticmethod
    @wrong(
        "You shifted the tokens and not the mask, so the mask is one place off: the last token of"
        " the reply is lost, or one of the prompt comes in."
    )
    def mask_unshifted(logits, ids, mask):
        return summed(picked(logits, ids), mask[:, :-1])

    @staticmethod
    @wrong(
        "You take the mean over the tokens. The log-probability of a reply is their sum; whoever"
        " wants the mean has the count beside it."
    )
    def mean(logits, ids, mask):
        total, n = completion_logp.right(logits, ids, mask)
        return total / n.clamp(min=1), n

    @staticmethod
    @wrong(
        "You sum over the whole row. The prompt was not written by the model, and what fills a row"
        " up by nobody: only masked tokens count."
    )
    def whole_row(logits, ids, mask):
        return summed(picked(logits, ids), torch.ones_like(mask[:, 1:]))

    @staticmethod
    @wrong(
        "You sum probabilities. The probability of a reply is a product, so it is their logarithms"
        " that are summed."
    )
    def probabilities(logits, ids, mask):
        return summed(picked(logits, ids).exp(), mask[:, 1:])

    @staticmethod
    @wrong(
        "You sum logits as they come. They are no logarithms of probabilities before a log-softmax"
        " over the vocabulary."
    )
    def raw_logits(logits, ids, mask):
        return summed(logits[:, :-1].gather(-1, ids[:, 1:, None])[..., 0], mask[:, 1:])

    @staticmethod
    @wrong(
        "Your softmax goes over the places. It goes over the vocabulary, the last dimension: at"
        " each place the probabilities of all tokens add up to 1."
    )
    def over_places(logits, ids, mask):
        return summed(picked(logits, ids, dim=1), mask[:, 1:])

    @staticmethod
    @wrong("The sign is turned round: that is the loss. A log-probability is 0 or below.")
    def negated(logits, ids, mask):
        total, n = completion_logp.right(logits, ids, mask)
        return -total, n

    @staticmethod
    @wrong(
        "You count the token at place 0 where it is masked. Nothing predicts it, and it is not in"
        " the sum."
    )
    def first_counted(logits, ids, mask):
        return completion_logp.right(logits, ids, mask)[0], mask.sum(1)

    @staticmethod
    @wrong("Your count is that of all places. It is the number of tokens that were summed.")
    def all_counted(logits, ids, mask):
        total, n = completion_logp.right(logits, ids, mask)
        return total, torch.full_like(n, ids.shape[1] - 1)
