"""The cost of an answer: tokens and training at the reader's prices, by queries and updates."""

from collections.abc import Sequence
from dataclasses import dataclass

from adaptlab.checks import check_number
from adaptlab.decide.need import Lever


@dataclass(frozen=True)
class Prices:
    """Money for a million tokens.

    `tuned`: price factor of a query to a fine-tuned model, relative to its base. `hosting`: money a
    month for your own model. `searching`: money a month for a search index. `training` and `tuned`
    are guide B's figures; the others are assumptions, so replace them by your own.
    """

    prompt: float = 0.5
    completion: float = 1.5
    training: float = 8.0
    tuned: float = 2.0
    hosting: float = 0.0
    searching: float = 0.0

    def __post_init__(self):
        _check_amounts(self)


def _check_amounts(given) -> None:
    """Check amounts.

    Raises:
        AdaptLabError: if an amount is negative or not a number.
    """
    for name, value in vars(given).items():
        check_number(value, name, 0)


PRICES = Prices()


@dataclass(frozen=True)
class Usage:
    """Measured usage of a lever: mean tokens of a query, and training tokens to build it and to
    update its facts.
    """

    prompt_tokens: float
    completion_tokens: float
    training_tokens: float = 0.0
    update_tokens: float = 0.0

    def __post_init__(self):
        _check_amounts(self)


def query_cost(lever: Lever, usage: Usage, prices: Prices = PRICES) -> float:
    """Return the money for one query."""
    money = (
        usage.prompt_tokens * prices.prompt + usage.completion_tokens * prices.completion
    ) / 1e6
    return money * (prices.tuned if lever.tunes else 1.0)


def monthly_cost(
    lever: Lever,
    usage: Usage,
    n_queries: float,
    n_updates: float = 0.0,
    prices: Prices = PRICES,
    months: float = 12.0,
) -> float:
    """Return the money a month for `n_queries` a day and `n_updates` of facts a month; the build is
    spread over `months`.
    """
    check_number(n_queries, "n_queries", 0), check_number(n_updates, "n_updates", 0)
    check_number(months, "months", 1)
    kept = prices.hosting * lever.tunes + prices.searching * lever.retrieves
    trained = (
        (usage.training_tokens / months + n_updates * usage.update_tokens) * prices.training / 1e6
    )
    return kept + trained + 30.0 * n_queries * query_cost(lever, usage, prices)


def crossing(
    a: tuple[Lever, Usage],
    b: tuple[Lever, Usage],
    n_updates: float = 0.0,
    prices: Prices = PRICES,
    months: float = 12.0,
) -> float | None:
    """Return the queries a day at which both cost the same; None if one lever is always cheaper.

    Below, the lever with the costlier query is cheaper; above, the other.
    """
    fixed = [monthly_cost(*arm, 0, n_updates, prices, months) for arm in (a, b)]
    moving = [30.0 * query_cost(*arm, prices) for arm in (a, b)]
    if moving[0] == moving[1] or (n := (fixed[1] - fixed[0]) / (moving[0] - moving[1])) <= 0:
        return None
    return n


def curve(
    lever: Lever,
    usage: Usage,
    queries: Sequence[float],
    n_updates: float = 0.0,
    prices: Prices = PRICES,
) -> list[float]:
    """Return the money a month at each number of queries a day."""
    return [monthly_cost(lever, usage, n, n_updates, prices) for n in queries]
