"""Lab 07, paired: what is right, and what wrong answers believe."""

import numpy as np
from scipy import stats

from adaptlab.grading.exercise import Exercise, wrong


def counted(before: list, after: list) -> tuple[int, int, int]:
    """(lost, won, cases)."""
    return (
        sum(b > a for b, a in zip(before, after)),
        sum(a > b for b, a in zip(before, after)),
        len(before),
    )


def coin(lost: int, thrown: int, alternative: str = "two-sided") -> float:
    return float(stats.binomtest(lost, thrown, alternative=alternative).pvalue) if thrown else 1.0


class paired(Exercise):
    """What was lost and won, case by case, the change of the share, and McNemar's exact p-value,
    two-sided.
    """

    n_draws = 30

    @staticmethod
    def draw(rng):
        n = int(rng.integers(3, 60))
        before = rng.random(n) < rng.choice([0.5, 0.8, 1.0])
        turned = rng.random(n) < np.where(before, *rng.choice([0.05, 0.2, 0.4], size=2))
        return before.astype(int).tolist(), (before ^ turned).astype(int).tolist()

    @staticmethod
    def edges():
        return [
            ([1, 1, 1, 1, 1, 0, 0, 1], [0, 0, 0, 0, 1, 0, 1, 1]),
            ([1], [1]),
            ([0], [1]),
            ([1], [0]),
            ([0, 0, 1], [0, 0, 1]),
            ([1] * 12, [0] * 9 + [1] * 3),
            ([0] * 7 + [1] * 3, [1] * 10),
            ([1, 0, 1, 0], [0, 1, 0, 1]),
            ([0, 0, 0], [0, 0, 0]),
        ]

    @staticmethod
    def right(before, after):
        lost, won, n = counted(before, after)
        return {"lost": lost, "won": won, "change": (won - lost) / n, "p": coin(lost, lost + won)}

    @staticmethod
    @wrong("Your p-value looks for losses alone. Two-sided is asked for: a skill may be won, too.")
    def losses_alone(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"p": coin(lost, lost + won, "greater")}

    @staticmethod
    @wrong(
        "You throw the coin for every case. Those that came out as before say nothing: only the"
        " changed ones are throws."
    )
    def all_cases_thrown(before, after):
        lost, _, n = counted(before, after)
        return paired.right(before, after) | {"p": coin(lost, n)}

    @staticmethod
    @wrong(
        "You compare two shares as if other cases had been asked before and after. They were the"
        " same ones, and only those that changed count."
    )
    def unpaired(before, after):
        n = len(before)
        right_before = sum(before)
        right_after = sum(after)
        exact = stats.fisher_exact(
            [[right_before, n - right_before], [right_after, n - right_after]]
        )
        return paired.right(before, after) | {"p": float(exact.pvalue)}

    @staticmethod
    @wrong(
        "Your p-value is that of the chi-squared approximation. With few changed cases it is far"
        " off; take the exact one."
    )
    def approximate(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {
            "p": float(stats.chi2.sf((lost - won) ** 2 / (lost + won), 1)) if lost + won else 1.0
        }

    @staticmethod
    @wrong("Where no case changed your p-value is 0. It is 1: nothing speaks for a change.")
    def zero_for_none(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"p": coin(lost, lost + won) if lost + won else 0.0}

    @staticmethod
    @wrong("Your change has the wrong sign: it is after minus before, so a loss is negative.")
    def change_reversed(before, after):
        found = paired.right(before, after)
        return found | {"change": -found["change"]}

    @staticmethod
    @wrong(
        "Your change is a share of the changed cases. It is one of all cases: what a user would"
        " notice."
    )
    def of_the_changed(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {
            "change": (won - lost) / (lost + won) if lost + won else 0.0
        }

    @staticmethod
    @wrong(
        "Your change is a number of cases. Divide by how many there are: shares of skills with more"
        " and fewer cases have to be comparable."
    )
    def change_in_cases(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"change": won - lost}

    @staticmethod
    @wrong("Lost and won are swapped: a case is lost if it was right before and is wrong after.")
    def swapped(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"lost": won, "won": lost}

    @staticmethod
    @wrong(
        "You count all wrong cases after as lost and all right ones as won. Only a case that came"
        " out otherwise before was lost or won."
    )
    def all_after(before, after):
        return paired.right(before, after) | {"lost": len(after) - sum(after), "won": sum(after)}
