"""Lab 06, doubtful_loss: what is right, and what wrong answers believe."""

import torch

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab06.common import reply_logps, softplus, tensor


def mixed(reward, doubt: float) -> torch.Tensor:
    """The loss of a pair whose label is wrong with this probability."""
    return (1 - doubt) * softplus(-reward) + doubt * softplus(reward)


def margin(chosen, rejected, reference_chosen, reference_rejected) -> torch.Tensor:
    return (chosen - reference_chosen) - (rejected - reference_rejected)


class doubtful_loss(Exercise):
    """(1 - doubt) · -log σ(β m) + doubt · -log σ(-β m)."""

    @staticmethod
    def draw(rng):
        return (
            *reply_logps(rng, int(rng.integers(3, 8)), 16.0),
            float(rng.choice([0.1, 0.5, 2.0])),
            float(rng.choice([0.0, 0.125, 0.25, 0.4])),
        )

    @staticmethod
    def edges():
        low = tensor([-9000.0, -3.0])
        high = tensor([-5.0, -8000.0])
        same = tensor([-5.0, -6.0])
        plain = [
            tensor(row)
            for row in (
                [-7.0, -12.5, -3.0],
                [-10.0, -15.5, -9.0],
                [-8.0, -12.5, -3.5],
                [-9.0, -15.5, -4.0],
            )
        ]
        return [
            (*plain, 0.5, 0.25),
            (*plain, 0.5, 0.0),
            (low, high, same, same, 0.5, 0.1),
            (high, low, same, same, 2.0, 0.1),
            (same, same, same, same, 0.1, 0.5),
        ]

    @staticmethod
    def right(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(beta * margin(chosen, rejected, reference_chosen, reference_rejected), doubt)

    @staticmethod
    @wrong(
        "The reference is missing. The margin asks how much likelier each reply became, not how"
        " likely it is."
    )
    def no_reference(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(beta * (chosen - rejected), doubt)

    @staticmethod
    @wrong(
        "The reference is added. Its log-probabilities are taken off: a gain is what the model says"
        " now minus what the reference says."
    )
    def reference_added(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(beta * margin(chosen, rejected, -reference_chosen, -reference_rejected), doubt)

    @staticmethod
    @wrong(
        "Chosen and rejected, or the weights 1 - doubt and doubt, are the wrong way round: the loss"
        " has to be small where the chosen reply gained more."
    )
    def swapped(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(-beta * margin(chosen, rejected, reference_chosen, reference_rejected), doubt)

    @staticmethod
    @wrong(
        "That is one number for all pairs. The loss of each pair is asked for; a mean comes later,"
        " where it is trained on."
    )
    def averaged(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return doubtful_loss.right(
            chosen, rejected, reference_chosen, reference_rejected, beta, doubt
        ).mean()

    @staticmethod
    @wrong("Beta is missing: it multiplies the margin.")
    def no_beta(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(margin(chosen, rejected, reference_chosen, reference_rejected), doubt)

    @staticmethod
    @wrong(
        "Beta multiplies the model's part of the margin alone. The reference's has to be on the"
        " same scale: it multiplies the whole."
    )
    def beta_on_the_model(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(
            margin(beta * chosen, beta * rejected, reference_chosen, reference_rejected), doubt
        )

    @staticmethod
    @wrong(
        "Every label is believed: the part with the weight doubt, for the label turned round, is"
        " missing."
    )
    def no_doubt(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(beta * margin(chosen, rejected, reference_chosen, reference_rejected), 0.0)

    @staticmethod
    @wrong(
        "You mix the margins and take one loss of that. It is the two losses that are mixed: they"
        " are not straight lines."
    )
    def doubt_in_the_margin(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return mixed(
            (1 - 2 * doubt) * beta * margin(chosen, rejected, reference_chosen, reference_rejected),
            0.0,
        )

    @staticmethod
    @wrong(
        "You scale the loss by 1 - doubt, and that is all. The label turned round has a loss of its"
        " own."
    )
    def scaled_down(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        return (1 - doubt) * softplus(
            -beta * margin(chosen, rejected, reference_chosen, reference_rejected)
        )

    @staticmethod
    @wrong(
        "The logarithm is missing: that is the probability that the label is wrong, which hardly"
        " grows where a pair is very wrong."
    )
    def no_logarithm(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        reward = beta * margin(chosen, rejected, reference_chosen, reference_rejected)
        return (1 - doubt) * torch.sigmoid(-reward) + doubt * torch.sigmoid(reward)

    @staticmethod
    @wrong(
        "With a large margin the result is infinite: the logistic function has become exactly 0"
        " before the logarithm. Use one that does both in one step."
    )
    def overflows(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
        reward = beta * margin(chosen, rejected, reference_chosen, reference_rejected)
        return -(1 - doubt) * torch.sigmoid(reward).log() - doubt * torch.sigmoid(-reward).log()
