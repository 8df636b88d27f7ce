"""Lab 05: what is learned, packed rows, gradients in parts, the plan of the rate, stopping, a
learning curve read, and an adapter trained.
"""

from adaptlab.grading.labs.lab05.adapter import adapter
from adaptlab.grading.labs.lab05.enough import enough
from adaptlab.grading.labs.lab05.loss_mask import loss_mask
from adaptlab.grading.labs.lab05.may_look import may_look
from adaptlab.grading.labs.lab05.pack import pack
from adaptlab.grading.labs.lab05.rate_at import rate_at
from adaptlab.grading.labs.lab05.step_order import step_order
from adaptlab.grading.labs.lab05.stop_at import stop_at
from adaptlab.grading.labs.lab05.train import train

__all__ = [
    "loss_mask",
    "pack",
    "may_look",
    "train",
    "rate_at",
    "stop_at",
    "step_order",
    "enough",
    "adapter",
]
