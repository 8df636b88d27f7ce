"""Lab 02, choose_threshold: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong


def tried(
    scores, right, max_risk: float, kept=lambda score, threshold: score >= threshold
) -> list[tuple[float, float, float]]:
    """(threshold, coverage, risk) of every score as a threshold, from the lowest on."""
    rows = []
    for threshold in sorted(set(scores)):
        given = [hit for score, hit in zip(scores, right) if kept(score, threshold)]
        rows.append(
            (threshold, len(given) / len(scores), given.count(False) / len(given) if given else 0.0)
        )
    return rows


def widest(rows, max_risk: float):
    """The row with the greatest coverage that keeps to the risk."""
    return max((row for row in rows if row[2] <= max_risk), key=lambda row: row[1], default=None)


class choose_threshold(Exercise):
    """The threshold with the greatest coverage at an accepted risk."""

    n_draws = 40

    @staticmethod
    def draw(rng):
        n = int(rng.integers(3, 15))
        scores = rng.integers(1, 9, size=n) / 8  # on a grid, so that ties are common
        right = rng.random(n) < 0.25 + 0.7 * scores
        # Shares of a few cases never are 0.13, 0.21, 0.29 or 0.37; 0, 0.25 and 0.5 they are
        # exactly, however they are computed.
        return (
            [float(s) for s in scores],
            [bool(hit) for hit in right],
            float(rng.choice([0.0, 0.13, 0.21, 0.25, 0.29, 0.37, 0.5])),
        )

    @staticmethod
    def edges():
        dip = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [False, True, True, True, True, False]
        return [
            (*dip, 0.29),
            (*dip, 0.0),
            ([0.5, 0.5, 0.5], [True, False, True], 0.25),
            ([0.5, 0.5, 0.8], [True, False, True], 0.0),
            ([], [], 0.2),
            ([0.3], [True], 0.0),
            ([0.3], [False], 0.5),
            ([0.3, -0.2], [False, False], 1.0),
        ]

    @staticmethod
    def right(scores, right, max_risk):
        return widest(tried(scores, right, max_risk), max_risk)

    @staticmethod
    @wrong(
        "You go down from the best score and stop where the risk is first too high. It can fall"
        " again below: look at every threshold."
    )
    def first_crossing(scores, right, max_risk):
        chosen = None
        for row in reversed(tried(scores, right, max_risk)):
            if row[2] > max_risk:
                break
            chosen = row
        return chosen

    @staticmethod
    @wrong(
        "You split equal scores: some of them are answered and some are not. A threshold cannot do"
        " that; a score is above it or not."
    )
    def ties_split(scores, right, max_risk):
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        rows = [
            (scores[i], (n + 1) / len(scores), sum(not right[j] for j in order[: n + 1]) / (n + 1))
            for n, i in enumerate(order)
        ]
        return widest(rows, max_risk)

    @staticmethod
    @wrong(
        "You answer only above the threshold. A score of exactly the threshold is answered, too."
    )
    def above(scores, right, max_risk):
        return widest(
            tried(scores, right, max_risk, kept=lambda score, threshold: score > threshold),
            max_risk,
        )

    @staticmethod
    @wrong(
        "You count the wrong answers among all questions. Risk is their share of those that are"
        " answered; silence must not make it look small."
    )
    def of_all(scores, right, max_risk):
        return widest(
            [
                (t, coverage, risk * coverage)
                for t, coverage, risk in tried(scores, right, max_risk)
            ],
            max_risk,
        )

    @staticmethod
    @wrong(
        "That is the threshold with the lowest risk. You may accept `max_risk`: of the thresholds"
        " that keep to it, take the one that answers most."
    )
    def safest(scores, right, max_risk):
        rows = [row for row in tried(scores, right, max_risk) if row[2] <= max_risk]
        return min(rows, key=lambda row: (row[2], -row[1]), default=None)

    @staticmethod
    @wrong(
        "That is the highest threshold that keeps to the risk, and it answers least. The lowest of"
        " them answers most."
    )
    def highest(scores, right, max_risk):
        return min(
            (row for row in tried(scores, right, max_risk) if row[2] <= max_risk),
            key=lambda row: row[1],
            default=None,
        )

    @staticmethod
    @wrong("You answer what scores low. A high score speaks for an answer.")
    def turned_round(scores, right, max_risk):
        return widest(
            tried(scores, right, max_risk, kept=lambda score, threshold: score <= threshold),
            max_risk,
        )

    @staticmethod
    @wrong("You take the share of right answers for the risk. Risk is the share of wrong ones.")
    def accuracy(scores, right, max_risk):
        return widest(tried(scores, [not hit for hit in right], max_risk), max_risk)

    @staticmethod
    @wrong("Your coverage is a number of questions. It is their share of all questions.")
    def counted(scores, right, max_risk):
        chosen = widest(tried(scores, right, max_risk), max_risk)
        return chosen and (chosen[0], chosen[1] * len(scores), chosen[2])

    @staticmethod
    @wrong(
        "You ask for less than `max_risk`. Exactly `max_risk` is accepted, too, and with 0 that"
        " makes all the difference."
    )
    def strictly_below(scores, right, max_risk):
        return max(
            (row for row in tried(scores, right, max_risk) if row[2] < max_risk),
            key=lambda row: row[1],
            default=None,
        )
