"""Lab 06: the likelihood of a reply, two losses on pairs, what a training did, a judge's bias, and
the best of n.
"""

from adaptlab.grading.labs.lab06.best_of_n import best_of_n
from adaptlab.grading.labs.lab06.completion_logp import completion_logp
from adaptlab.grading.labs.lab06.doubtful_loss import doubtful_loss
from adaptlab.grading.labs.lab06.judge_report import judge_report
from adaptlab.grading.labs.lab06.per_token_loss import per_token_loss
from adaptlab.grading.labs.lab06.preference_order import preference_order
from adaptlab.grading.labs.lab06.reward_report import reward_report

__all__ = [
    "completion_logp",
    "doubtful_loss",
    "per_token_loss",
    "reward_report",
    "judge_report",
    "best_of_n",
    "preference_order",
]
