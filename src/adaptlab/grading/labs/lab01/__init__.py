"""Lab 01: prompts under a budget and their bill, votes with a margin, replies read as JSON, attacks
judged.
"""

from adaptlab.grading.labs.lab01.attack_outcome import attack_outcome
from adaptlab.grading.labs.lab01.best_buy import best_buy
from adaptlab.grading.labs.lab01.bill import bill
from adaptlab.grading.labs.lab01.fit_prompt import fit_prompt
from adaptlab.grading.labs.lab01.honest_order import honest_order
from adaptlab.grading.labs.lab01.read_object import read_object
from adaptlab.grading.labs.lab01.vote import vote

__all__ = [
    "fit_prompt",
    "bill",
    "vote",
    "read_object",
    "attack_outcome",
    "honest_order",
    "best_buy",
]
