"""Lab 03, compare: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong


def bootstrap(new, old, resamples, drawn=None, percentiles=(2.5, 97.5)) -> dict[str, float]:
    """What `compare` returns; the misconceptions have other differences of the draws, or other
    percentiles.
    """
    gaps = np.asarray(new) - np.asarray(old)
    moved = gaps[resamples].mean(1) if drawn is None else drawn
    low, high = np.percentile(moved, percentiles)
    return {"difference": gaps.mean(), "low": low, "high": high, "not better": (moved <= 0).mean()}


class compare(Exercise):
    """The paired bootstrap of a difference of means, over draws that are given."""

    @staticmethod
    def draw(rng):
        n = int(rng.integers(4, 11))
        n_draws = int(rng.integers(20, 40))
        old = rng.integers(0, 5, size=n) / 4
        new = np.clip(old + rng.choice([-0.25, 0.0, 0.25, 0.5], size=n), 0, 1)
        # Never the same everywhere.
        new[0], old[0] = (1.0, 0.75) if rng.random() < 0.5 else (0.5, 0.75)
        return (
            [float(x) for x in new],
            [float(x) for x in old],
            rng.integers(0, n, size=(n_draws, n)),
        )

    @staticmethod
    def edges():
        rng = np.random.default_rng(0)
        return [
            ([1.0, 0.0, 0.5], [0.0, 1.0, 0.5], rng.integers(0, 3, size=(40, 3))),
            ([0.75], [0.5], np.zeros((6, 1), int)),
            ([0.5, 1.0], [0.5, 1.0], rng.integers(0, 2, size=(9, 2))),
        ]

    @staticmethod
    def right(new, old, resamples):
        return bootstrap(new, old, resamples)

    @staticmethod
    @wrong(
        "You draw other questions for the old system than for the new one. Then a hard question"
        " falls on one of them alone; both get the same draw."
    )
    def unpaired(new, old, resamples):
        return bootstrap(
            new,
            old,
            resamples,
            np.asarray(new)[resamples].mean(1) - np.asarray(old)[resamples[::-1]].mean(1),
        )

    @staticmethod
    @wrong(
        "You draw questions for the new system and compare with the old one's mean over all. Both"
        " are asked the drawn questions."
    )
    def old_fixed(new, old, resamples):
        return bootstrap(new, old, resamples, np.asarray(new)[resamples].mean(1) - np.mean(old))

    @staticmethod
    @wrong(
        "Your interval is that of single questions. A draw is a whole set of n questions, and what"
        " moves is its mean."
    )
    def single_questions(new, old, resamples):
        return bootstrap(new, old, resamples, np.asarray(new) - np.asarray(old))

    @staticmethod
    @wrong(
        "You take the mean over the draws for each place. Each row of `resamples` is a draw: one"
        " mean for each row."
    )
    def wrong_axis(new, old, resamples):
        return bootstrap(
            new, old, resamples, (np.asarray(new) - np.asarray(old))[resamples].mean(0)
        )

    @staticmethod
    @wrong(
        "Your interval holds 90 of 100 draws: from the 5th percentile to the 95th. It is the 2.5th"
        " and the 97.5th."
    )
    def ninety(new, old, resamples):
        return bootstrap(new, old, resamples, percentiles=(5, 95))

    @staticmethod
    @wrong(
        "Your interval reaches from the lowest draw to the highest. It grows with the number of"
        " draws; take the percentiles."
    )
    def extremes(new, old, resamples):
        return bootstrap(new, old, resamples, percentiles=(0, 100))

    @staticmethod
    @wrong(
        "Your interval is 1.96 standard deviations to each side, which assumes a bell. The"
        " percentiles of the draws are asked for."
    )
    def normal(new, old, resamples):
        told = bootstrap(new, old, resamples)
        spread = (np.asarray(new) - np.asarray(old))[resamples].mean(1).std()
        return told | {
            "low": told["difference"] - 1.96 * spread,
            "high": told["difference"] + 1.96 * spread,
        }

    @staticmethod
    @wrong(
        "Your difference is the mean over the draws. It is the one on the questions as they are;"
        " the draws are for its interval."
    )
    def of_the_draws(new, old, resamples):
        return bootstrap(new, old, resamples) | {
            "difference": (np.asarray(new) - np.asarray(old))[resamples].mean()
        }

    @staticmethod
    @wrong("The sign is turned round: it is new minus old.")
    def reversed_sign(new, old, resamples):
        return bootstrap(old, new, resamples)

    @staticmethod
    @wrong(
        "A draw with a difference of exactly 0 is not a better one, and counts among the not"
        " better."
    )
    def strictly_worse(new, old, resamples):
        return bootstrap(new, old, resamples) | {
            "not better": ((np.asarray(new) - np.asarray(old))[resamples].mean(1) < 0).mean()
        }

    @staticmethod
    @wrong(
        "You give the share of the draws in which new is better. The share in which it is not is"
        " asked for."
    )
    def better(new, old, resamples):
        told = bootstrap(new, old, resamples)
        return told | {"not better": 1 - told["not better"]}

    @staticmethod
    @wrong("You count draws. `not better` is their share.")
    def counted(new, old, resamples):
        told = bootstrap(new, old, resamples)
        return told | {"not better": told["not better"] * len(resamples)}
