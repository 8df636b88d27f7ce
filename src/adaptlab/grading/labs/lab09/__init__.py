"""Lab 09: a prompt search, data for distillation, a verifier, RLOO advantages, pass@k, and a
baseline without a language model.
"""

from adaptlab.grading.labs.lab09.baseline import baseline
from adaptlab.grading.labs.lab09.distillation_rows import distillation_rows
from adaptlab.grading.labs.lab09.group_advantages import group_advantages
from adaptlab.grading.labs.lab09.pass_at_k import pass_at_k
from adaptlab.grading.labs.lab09.reward import reward
from adaptlab.grading.labs.lab09.search_prompts import search_prompts

__all__ = [
    "search_prompts",
    "distillation_rows",
    "reward",
    "group_advantages",
    "pass_at_k",
    "baseline",
]
