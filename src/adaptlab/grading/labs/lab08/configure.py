"""Lab 08, configure: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong

BUDGETS = ("tokens", "p95", "update_minutes")


def broken(arm, budget, exceeds=lambda value, limit: value > limit):
    return [name for name in BUDGETS if exceeds(arm[name], budget[name])]


def chosen(arms, budget, key=lambda arm: (-arm["low"], arm["tokens"]), faults=broken):
    """(the best arm's name, what excluded each of the others)."""
    excluded = {arm["name"]: faults(arm, budget) for arm in arms if faults(arm, budget)}
    left = [arm for arm in arms if arm["name"] not in excluded]
    return (min(left, key=key)["name"] if left else None), excluded


class configure(Exercise):
    """The arm with the best lower bound within every budget, and which budgets exclude
    the others.
    """

    n_draws = 60

    @staticmethod
    def draw(rng):
        arms = [
            {
                "name": name,
                "share": 0.0,
                "low": int(rng.integers(4, 8)) / 8,
                "tokens": int(rng.integers(1, 5)) * 100,
                "p95": int(rng.integers(1, 6)) / 4,
                "update_minutes": float(rng.choice([0.0, 0.0, 5.0, 60.0])),
            }
            for name in "abcdefgh"[: rng.integers(1, 8)]
        ]
        for arm in arms:
            arm["share"] = arm["low"] + int(rng.integers(1, 6)) / 16
        budget = {
            "tokens": int(rng.integers(2, 5)) * 100,
            "p95": int(rng.integers(2, 6)) / 4,
            "update_minutes": float(rng.choice([0.0, 5.0, 60.0])),
        }
        return arms, budget

    @staticmethod
    def edges():
        def arm(name, low, tokens, p95=0.5, minutes=0.0, share=0.9):
            return {
                "name": name,
                "share": share,
                "low": low,
                "tokens": tokens,
                "p95": p95,
                "update_minutes": minutes,
            }

        budget = {"tokens": 300, "p95": 1.0, "update_minutes": 5.0}
        return [
            ([], budget),
            ([arm("a", 0.5, 300, 1.0, 5.0)], budget),
            ([arm("a", 0.5, 301, 1.5, 60.0)], budget),
            ([arm("a", 0.5, 200), arm("b", 0.5, 100)], budget),
            ([arm("a", 0.5, 100), arm("b", 0.5, 100, p95=0.25)], budget),
            ([arm("a", 0.5, 200, share=0.95), arm("b", 0.75, 300, share=0.8)], budget),
            ([arm("a", 0.9, 900), arm("b", 0.5, 100)], budget),
        ]

    @staticmethod
    def right(arms, budget):
        return chosen(arms, budget)

    @staticmethod
    @wrong("An arm that takes exactly what the budget allows is within it.")
    def at_the_limit(arms, budget):
        return chosen(
            arms,
            budget,
            faults=lambda arm, budget: broken(
                arm, budget, exceeds=lambda value, limit: value >= limit
            ),
        )

    @staticmethod
    @wrong(
        "You name the first budget that is broken. Whoever mends the arm wants to know all of them."
    )
    def first_alone(arms, budget):
        return chosen(arms, budget, faults=lambda arm, budget: broken(arm, budget)[:1])

    @staticmethod
    @wrong(
        "You go by the share that was measured. Of two arms the one that is surer to be good is"
        " better: go by the lower bound."
    )
    def by_share(arms, budget):
        return chosen(arms, budget, key=lambda arm: (-arm["share"], arm["tokens"]))

    @staticmethod
    @wrong(
        "You take the arm with the fewest tokens. Within the budget quality decides, and tokens"
        " only between equals."
    )
    def cheapest(arms, budget):
        return chosen(arms, budget, key=lambda arm: (arm["tokens"], -arm["low"]))

    @staticmethod
    @wrong(
        "Of arms with the same lower bound you take the first. The one with fewer tokens is better."
    )
    def first_of_equals(arms, budget):
        return chosen(arms, budget, key=lambda arm: -arm["low"])

    @staticmethod
    @wrong(
        "Arms that no budget excludes do not belong among the excluded, not even with an empty"
        " list."
    )
    def all_are_named(arms, budget):
        return chosen(arms, budget)[0], {arm["name"]: broken(arm, budget) for arm in arms}

    @staticmethod
    @wrong(
        "You choose among all arms. One that breaks a budget cannot be taken, however good it is."
    )
    def budgets_forgotten(arms, budget):
        return (
            min(arms, key=lambda arm: (-arm["low"], arm["tokens"]))["name"] if arms else None
        ), chosen(arms, budget)[1]
