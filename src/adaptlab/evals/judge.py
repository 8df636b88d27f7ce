"""A judge: a model that says which of two replies is better, asked in both orders, and its
reliability.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from adaptlab.checks import check_numbers, check_pairs
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean, proportion
from adaptlab.messages import Messages, user
from adaptlab.models.chat import Chat

RUBRIC = (
    "Which reply is better? A good reply gives the right value, cites its chunk by number, keeps"
    " the tone that was asked for, and has no padding. Answer with A or B."
)
FIRST = "A"
SECOND = "B"


def judge_messages(prompt: Messages, first: str, second: str, rubric: str = RUBRIC) -> Messages:
    """Return the judge's prompt: the conversation as text, the two replies, and the rubric last.

    Models look for their task at the end.
    """
    asked = "\n".join(message["content"] for message in prompt)
    return [user(f"{asked}\n\nReply {FIRST}: {first}\nReply {SECOND}: {second}\n\n{rubric}")]


@dataclass(frozen=True)
class JudgedPair:
    """A judge's choice in both orders: 1 for the first reply, 0 for the second, 0.5 if it gave
    neither letter.
    """

    as_given: float
    turned_round: float
    n_tokens: int

    @property
    def preference(self) -> float:
        """1 if the first reply is better, 0 if the second is better, 0.5 if the orders disagree."""
        return 0.5 if self.as_given != self.turned_round else self.as_given


def verdicts(
    chat: Chat, comparisons: Sequence[tuple[Messages, str, str]], rubric: str = RUBRIC
) -> list[JudgedPair]:
    """Judge each (prompt, first reply, second reply) with any chat model, embedded or behind an
    API.
    """
    asked = [judge_messages(prompt, first, second, rubric) for prompt, first, second in comparisons]
    asked += [
        judge_messages(prompt, second, first, rubric) for prompt, first, second in comparisons
    ]
    replies = chat.batch(asked, max_new_tokens=2)
    said = [_letter(reply.text) for reply in replies]
    n_tokens = [reply.n_prompt_tokens + reply.n_completion_tokens for reply in replies]
    n = len(comparisons)
    return [JudgedPair(said[i], 1 - said[n + i], n_tokens[i] + n_tokens[n + i]) for i in range(n)]


def _letter(text: str) -> float:
    """Return 1 for the first reply, 0 for the second, 0.5 if the text does not start with one of
    the letters alone.
    """
    found = re.match(rf"\W*({FIRST}|{SECOND})\b", text)
    return 0.5 if found is None else float(found.group(1) == FIRST)


def agreement_with(verdicts: Sequence[JudgedPair], truth: Sequence[bool]) -> Estimate:
    """Return the share of comparisons in which judge and truth (the first reply is better) agree.

    An undecided comparison counts half.
    """
    check_pairs(verdicts, truth, "The verdicts and the truth")
    return mean(
        [1 - abs(verdict.preference - float(better)) for verdict, better in zip(verdicts, truth)]
    )


def position_bias(verdicts: Sequence[JudgedPair]) -> Estimate:
    """Return the share of comparisons in which the judge chooses the position instead of the
    reply.
    """
    return proportion([verdict.as_given != verdict.turned_round for verdict in verdicts])


def wins(new: Sequence[float], old: Sequence[float]) -> list[float]:
    """Return 1 if a new reply scores more than the old reply to the same prompt, 0.5 if they
    tie.
    """
    check_pairs(new, old, "New and old")
    pairs = zip(
        check_numbers(new, "The new scores"), check_numbers(old, "The old scores"), strict=True
    )
    return [0.5 if a == b else float(a > b) for a, b in pairs]


def length_controlled(won: Sequence[float], lengths: Sequence[tuple[int, int]]) -> float:
    """Estimate the win rate at equal lengths (Dubois et al. 2024).

    A logistic regression on the difference of lengths (new, old) is evaluated at zero. The
    difference enters as tanh of its standard score, as in the paper. A tie counts as half a win and
    half a loss.
    """
    check_pairs(won, lengths, "The wins and the lengths")
    check_numbers(won, "The wins", 0, 1)
    difference = np.array([new - old for new, old in lengths], float)
    x = np.tanh(difference / (difference.std() or 1.0))[:, None]
    outcomes = np.r_[np.ones(len(x)), np.zeros(len(x))]
    weights = np.r_[np.array(won), 1 - np.array(won)]
    if weights[: len(x)].sum() in (0, len(x)):
        return float(np.mean(won))
    model = LogisticRegression(C=1e3).fit(np.r_[x, x], outcomes, sample_weight=weights)
    return float(model.predict_proba([[0.0]])[0, 1])
