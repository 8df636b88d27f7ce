"""Contamination: find test cases that are in the training data, by their texts and by the model's
likelihoods.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from adaptlab.checks import check_numbers
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import CONFIDENCE
from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.world.case import Case

N_RESAMPLES = 2000


def said(messages: Messages) -> str:
    """Return all contents of a conversation as one text."""
    return "\n".join(message["content"] for message in messages)


def ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    """Return the runs of n words of a text, in small letters without punctuation; a shorter text is
    one run.
    """
    if n < 1:
        raise AdaptLabError(f"n is {n}. Give a run of at least one word.")
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()


def overlaps(texts: Sequence[str], training: Iterable[str], n: int) -> list[float]:
    """Return for each text the share of its runs of n words that occur in a training text.

    The share is 1 if the whole text occurs, and 0 for a text without words.
    """
    known = set().union(*(ngrams(text, n) for text in training))
    found = [ngrams(text, n) for text in texts]
    return [len(runs & known) / len(runs) if runs else 0.0 for runs in found]


def answer_likelihoods(chat: LocalChat, cases: Sequence[Case]) -> list[float]:
    """Return log p(gold answer | prompt) of each case, in nats, summed over the answer's tokens."""
    return [sum(chat.log_probabilities(list(case.messages), case.answer)) for case in cases]


def separation(suspected: Sequence[float], fresh: Sequence[float], seed: int = 0) -> Estimate:
    """Estimate the probability that a suspected case has a larger value than a fresh case; ties
    count half.

    This is the area under the ROC curve; 0.5 means no separation. The interval is a percentile
    bootstrap over the cases of both sides; `n` counts the suspected cases.
    """
    a = check_numbers(suspected, "The values of suspected cases")
    b = check_numbers(fresh, "The values of fresh cases")
    rng = np.random.default_rng(seed)
    above = (a[:, None] > b) + (a[:, None] == b) / 2  # (n_suspected, n_fresh)
    # How often each case is sampled in each resample: (N_RESAMPLES, n_suspected) and (N_RESAMPLES,
    # n_fresh).
    times = [
        rng.multinomial(len(side), np.full(len(side), 1 / len(side)), N_RESAMPLES)
        for side in (a, b)
    ]
    resampled = ((times[0] @ above) * times[1]).sum(axis=1) / above.size
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(above.mean()), float(low), float(high), len(a))
