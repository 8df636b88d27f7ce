"""Lab 06, per_token_loss: what is right, and what wrong answers believe."""

import numpy as np
import torch

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab06.common import reply_logps, softplus, tensor


class per_token_loss(Exercise):
    """-log σ(β · (mean by the token of the chosen - that of the rejected) - target)."""

    @staticmethod
    def draw(rng):
        n = int(rng.integers(3, 8))
        chosen, rejected, *_ = reply_logps(rng, n)
        lengths = rng.permutation(np.arange(1, 25))[: 2 * n].reshape(2, n)
        return (
            chosen,
            rejected,
            *(torch.from_numpy(row) for row in lengths),
            float(rng.choice([0.5, 2.0, 3.0])),
            float(rng.choice([0.0, 0.4, 1.0, 1.5])),
        )

    @staticmethod
    def edges():
        one = torch.tensor([1, 2])
        return [
            (
                tensor([-6.0, -20.0, -9.0]),
                tensor([-9.0, -10.0, -9.0]),
                torch.tensor([3, 10, 6]),
                torch.tensor([3, 4, 3]),
                2.0,
                1.0,
            ),
            (tensor([-6.0, -20.0]), tensor([-9.0, -10.0]), one, one, 2.0, 0.0),
            (tensor([-9000.0, -3.0]), tensor([-4.0, -7000.0]), one, one.flip(0), 2.0, 0.5),
        ]

    @staticmethod
    def right(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen / n_chosen - rejected / n_rejected))

    @staticmethod
    @wrong(
        "You compare sums. A long reply has a low sum whatever it says: divide each by its own"
        " number of tokens."
    )
    def sums(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen - rejected))

    @staticmethod
    @wrong("You divide both sums by the length of the chosen reply. Each has its own length.")
    def one_length(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen - rejected) / n_chosen)

    @staticmethod
    @wrong(
        "You divide the difference of the sums by all tokens. A mean by the token belongs to one"
        " reply; the two means are compared."
    )
    def all_tokens(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen - rejected) / (n_chosen + n_rejected))

    @staticmethod
    @wrong("You multiply by the numbers of tokens. That makes length count twice; divide.")
    def multiplied(chosen, rejected, n_chosen, n_rejected, beta, target):
        return softplus(target - beta * (chosen * n_chosen - rejected * n_rejected))

    @staticmethod
    @wrong(
        "The target is added to the lead. It has to be reached, so it is taken off: a pair that is"
        " only just ahead should still cost something."
    )
    def target_added(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, beta, -target)

    @staticmethod
    @wrong("The target is missing.")
    def no_target(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, beta, 0.0)

    @staticmethod
    @wrong("Beta multiplies the target, too. Here it multiplies the lead alone.")
    def target_times_beta(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, beta, beta * target)

    @staticmethod
    @wrong("Beta is missing: it multiplies the lead.")
    def no_beta(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, 1.0, target)

    @staticmethod
    @wrong(
        "Chosen and rejected are the wrong way round: the loss has to be small where the chosen"
        " reply leads."
    )
    def swapped(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(rejected, chosen, n_rejected, n_chosen, beta, target)

    @staticmethod
    @wrong("That is one number for all pairs. The loss of each pair is asked for.")
    def averaged(chosen, rejected, n_chosen, n_rejected, beta, target):
        return per_token_loss.right(chosen, rejected, n_chosen, n_rejected, beta, target).mean()

    @staticmethod
    @wrong("The logarithm is missing: that is a probability.")
    def no_logarithm(chosen, rejected, n_chosen, n_rejected, beta, target):
        return torch.sigmoid(target - beta * (chosen / n_chosen - rejected / n_rejected))

    @staticmethod
    @wrong(
        "With a large lead the result is infinite: the logistic function has become exactly 0"
        " before the logarithm. Use one that does both in one step."
    )
    def overflows(chosen, rejected, n_chosen, n_rejected, beta, target):
        return -torch.sigmoid(beta * (chosen / n_chosen - rejected / n_rejected) - target).log()
