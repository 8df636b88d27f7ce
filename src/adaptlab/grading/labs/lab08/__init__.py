"""Lab 08: bills and where they meet, a judge for replies, a promise on seconds, a cascade, a
configuration under a budget, and the order of building.
"""

from adaptlab.grading.labs.lab08.bill import bill
from adaptlab.grading.labs.lab08.break_even import break_even
from adaptlab.grading.labs.lab08.build_order import build_order
from adaptlab.grading.labs.lab08.choose_cascade import choose_cascade
from adaptlab.grading.labs.lab08.configure import configure
from adaptlab.grading.labs.lab08.keeps_promise import keeps_promise
from adaptlab.grading.labs.lab08.score_reply import score_reply

__all__ = [
    "bill",
    "break_even",
    "score_reply",
    "keeps_promise",
    "choose_cascade",
    "build_order",
    "configure",
]
