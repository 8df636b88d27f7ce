"""Lab 09, search_prompts: the reference answer and the known misconceptions."""

import math
from collections.abc import Callable, Mapping, Sequence

from adaptlab.grading.exercise import Exercise, wrong

Hits = Mapping[str, Sequence[int]]


def n_cases(hits: Hits) -> int:
    return len(next(iter(hits.values())))


def n_for_choice(hits: Hits) -> int:
    return n_cases(hits) // 2


def share(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def earlier(hits: Hits, seen: Mapping[str, int], left: Sequence[str]) -> list[str]:
    """The remaining prompts from the best to the worst; of equals, the earlier in `hits` first."""
    return sorted((name for name in hits if name in left), key=lambda name: -seen[name])


def later(hits: Hits, seen: Mapping[str, int], left: Sequence[str]) -> list[str]:
    """As `earlier`, but of equals the later one first."""
    order = list(hits)
    return sorted(left, key=lambda name: (seen[name], order.index(name)), reverse=True)


def by_last_rank(hits: Hits, seen: Mapping[str, int], left: Sequence[str]) -> list[str]:
    """As `earlier`, but of equals the leader of the round before first."""
    return sorted(left, key=lambda name: -seen[name])


def chosen(
    hits: Hits,
    budget: int,
    n_choice: int | None = None,
    kept: Callable[[int], int] = lambda n: -(-n // 2),
    n_rounds: int | None = None,
    starts_again: bool = False,
    forgets: bool = False,
    ranked: Callable = earlier,
) -> tuple[str, int]:
    """Return the chosen prompt and the number of evaluations, with a part of the search changed."""
    last = n_for_choice(hits) if n_choice is None else n_choice
    n_rounds = (len(hits) - 1).bit_length() if n_rounds is None else n_rounds
    left = list(hits)
    seen = dict.fromkeys(hits, 0)
    start = spent = 0
    while len(left) > 1:
        begin = 0 if starts_again else start
        end = min(last, begin + budget // (n_rounds * len(left)))
        for name in left:
            before = 0 if forgets else seen[name]
            seen[name] = before + sum(hits[name][begin:end])
        spent += len(left) * (end - begin)
        start = end
        left = ranked(hits, seen, left)[: kept(len(left))]
    return left[0], spent


def reported(hits: Hits, name: str, spent: int) -> tuple[str, float, int]:
    """Return the result, with the score on the cases that had no part in the choice."""
    return name, share(hits[name][n_for_choice(hits) :]), spent


class search_prompts(Exercise):
    """Successive halving on one half of the cases, and the score on the other half."""

    n_draws = 40

    @staticmethod
    def draw(rng):
        size = int(rng.integers(6, 41))
        names = [f"p{number}" for number in rng.permutation(20)[: rng.integers(2, 10)]]
        rates = {name: float(rng.uniform(0.3, 0.9)) for name in names}
        hits = {
            name: (rng.random(size) < rate).astype(int).tolist() for name, rate in rates.items()
        }
        return hits, int(rng.integers(0, 4 * size))

    @staticmethod
    def edges():
        one = {"short": [1, 0, 1, 1]}
        two = {"short": [1, 0, 1, 1, 0, 0], "long": [1, 1, 0, 0, 1, 0]}
        same = {"a": [1, 1, 0, 1], "b": [1, 1, 1, 0], "c": [1, 1, 1, 1]}
        lucky = {"steady": [0, 1, 1, 1, 1, 1, 1, 1], "lucky": [1, 1, 1, 1, 0, 0, 0, 1]}
        # "b" leads after the first round, "a" draws level in the second.
        level = {
            "a": [0, 1, 1, 0, 0, 1, 0, 1],
            "b": [1, 1, 0, 0, 1, 1, 1, 0],
            "c": [0, 0, 1, 1, 1, 0, 0, 0],
            "d": [0, 0, 1, 1, 1, 0, 1, 0],
        }
        return [
            (one, 0),
            (one, 10),
            (two, 0),
            (two, 2),
            (two, 100),
            (same, 100),
            (lucky, 8),
            (level, 16),
            (level, 7),
        ]

    @staticmethod
    def right(hits, budget):
        name, spent = chosen(hits, budget)
        return reported(hits, name, spent)

    @staticmethod
    @wrong(
        "The score is from the cases on which the prompt was chosen. The best of several prompts is"
        " also the luckiest there: this is the winner's curse. Report the score on the other cases."
    )
    def score_of_the_choice(hits, budget):
        name, spent = chosen(hits, budget)
        return name, share(hits[name][: n_for_choice(hits)]), spent

    @staticmethod
    @wrong(
        "The score is from all cases. One half of them had a part in the choice, so the score is"
        " too high on average. Use only the cases for the score."
    )
    def score_of_all(hits, budget):
        name, spent = chosen(hits, budget)
        return name, share(hits[name]), spent

    @staticmethod
    @wrong(
        "You also choose on the cases for the score. Then no case is left that had no part in the"
        " choice. Use only the first half for choosing."
    )
    def chooses_on_all(hits, budget):
        name, spent = chosen(hits, budget, n_choice=n_cases(hits))
        return reported(hits, name, spent)

    @staticmethod
    @wrong(
        "The search exceeds the budget: each round uses all of it. The rounds share the budget in"
        " equal parts."
    )
    def budget_each_round(hits, budget):
        name, spent = chosen(hits, budget, n_rounds=1)
        return reported(hits, name, spent)

    @staticmethod
    @wrong(
        "You evaluate every prompt on every case for choosing, whatever the budget is. Drop the"
        " worse half of the prompts after each round."
    )
    def exhaustive(hits, budget):
        half = n_for_choice(hits)
        name = max(hits, key=lambda name: sum(hits[name][:half]))
        return reported(hits, name, half * len(hits))

    @staticmethod
    @wrong("Of prompts with equal hits you keep the last. Keep the one that comes first in `hits`.")
    def last_of_equals(hits, budget):
        name, spent = chosen(hits, budget, ranked=later)
        return reported(hits, name, spent)

    @staticmethod
    @wrong(
        "Of prompts with equal hits you keep the one that led in the round before. Keep the one"
        " that comes first in `hits`."
    )
    def leader_of_equals(hits, budget):
        name, spent = chosen(hits, budget, ranked=by_last_rank)
        return reported(hits, name, spent)

    @staticmethod
    @wrong(
        "You compare the prompts by the hits of the last round alone. The hits of the earlier"
        " rounds count, too."
    )
    def last_round_alone(hits, budget):
        name, spent = chosen(hits, budget, forgets=True)
        return reported(hits, name, spent)

    @staticmethod
    @wrong(
        "Every round starts at the first case again. The prompts that are left were evaluated there"
        " already. Continue with new cases."
    )
    def same_cases_again(hits, budget):
        name, spent = chosen(hits, budget, starts_again=True)
        return reported(hits, name, spent)

    @staticmethod
    @wrong("Of an odd number of prompts you keep the smaller half. Round up: of 5 keep 3.")
    def rounded_down(hits, budget):
        name, spent = chosen(hits, budget, kept=lambda n: n // 2)
        return reported(hits, name, spent)

    @staticmethod
    @wrong(
        "You drop one prompt in each round. Successive halving drops half of them, so that the good"
        " ones get more cases."
    )
    def drops_one(hits, budget):
        name, spent = chosen(hits, budget, kept=lambda n: n - 1)
        return reported(hits, name, spent)

    @staticmethod
    @wrong("The third value is the budget. Count the evaluations that the search used.")
    def whole_budget(hits, budget):
        name, _ = chosen(hits, budget)
        return reported(hits, name, budget)

    @staticmethod
    @wrong(
        "The number of rounds is log2 of the number of prompts, rounded down. Round it up: 5"
        " prompts need 3 rounds."
    )
    def rounds_rounded_down(hits, budget):
        name, spent = chosen(hits, budget, n_rounds=int(math.log2(len(hits))))
        return reported(hits, name, spent)
