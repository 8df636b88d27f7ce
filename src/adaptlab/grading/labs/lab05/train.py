"""Lab 05, train: what is right, and what wrong answers believe."""

import numpy as np
import torch
from torch.nn import functional as F

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab05.common import IGNORED
from adaptlab.grading.probes.lab05 import tiny_training


def cross_entropies(model, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The sum over the learned tokens."""
    return F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="sum")


def trained(
    model,
    optimizer,
    batches,
    most,
    clip,
    weight=lambda part, batch, n_parts: 1 / batch,
    clear="before",
    clips="once",
    steps="once",
    reported="before",
) -> list[float]:
    """A training in parts. `weight(learned tokens of the part, of the batch, parts)`: what the sum
    of a part is multiplied by.

    `clear`: when gradients are cleared, "before" or "after" a step, "never", or before each "part".
    `clips`: "once", "never", in each "part". `steps`: "once", "never", after each "part".
    `reported`: the loss "before" the step, "after" it, or that of the "last" part.
    """
    losses = []
    for ids, labels in batches:
        parts = list(zip(ids.split(most), labels.split(most)))
        n_learned = int((labels != IGNORED).sum())
        of_parts = []
        if clear == "before":
            optimizer.zero_grad()
        for part, aims in parts:
            if clear == "part":
                optimizer.zero_grad()
            loss = cross_entropies(model, part, aims) * weight(
                int((aims != IGNORED).sum()), n_learned, len(parts)
            )
            loss.backward()
            of_parts.append(loss.item())
            if clips == "part":
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            if steps == "part":
                optimizer.step()
        if clips == "once":
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        if steps == "once":
            optimizer.step()
        if clear == "after":
            optimizer.zero_grad()
        if reported == "after":
            with torch.no_grad():
                of_parts = [
                    cross_entropies(model, part, aims).item() / n_learned for part, aims in parts
                ]
        losses.append(of_parts[-1] if reported == "last" else sum(of_parts))
    return losses


class train(Exercise):
    """The losses of a training whose batches are made in parts, and the weights that it leaves."""

    probe = tiny_training
    n_draws = 1
    # Sums of a batch in another order differ by some 1e-7, and twenty steps let that grow a
    # thousandfold at most; the misconceptions are off by hundredths.
    rtol = 1e-3
    atol = 1e-4

    @staticmethod
    def batch(rng, n_rows):
        """Ids and labels, (n_rows, 6): rows with one learned token, with some, or with all."""
        ids = rng.integers(0, 9, size=(n_rows, 6))
        labels = np.where(
            rng.random((n_rows, 6)) < rng.choice([0.2, 0.6, 1.0], size=(n_rows, 1)),
            (3 * ids + 1) % 9,
            IGNORED,
        )
        labels[:, 0] = (3 * ids[:, 0] + 1) % 9
        return [torch.from_numpy(ids), torch.from_numpy(labels)]

    @staticmethod
    def problem(rng, clip):
        most = int(rng.integers(2, 4))
        embedding, head = (
            torch.from_numpy(rng.normal(size=(9, 5)).astype(np.float32)) for _ in range(2)
        )
        return (
            embedding,
            head,
            [train.batch(rng, int(rng.integers(5, 9))) for _ in range(20)],
            most,
            0.8,
            clip,
        )

    @staticmethod
    def draw(rng):
        return train.problem(rng, float(rng.choice([0.3, 0.5])))

    @staticmethod
    def edges():
        # Without a cut, since a gradient that is cut has lost its length, and a wrong scale with
        # it.
        return [train.problem(np.random.default_rng(5), 1e6)]

    @staticmethod
    def right(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip)

    @staticmethod
    @wrong(
        "You average the means of the parts. A part with few learned tokens then counts as much as"
        " one with many: divide by the tokens of the whole batch."
    )
    def mean_of_means(model, optimizer, batches, most, clip):
        return trained(
            model, optimizer, batches, most, clip, lambda part, batch, n_parts: 1 / part / n_parts
        )

    @staticmethod
    @wrong(
        "You add up the means of the parts, so the gradient grows with their number. Each sum is"
        " divided by the learned tokens of the whole batch."
    )
    def sum_of_means(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, lambda part, batch, n_parts: 1 / part)

    @staticmethod
    @wrong(
        "You add up without dividing. The loss is a mean over the learned tokens of the batch, and"
        " the gradient is that of this mean."
    )
    def undivided(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, lambda part, batch, n_parts: 1)

    @staticmethod
    @wrong(
        "You divide by all tokens of the batch. Those with the label -100 are not learned, and do"
        " not count."
    )
    def by_all_tokens(model, optimizer, batches, most, clip):
        losses = []
        for ids, labels in batches:
            losses += trained(
                model,
                optimizer,
                [[ids, labels]],
                most,
                clip,
                lambda part, batch, n_parts, ids=ids: 1 / ids.numel(),
            )
        return losses

    @staticmethod
    @wrong(
        "Gradients are never cleared: every step repeats what was learned from all batches before."
    )
    def never_cleared(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clear="never")

    @staticmethod
    @wrong(
        "You clear the gradients after a step, not before the first. What they held before the call"
        " goes into your first step."
    )
    def cleared_after(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clear="after")

    @staticmethod
    @wrong(
        "You clear the gradients before each part, so only the last part of a batch is learned"
        " from."
    )
    def cleared_in_parts(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clear="part")

    @staticmethod
    @wrong(
        "You make a step after each part. A batch is one step: the parts are there for the memory"
        " alone."
    )
    def step_in_parts(model, optimizer, batches, most, clip):
        return trained(
            model, optimizer, batches, most, clip, clear="part", clips="part", steps="part"
        )

    @staticmethod
    @wrong("The optimizer never makes a step, so the model stays what it was.")
    def no_step(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, steps="never")

    @staticmethod
    @wrong(
        "Your steps are made with the whole gradient. It has to be cut to the length of `clip`, and"
        " before the step: afterwards it has been used."
    )
    def not_clipped(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clips="never")

    @staticmethod
    @wrong(
        "You cut what has been added up so far after each part. The length to be cut is that of the"
        " whole gradient, once."
    )
    def clipped_in_parts(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clips="part")

    @staticmethod
    @wrong("You report the loss after the step. Asked for is what it was before.")
    def loss_after(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, reported="after")

    @staticmethod
    @wrong("The loss that you report is that of the last part. It belongs to the whole batch.")
    def loss_of_last_part(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, reported="last")
