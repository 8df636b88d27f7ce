"""A judge: a model that says which of two replies is better, asked in both orders, and how far it
can be trusted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from adaptlab.checks import check_numbers, check_pairs
from adaptlab.evals.statistics import Estimate, mean, proportion
from adaptlab.messages import Messages, user
from adaptlab.models.chat import Chat

RUBRIC = (
    "Which reply is better? A good reply gives the right value, cites its chunk by number, keeps"
    " the tone that was asked for, and has no padding. Answer with A or B."
)
FIRST = "A"
SECOND = "B"


def judge_messages(prompt: Messages, first: str, second: str, rubric: str = RUBRIC) -> Messages:
    """What a judge is asked: the conversation as text, the two replies, and the rubric last, where
    a model looks for what to do.
    """
    asked = "\n".join(message["content"] for message in prompt)
    return [user(f"{asked}\n\nReply {FIRST}: {first}\nReply {SECOND}: {second}\n\n{rubric}")]


@dataclass(frozen=True)
class JudgedPair:
    """What a judge said in the two orders: 1 for the first reply, 0 for the second, one half where
    it gave neither letter.
    """

    as_given: float
    turned_round: float
    n_tokens: int

    @property
    def preference(self) -> float:
        """1 if the first reply is better, 0 if the second is; one half where the orders
        disagree.
        """
        return 0.5 if self.as_given != self.turned_round else self.as_given


def verdicts(
    chat: Chat, comparisons: Sequence[tuple[Messages, str, str]], rubric: str = RUBRIC
) -> list[JudgedPair]:
    """A verdict on each (prompt, first reply, second reply), by any chat model, embedded or behind
    an API.
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
    """1 for the first reply, 0 for the second; one half for anything that does not begin with one
    of the letters alone.
    """
    found = re.match(rf"\W*({FIRST}|{SECOND})\b", text)
    return 0.5 if found is None else float(found.group(1) == FIRST)


def agreement_with(verdicts: Sequence[JudgedPair], truth: Sequence[bool]) -> Estimate:
    """Share of comparisons where judge and truth (whether the first reply is better) agree; an
    undecided one counts half.
    """
    check_pairs(verdicts, truth, "The verdicts and the truth")
    return mean(
        [1 - abs(verdict.preference - float(better)) for verdict, better in zip(verdicts, truth)]
    )


def position_bias(verdicts: Sequence[JudgedPair]) -> Estimate:
    """Share of comparisons in which the judge's choice is the place and not the reply."""
    return proportion([verdict.as_given != verdict.turned_round for verdict in verdicts])


def wins(new: Sequence[float], old: Sequence[float]) -> list[float]:
    """1 where a new reply scores more than the old one to the same prompt, one half
    where they tie.
    """
    check_pairs(new, old, "New and old")
    pairs = zip(
        check_numbers(new, "The new scores"), check_numbers(old, "The old scores"), strict=True
    )
    return [0.5 if a == b else float(a > b) for a, b in pairs]


def length_controlled(won: Sequence[float], lengths: Sequence[tuple[int, int]]) -> float:
    """The win rate that is left at equal lengths (Dubois et al. 2024): a logistic regression on the
    difference of lengths (new, old), read at zero.

    The difference goes in as tanh of its standard score, as theirs does; a tie counts as half a win
    and half a loss.
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
