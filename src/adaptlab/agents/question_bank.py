"""Questions to the tutor with known answers: sums, claims, and which lesson treats a subject.

None is worded as the router's examples are.
"""

import random
import re
from dataclasses import dataclass
from typing import Any

from adaptlab.agents.tools import calculate, look_up_claim
from adaptlab.evals.claims import claims

N_EACH = 20


@dataclass(frozen=True)
class BankQuestion:
    """A question, its route (a tool's name, and the part of a claim or ""), and the answer."""

    text: str
    route: tuple[str, str]
    answer: str

    def is_answered_by(self, text: str) -> bool:
        """Whether the answer occurs in a text as words of its own; a lesson also as "lesson 3",
        without the zero.
        """
        wanted = re.escape(" ".join(self.answer.split()))
        if self.route[0] == "search_lessons":
            wanted += f"|[Ll]esson {int(self.answer)}"
        return bool(re.search(rf"(?<![\w.])(?:{wanted})(?!\w|\.\d)", " ".join(text.split())))


_SUMS = (
    "I need {} as one number.",
    "{} comes to what?",
    "An adapter has {} parameters. How many is that?",
    "Could you do {} for me?",
    "If I type {} into a pocket calculator, what shows?",
)
_CLAIMS: dict[Any, tuple[str, ...]] = {
    "text": ("Quote {} from the ledger.", "{} is a claim about what, exactly?"),
    "guides": ("{} is a claim of which of the guides?", "Name the guides behind {}."),
    "threshold": (
        "How large has the effect of {} to be before it counts as holding?",
        "What bound does the rule of {} set?",
    ),
    "published": (
        "Which figure of a paper belongs to {}?",
        "What did researchers report that bears on {}?",
    ),
}
LESSONS = {
    "00": ("Where are all three levers tried on one and the same question first?",),
    "01": (
        "Where do several chains of reasoning vote on an answer?",
        "I want a reply that is always valid JSON. Which part of the course is that?",
        "Where is a prompt attacked by text inside a document?",
    ),
    "02": (
        "Where is it shown that a model overlooks what stands in the middle of a long context?",
        "Which part is about answers that name their sources?",
        "Where do documents get cut into pieces of several sizes?",
    ),
    "03": (
        "Where are keyword search and vectors put together into one ranking?",
        "Which part compares kinds of FAISS index?",
        "Where does a cross-encoder sort the hits again?",
    ),
    "04": (
        "Where is the number of parameters of a low-rank adapter counted?",
        "Which part weighs what four bits per weight save?",
    ),
    "05": (
        "Where do I learn how many examples a tuning needs?",
        "Which part stops a training before it overfits?",
    ),
    "06": (
        "Where is DPO derived?",
        "Which part has beta, which holds a model near where it began?",
    ),
    "07": (
        "Where do old conversations get mixed into new training data?",
        "Which part refuses a tuned model that lost skills?",
    ),
    "08": (
        "Where do I find out whether test questions leaked into the training set?",
        "Which part is on the number of cases that a comparison needs?",
    ),
}


def _sum(rng: random.Random) -> str:
    a = rng.randint(12, 990)
    b = rng.randint(12, 990)
    c = rng.randint(2, 60)
    return rng.choice(
        (
            f"{a} * {b}",
            f"{a} + {b} * {c}",
            f"{c} * ({a} + {b})",
            f"{a * c} / {c}",
            f"{1000 + a} - {b}",
        )
    )


def bank(seed: int = 0) -> list[BankQuestion]:
    """Return the questions, N_EACH for each tool, a pure function of the seed; questions on lessons
    are always the same.
    """
    rng = random.Random(f"bank:{seed}")
    sums = [_sum(rng) for _ in range(N_EACH)]
    asked = [
        BankQuestion(_SUMS[i % len(_SUMS)].format(sums[i]), ("calculate", ""), calculate(sums[i]))
        for i in range(N_EACH)
    ]
    for i, identity in enumerate(rng.sample(list(claims()), N_EACH)):
        part = list(_CLAIMS)[i % len(_CLAIMS)]
        question = _CLAIMS[part][i // len(_CLAIMS) % 2].format(
            f"claim {identity}" if i % 3 else identity
        )
        asked.append(
            BankQuestion(
                question, ("look_up_claim", part), look_up_claim(identity, part).splitlines()[0]
            )
        )
    asked += [
        BankQuestion(question, ("search_lessons", ""), lesson)
        for lesson, questions in LESSONS.items()
        for question in questions
    ]
    return asked
