"""Lab 08, choose_cascade: what is right, and what wrong answers believe."""

import math

from adaptlab.grading.exercise import Exercise, wrong


def tried(
    rows,
    asks=lambda row, threshold: row["confidence"] < threshold,
    pays_cheap=True,
    thresholds=None,
):
    """(threshold, share right, mean tokens) of every threshold, from the lowest on."""
    found = []
    for threshold in thresholds or sorted({row["confidence"] for row in rows}) + [math.inf]:
        asked = [asks(row, threshold) for row in rows]
        right = [
            row["costly_right"] if costly else row["cheap_right"]
            for row, costly in zip(rows, asked)
        ]
        tokens = [
            row["cheap_tokens"] * (pays_cheap or not costly) + row["costly_tokens"] * costly
            for row, costly in zip(rows, asked)
        ]
        found.append((threshold, sum(right) / len(rows), sum(tokens) / len(rows)))
    return found


def best(found, least, key=lambda row: (row[2], row[0])):
    return min((row for row in found if row[1] >= least), key=key, default=None)


class choose_cascade(Exercise):
    """The threshold of confidence below which a second, costlier arm is asked."""

    n_draws = 40

    @staticmethod
    def draw(rng):
        rows = []
        for _ in range(int(rng.choice([4, 8, 16]))):
            confidence = int(rng.integers(1, 8)) / 8
            rows.append(
                {
                    "confidence": confidence,
                    "cheap_right": bool(rng.random() < confidence),
                    "cheap_tokens": int(rng.integers(5, 60)),
                    "costly_right": bool(rng.random() < 0.85),
                    "costly_tokens": int(rng.integers(100, 300)),
                }
            )
        return rows, float(rng.choice([0.5, 0.625, 0.75, 0.875]))

    @staticmethod
    def edges():
        def row(confidence, cheap, costly):
            return {
                "confidence": confidence,
                "cheap_right": cheap,
                "cheap_tokens": 10,
                "costly_right": costly,
                "costly_tokens": 100,
            }

        rows = [
            row(0.25, False, True),
            row(0.5, False, True),
            row(0.75, True, False),
            row(1.0, True, True),
        ]
        return [
            (rows, 0.5),
            (rows, 0.75),
            (rows, 1.0),
            (rows[:1], 0.5),
            (rows[:1], 0.0),
            ([row(0.5, False, False)], 0.5),
            ([row(0.5, True, False)], 1.0),
            ([row(0.5, False, True), row(0.5, True, True)], 1.0),
            (rows, 0.0),
        ]

    @staticmethod
    def right(rows, least):
        return best(tried(rows), least)

    @staticmethod
    @wrong(
        "Where the costly arm is asked you pay for it alone. The cheap one was asked before, and"
        " its tokens are spent."
    )
    def cheap_is_free(rows, least):
        return best(tried(rows, pays_cheap=False), least)

    @staticmethod
    @wrong("You ask the costly arm at the threshold itself. It is asked below it.")
    def at_the_threshold(rows, least):
        return best(tried(rows, asks=lambda row, threshold: row["confidence"] <= threshold), least)

    @staticmethod
    @wrong("You ask the costly arm where the cheap one is sure. It is wanted where that is unsure.")
    def turned_round(rows, least):
        return best(tried(rows, asks=lambda row, threshold: row["confidence"] >= threshold), least)

    @staticmethod
    @wrong(
        "You choose what is right most often. Enough is enough: of what is right often enough, take"
        " what costs least."
    )
    def most_right(rows, least):
        return best(tried(rows), least, key=lambda row: (-row[1], row[2], row[0]))

    @staticmethod
    @wrong(
        "You never ask the costly arm about everything. A threshold above every confidence is one"
        " of those to be tried: infinity."
    )
    def not_always(rows, least):
        return best(tried(rows, thresholds=sorted({row["confidence"] for row in rows})), least)

    @staticmethod
    @wrong(
        "You always use the costly arm at least once. The lowest confidence as a threshold leaves"
        " everything to the cheap one."
    )
    def not_never(rows, least):
        return best(tried(rows)[1:], least)

    @staticmethod
    @wrong("You ask for more than `least`. Exactly that share is enough.")
    def more_than_least(rows, least):
        return min(
            (row for row in tried(rows) if row[1] > least),
            key=lambda row: (row[2], row[0]),
            default=None,
        )

    @staticmethod
    @wrong(
        "You take the highest threshold that is right often enough. It asks the costly arm most"
        " often, and costs most."
    )
    def highest(rows, least):
        return best(tried(rows), least, key=lambda row: -row[0])

    @staticmethod
    @wrong("You give the tokens of all questions together. Asked for is their mean.")
    def in_all(rows, least):
        found = best(tried(rows), least)
        return found and (found[0], found[1], found[2] * len(rows))
