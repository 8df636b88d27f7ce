"""Lab 08, bill: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong

DAYS = 30
UNIT = 1e6


def bill_with(
    arm,
    n_queries,
    n_updates,
    months,
    prices,
    days=DAYS,
    unit=UNIT,
    fresh=None,
    factor=None,
    spread=None,
    factor_on_training=1.0,
):
    """Money a month, with a part of the right formula changed."""
    tuned = prices["tuned"] if arm["tuned"] else 1.0
    new = arm["prompt_tokens"] - arm["cached_tokens"] if fresh is None else fresh
    query = (
        new * prices["prompt"]
        + arm["cached_tokens"] * prices["cached"]
        + arm["reply_tokens"] * prices["reply"]
    ) * (tuned if factor is None else factor)
    trained = (
        arm["training_tokens"] / (months if spread is None else spread)
        + n_updates * arm["update_tokens"]
    ) * prices["training"]
    return (days * n_queries * query + trained * factor_on_training) / unit


class bill(Exercise):
    """Money a month: queries with a cached part, training spread over months, updates."""

    n_draws = 30

    @staticmethod
    def draw(rng):
        prompt = int(rng.integers(50, 900))
        arm = {
            "prompt_tokens": prompt,
            "cached_tokens": int(rng.integers(0, prompt)),
            "reply_tokens": int(rng.integers(5, 80)),
            "training_tokens": int(rng.integers(1, 50)) * 100_000,
            "update_tokens": int(rng.integers(0, 9)) * 10_000,
            "tuned": bool(rng.integers(2)),
        }
        prices = {
            "prompt": 0.5,
            "cached": 0.05,
            "reply": 1.5,
            "training": 8.0,
            "tuned": float(rng.choice([1.5, 2.0, 3.0])),
        }
        return (
            arm,
            int(rng.integers(100, 50_000)),
            int(rng.integers(0, 40)),
            int(rng.integers(2, 25)),
            prices,
        )

    @staticmethod
    def edges():
        arm = {
            "prompt_tokens": 400,
            "cached_tokens": 300,
            "reply_tokens": 20,
            "training_tokens": 3_000_000,
            "update_tokens": 50_000,
            "tuned": True,
        }
        prices = {"prompt": 0.5, "cached": 0.05, "reply": 1.5, "training": 8.0, "tuned": 2.0}
        return [
            (arm, 0, 0, 12, prices),
            (arm, 1000, 0, 1, prices),
            (arm | {"tuned": False}, 1000, 5, 12, prices),
            (
                arm | {"cached_tokens": 0, "training_tokens": 0, "update_tokens": 0},
                500,
                9,
                12,
                prices,
            ),
            (arm | {"cached_tokens": 400}, 7, 2, 6, prices),
        ]

    @staticmethod
    def right(arm, n_queries, n_updates, months, prices):
        return bill_with(arm, n_queries, n_updates, months, prices)

    @staticmethod
    @wrong(
        "You pay for the cached tokens twice: they are among the tokens of the prompt, and cost the"
        " price of cached ones in place of the other."
    )
    def cached_twice(arm, n_queries, n_updates, months, prices):
        return bill_with(arm, n_queries, n_updates, months, prices, fresh=arm["prompt_tokens"])

    @staticmethod
    @wrong(
        "You charge a tuned model's price for every arm. Only where `tuned` is true are queries"
        " costlier."
    )
    def always_tuned(arm, n_queries, n_updates, months, prices):
        return bill_with(arm, n_queries, n_updates, months, prices, factor=prices["tuned"])

    @staticmethod
    @wrong("A tuned model's queries are costlier, and you charge them like the others.")
    def never_tuned(arm, n_queries, n_updates, months, prices):
        return bill_with(arm, n_queries, n_updates, months, prices, factor=1.0)

    @staticmethod
    @wrong("You make the training costlier by the factor that belongs to queries.")
    def tuned_training(arm, n_queries, n_updates, months, prices):
        return bill_with(
            arm,
            n_queries,
            n_updates,
            months,
            prices,
            factor_on_training=prices["tuned"] if arm["tuned"] else 1.0,
        )

    @staticmethod
    @wrong("You pay the first training anew each month. It is paid once, and spread over `months`.")
    def not_spread(arm, n_queries, n_updates, months, prices):
        return bill_with(arm, n_queries, n_updates, months, prices, spread=1)

    @staticmethod
    @wrong("You count the queries of one day. The bill is for a month of thirty.")
    def one_day(arm, n_queries, n_updates, months, prices):
        return bill_with(arm, n_queries, n_updates, months, prices, days=1)

    @staticmethod
    @wrong(
        "You spread the updates over the months as well. They come each month, and are paid each"
        " month."
    )
    def updates_spread(arm, n_queries, n_updates, months, prices):
        return bill_with(
            arm | {"update_tokens": arm["update_tokens"] / months},
            n_queries,
            n_updates,
            months,
            prices,
        )

    @staticmethod
    @wrong("Your prices are for a thousand tokens. They are for a million.")
    def by_the_thousand(arm, n_queries, n_updates, months, prices):
        return bill_with(arm, n_queries, n_updates, months, prices, unit=1e3)

    @staticmethod
    @wrong("You leave out what updates cost: each trains `update_tokens` anew.")
    def no_updates(arm, n_queries, n_updates, months, prices):
        return bill_with(arm, n_queries, 0, months, prices)
