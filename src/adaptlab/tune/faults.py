"""Faults that the log of a training run shows: pure functions from its rows to sentences.

A fault is named only by numbers in the log. A series is compared by the means of its first and its
last quarter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import scipy

END_TOKEN = "end token"
PADDING = "padding"
CONSTANT_REWARD = "constant reward"
REWARD_HACKING = "reward hacking"
COLLAPSE = "collapse"
MERGE = "merge"
TEMPLATE = "chat template"
NUMBER_FORMAT = "number format"
DIVERGED = "diverged"
NO_LEARNING = "no learning"

LEAST_ROWS = 8  # of a series whose quarters are compared
SAME = 1e-8
NO_SIGNAL = 0.9  # share of groups of replies with the same reward
AT_LIMIT = 0.9  # share of replies that the limit cuts off
MOST_ENDED = 0.5  # the same share, where replies still end
SHORT = 2.0  # tokens of a reply that says nothing but a word
SHRUNK = 0.5
ENTROPY_LEFT = 0.1  # share of the first entropy
LEAST_ENTROPY = 0.2  # nats per token; below it a model was certain from the start
FAR = 1.0  # nats per token between the model and its start
RISEN = 1.5  # times the first loss
PEAK = 2.0
LOWER = "Train again with a learning rate of a third or less"
FELL = 0.95
TREND = 2.0  # Student's t
LEARNED = 0.05  # a loss from which nothing is left to learn


@dataclass(frozen=True)
class Finding:
    """A fault by its name, and a sentence: what was seen, and what to do."""

    name: str
    says: str


@dataclass(frozen=True)
class Series:
    """The values of one key of a log, with their steps."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def first(self) -> float:
        return fmean(self.values[: self._quarter])

    @property
    def last(self) -> float:
        return fmean(self.values[-self._quarter :])

    @property
    def error(self) -> float:
        """The standard error of `last - first`, at least 2 values on each side."""
        n = self._quarter
        if n < 2:
            return 0.0
        sides = (self.values[:n], self.values[-n:])
        return math.sqrt(sum(variance(side) / n for side in sides))

    @property
    def trend(self) -> float:
        """Student's t of Spearman's rank correlation between the values and their order."""
        if len(set(self.values)) < 2:
            return 0.0
        r = float(scipy.stats.spearmanr(range(len(self)), self.values).statistic)
        return r * math.sqrt((len(self) - 2) / max(1 - r**2, SAME))

    @property
    def _quarter(self) -> int:
        return max(1, len(self.values) // 4)

    @property
    def rises(self) -> bool:
        return len(self) >= LEAST_ROWS and self.last - self.first > 2 * self.error


def series(log: Sequence[dict], key: str) -> Series:
    """Return the finite values of a key, without the row that sums up the whole run."""
    found = [
        (row["step"], row[key])
        for row in log
        if _is_number(row.get(key)) and _is_number(row.get("step")) and "train_loss" not in row
    ]
    finite = [(int(step), float(value)) for step, value in found if math.isfinite(value)]
    return Series(tuple(step for step, _ in finite), tuple(value for _, value in finite))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def not_finite(log: Sequence[dict], rate: str) -> list[Finding]:
    """Find a loss that is NaN or infinite, or gradients that are so up to the end of the log.

    transformers logs a loss of 0 for a step whose loss is NaN, so its gradient is looked at, too. A
    single gradient that is not finite is normal in float16.
    """
    for row in log:
        for key in ("loss", "eval_loss"):
            if _is_number(row.get(key)) and not math.isfinite(row[key]):
                says = f"{_key(key)} is {row[key]} at step {row.get('step')}{rate}"
                return [Finding(DIVERGED, f"{says}. {LOWER}.")]
    norms = [row for row in log if _is_number(row.get("grad_norm"))]
    if norms and not math.isfinite(norms[-1]["grad_norm"]):
        wrong = [row for row in norms if not math.isfinite(row["grad_norm"])]
        says = (
            f"The gradient is not finite in {len(wrong)} of {len(norms)} logged steps, from step"
            f" {wrong[0].get('step')} on, with a logged loss of {norms[-1].get('loss')}{rate}"
        )
        return [Finding(DIVERGED, f"{says}. {LOWER}, and check the data for empty replies.")]
    return []


def _key(key: str) -> str:
    return {"loss": "The loss", "eval_loss": "The validation loss"}[key]


def diverging(log: Sequence[dict], rate: str) -> list[Finding]:
    """Find a loss that rises far above its start: the learning rate is too high."""
    loss = series(log, "loss")
    if len(loss) < 3:
        return []
    start = loss.values[0]
    peak = max(range(len(loss)), key=loss.values.__getitem__)
    rose = loss.values[peak] > max(PEAK * start, start + 1)
    if not rose and not (len(loss) >= LEAST_ROWS and loss.last > max(RISEN * loss.first, 0.5)):
        return []
    says = (
        f"The loss rises from {start:.3g} at step {loss.steps[0]} to {loss.values[peak]:.3g} at"
        f" step {loss.steps[peak]} and ends at {loss.values[-1]:.3g}{rate}"
    )
    return [Finding(DIVERGED, f"{says}. {LOWER}, or with more warm-up.")]


def not_learning(log: Sequence[dict], rate: str) -> list[Finding]:
    """Find a loss that fell neither by a share of itself nor steadily."""
    loss = series(log, "loss")
    if len(loss) < LEAST_ROWS or loss.first < LEARNED:
        return []
    # A slow fall is one that most steps take part in; a fall by chance is small and has no trend.
    if loss.last < FELL * loss.first or loss.trend < -TREND:
        return []
    says = (
        f"The loss did not fall by more than chance: its mean is {loss.first:.4g} in the first"
        f" quarter of the {len(loss)} logged steps and {loss.last:.4g} in the last{rate}"
    )
    fix = "Raise the learning rate, and check that the labels are not empty"
    return [Finding(NO_LEARNING, f"{says}. {fix} and that some weights are trained.")]


def dead_gradient(log: Sequence[dict], rate: str) -> list[Finding]:
    """Find gradients of exactly 0 in the second half of the log, at a loss that is not near 0."""
    norms = series(log, "grad_norm")
    loss = series(log, "loss")
    half = len(norms) // 2
    if len(norms) < LEAST_ROWS or any(norms.values[half:]) or not len(loss):
        return []
    if abs(loss.last) < LEARNED:
        return []
    zeros = [step for step, value in zip(norms.steps, norms.values) if not value]
    says = f"The gradient is 0 from step {zeros[0]} on, with a loss of {loss.last:.4g}{rate}"
    return [Finding(NO_LEARNING, f"{says}. {LOWER}.")]


def constant_reward(log: Sequence[dict]) -> tuple[list[Finding], list[str]]:
    """Find rewards that do not distinguish replies; return (findings, what the log lacks)."""
    reward = series(log, "reward")
    spread = series(log, "reward_std")
    ties = series(log, "frac_reward_zero_std")
    if not len(spread) and not len(ties):
        return [], ["the spread of the rewards (reward_std)"]
    n = len(reward)
    fix = (
        "Make the task easier, sample more replies to each prompt, or give partial credit, so that"
        " replies to one prompt differ in reward"
    )
    if len(spread) and max(spread.values) <= SAME:
        lowest, highest = min(reward.values), max(reward.values)
        same = highest - lowest <= SAME
        value = f"{lowest:.3g}" if same else f"the same within each batch ({lowest:.3g} to"
        value = value if same else f"{value} {highest:.3g})"
        says = f"The reward is {value} for all replies in all {n} logged steps (reward_std 0)"
        if same and lowest > 0:  # no reply fails: an easier task would change nothing
            fix = "Check that the reward can fail, or make the task harder"
        return [Finding(CONSTANT_REWARD, f"{says}. {fix}.")], []
    if len(ties) and fmean(ties.values) >= NO_SIGNAL:
        says = (
            f"In {fmean(ties.values):.0%} of the prompts, over {len(ties)} logged steps, all"
            " replies got the same reward"
        )
        return [Finding(CONSTANT_REWARD, f"{says}. {fix}.")], []
    return [], []


def lengths(log: Sequence[dict], limit: object) -> tuple[list[Finding], list[str]]:
    """Find replies that run to the limit or shrink to a word, alone or while the reward rises."""
    cut = series(log, "completions/clipped_ratio")
    length = series(log, "completions/mean_length")
    if not len(length) or not len(cut):
        return [], ["the lengths of replies (completions/...)"]
    reward = series(log, "reward")
    most = f" of {limit} tokens" if _is_number(limit) else ""
    rise = f"while the reward rises from {reward.first:.3g} to {reward.last:.3g}"
    if cut.last >= AT_LIMIT:
        if cut.first <= MOST_ENDED and reward.rises:
            says = (
                f"Replies that run to the limit{most} become more frequent ({cut.first:.0%} →"
                f" {cut.last:.0%}) {rise}"
            )
            fix = "Read some replies, and let the reward fall with length or after the end"
            return [Finding(REWARD_HACKING, f"{says}. {fix}.")], []
        says = (
            f"{cut.last:.0%} of the replies in the last logged steps run to the limit{most} without"
            " an end token"
        )
        fix = "Check that the model's end token is the one of its chat template, or raise the limit"
        return [Finding(END_TOKEN, f"{says}. {fix}.")], []
    if length.last <= SHORT and length.last <= SHRUNK * length.first and reward.rises:
        says = f"Replies shrink from {length.first:.3g} to {length.last:.3g} tokens {rise}"
        fix = "Read some replies, and let the reward check their content"
        return [Finding(REWARD_HACKING, f"{says}. {fix}.")], []
    return [], []


def collapsing(log: Sequence[dict]) -> tuple[list[Finding], list[str]]:
    """Find an entropy that collapses, or a KL divergence that explodes.

    A KL divergence that is summed over a reply is divided by its mean length; for trainers that log
    it per token, this is a lower bound.
    """
    findings: list[Finding] = []
    missing = []
    entropy = series(log, "entropy")
    divergence = series(log, "kl")
    if not len(entropy):
        missing.append("the entropy of the replies (entropy)")
    elif (
        len(entropy) >= LEAST_ROWS
        and entropy.first >= LEAST_ENTROPY
        and entropy.last <= ENTROPY_LEFT * entropy.first
    ):
        says = f"The entropy falls from {entropy.first:.3g} to {entropy.last:.3g} nats per token"
        fix = "Lower the learning rate, raise beta, or stop earlier"
        findings.append(
            Finding(COLLAPSE, f"{says}, so the replies to a prompt are all alike. {fix}.")
        )
    if not len(divergence):
        missing.append("the KL divergence from the start (kl)")
    else:
        n_tokens = series(log, "completions/mean_length")
        per_token = divergence.last / max(1.0, n_tokens.last if len(n_tokens) else 1.0)
        if len(divergence) >= LEAST_ROWS and per_token > FAR:
            says = (
                f"The KL divergence from the start rises from {divergence.first:.3g} to"
                f" {divergence.last:.3g} nats, at least {per_token:.2g} per token"
            )
            findings.append(Finding(COLLAPSE, f"{says}. Raise beta, or lower the learning rate."))
    return findings, missing
