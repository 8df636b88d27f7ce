"""The bank of decisions: tasks measured with every lever, under several conditions, with the best
lever for each.

The best lever is the cheapest, in money a month, that reaches the required accuracy. If none does,
it is the lever with the highest accuracy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adaptlab.checks import check_number
from adaptlab.decide.costs import PRICES, Prices, Usage, monthly_cost
from adaptlab.decide.need import Lever, Need
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate


@dataclass(frozen=True)
class Measured:
    """A lever's scores on a task and its usage.

    `scores` are by the number of training examples, with one entry at 0 without fine-tuning.
    """

    scores: Mapping[int, Estimate]
    usage: Usage

    def estimate(self, n_examples: int) -> Estimate | None:
        """Return the accuracy with at most this many examples; None if every measurement has
        more.
        """
        within = [n for n in self.scores if n <= n_examples]
        return self.scores[max(within)] if within else None


Matrix = Mapping[str, Mapping[Lever, Measured]]  # by task, by lever


@dataclass(frozen=True)
class Condition:
    """The conditions of a task's owner: traffic, examples, a budget, and the required accuracy.

    Updates of facts count if the task has facts.
    """

    name: str
    n_queries: float = 1000
    n_updates: float = 0.0
    n_examples: int = 1000
    least: float = 0.8
    budget: float = 100

    def __post_init__(self):
        for name in ("n_queries", "n_updates", "n_examples", "budget"):
            check_number(getattr(self, name), name, 0)
        check_number(self.least, "least", 0, 1)


CONDITIONS = (
    Condition("ordinary"),
    Condition("few queries, a low budget", n_queries=100, budget=20),
    Condition("very many queries", n_queries=200_000, budget=10_000),
    Condition("a few hundred examples", n_examples=300),
    Condition("hardly any examples", n_examples=30),
    Condition("facts change daily", n_updates=30),
    Condition("must be nearly always right", least=0.95),
)


@dataclass(frozen=True)
class BankCase:
    """A task under a condition, with the measured scores and costs, and the best lever."""

    task: str
    condition: str
    need: Need
    scores: Mapping[Lever, float]
    costs: Mapping[Lever, float]
    best: Lever

    @property
    def reached(self) -> bool:
        """Whether the best lever has the required accuracy."""
        return self.scores[self.best] >= self.need.least


@dataclass(frozen=True)
class Described:
    """The facts that an owner knows of a task before anything is built, and the `baseline` without
    a language model that was measured on it.
    """

    lacks_facts: bool = False
    n_documents: int = 0
    baseline: str = "TF-IDF with logistic regression"


def best_lever(scores: Mapping[Lever, float], costs: Mapping[Lever, float], least: float) -> Lever:
    """Return the cheapest lever with the required accuracy, else the most accurate; of equal levers
    the simpler.
    """
    if not scores or scores.keys() != costs.keys():
        raise AdaptLabError(
            "The levers of the scores and of the costs differ. Give both for each lever."
        )
    enough = [lever for lever in scores if scores[lever] >= least]
    return (
        min(enough, key=lambda lever: costs[lever])
        if enough
        else max(scores, key=lambda lever: scores[lever])
    )


def bank(
    matrix: Matrix,
    described: Mapping[str, Described],
    conditions: Sequence[Condition] = CONDITIONS,
    prices: Prices = PRICES,
) -> list[BankCase]:
    """Return every task under every condition that affects it: daily changes of facts only for
    tasks with facts.

    A case in which every lever has an accuracy of 0 is left out.
    """
    cases = [
        case(task, condition, matrix[task], about, prices)
        for task, about in described.items()
        for condition in conditions
        if about.lacks_facts or not condition.n_updates
    ]
    return [one for one in cases if max(one.scores.values()) > 0]


def case(
    task: str,
    condition: Condition,
    measured: Mapping[Lever, Measured],
    about: Described,
    prices: Prices = PRICES,
) -> BankCase:
    """Return one task under one condition."""
    found = {lever: one.estimate(condition.n_examples) for lever, one in measured.items()}
    scores = {lever: estimate.value for lever, estimate in found.items() if estimate}
    costs = {
        lever: monthly_cost(
            lever, measured[lever].usage, condition.n_queries, condition.n_updates, prices
        )
        for lever in scores
    }
    # Every guide wants these tried before fine-tuning.
    tried = scores[Lever.RETRIEVE if about.lacks_facts else Lever.PROMPT]
    need = Need(
        about.lacks_facts,
        tried < condition.least,
        about.n_documents,
        condition.n_updates,
        condition.n_examples,
        condition.least,
        condition.budget,
        condition.n_queries,
        round(measured[Lever.PROMPT].usage.prompt_tokens),
    )
    return BankCase(
        task, condition.name, need, scores, costs, best_lever(scores, costs, condition.least)
    )


def share_best(cases: Sequence[BankCase], answers: Sequence[Lever]) -> Estimate:
    """Return the share of cases in which the answer is the best lever."""
    from adaptlab.evals.statistics import proportion  # here: the page in the browser has no SciPy

    return proportion([answer == case.best for case, answer in zip(cases, answers, strict=True)])
