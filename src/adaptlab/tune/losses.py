"""The loss of direct preference optimization (DPO)."""

from torch import Tensor, nn


def dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float = 0.1,
) -> Tensor:
    """Compute the mean of -log sigmoid(beta * margin) over a batch of pairs, a scalar.

    The margin of a pair is (chosen - reference_chosen) - (rejected - reference_rejected). Each
    argument has shape (B,): the sum of the log-probabilities of a reply's tokens, under the model
    or under the reference.

    Source: Rafailov et al. 2023, "Direct Preference Optimization", equation 7.
    """
    margin = (chosen - reference_chosen) - (rejected - reference_rejected)  # (B,)
    return -nn.functional.logsigmoid(beta * margin).mean()
