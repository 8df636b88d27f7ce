"""Lab 07, way_back: what is right, and what wrong answers believe."""

import math

from adaptlab.grading.exercise import Exercise, wrong


class way_back(Exercise):
    """The least number of old examples that gives back a part of a loss; "kept" if little was lost,
    "gone" if none does.
    """

    n_draws = 80

    @staticmethod
    def draw(rng):
        counts = rng.permutation([5, 10, 20, 50, 100, 200])[: rng.integers(0, 6)]
        before, tuned = sorted(
            (int(x) for x in rng.integers(2, 17, size=2)), reverse=rng.random() < 0.9
        )
        curve = [
            [int(n), int(rng.integers(max(0, tuned - 1), max(before, tuned) + 2)) / 16]
            for n in counts
        ]
        return (
            before / 16,
            tuned / 16,
            curve,
            float(rng.choice([0.125, 0.25])),
            float(rng.choice([0.25, 0.5, 0.75])),
        )

    @staticmethod
    def edges():
        return [
            (0.75, 0.25, [[10, 0.375], [50, 0.5], [100, 0.75]], 0.125, 0.5),
            (0.75, 0.25, [], 0.125, 0.5),
            (0.75, 0.75, [[10, 0.75]], 0.125, 0.5),
            (0.75, 0.625, [[10, 0.75]], 0.125, 0.5),
            (0.75, 0.6875, [[10, 0.75]], 0.125, 0.5),
            (0.5, 0.75, [[10, 0.25]], 0.125, 0.5),
            (1.0, 0.0, [[100, 0.5], [10, 0.5], [50, 0.25]], 0.25, 0.5),
            (0.75, 0.5, [[20, 0.5], [50, 0.4375]], 0.125, 0.25),
            (0.75, 0.25, [[10, 0.5], [50, 0.25], [100, 0.625]], 0.125, 0.5),
            (1.0, 0.75, [[10, 0.75], [20, 0.8125], [50, 0.875]], 0.125, 0.5),
        ]

    @staticmethod
    def told(before, tuned, curve, least, back):
        """By `back(share)`, whether it brings the skill back."""
        return (
            "kept"
            if before - tuned < least
            else min((n for n, share in curve if back(share)), default="gone")
        )

    @staticmethod
    def right(before, tuned, curve, least, part):
        return way_back.told(
            before, tuned, curve, least, lambda share: share - tuned >= part * (before - tuned)
        )

    @staticmethod
    @wrong(
        "You measure against what the skill had before. What has to come back is a part of what was"
        " lost: begin at what was left after the tuning."
    )
    def part_of_before(before, tuned, curve, least, part):
        return way_back.told(before, tuned, curve, least, lambda share: share >= part * before)

    @staticmethod
    @wrong(
        "You compare the share itself with a part of the loss. What counts is what it adds to the"
        " share after the tuning."
    )
    def from_nothing(before, tuned, curve, least, part):
        return way_back.told(
            before, tuned, curve, least, lambda share: share >= part * (before - tuned)
        )

    @staticmethod
    @wrong("You wait until all of it is back. `part` says how much of the loss is enough.")
    def all_of_it(before, tuned, curve, least, part):
        return way_back.told(before, tuned, curve, least, lambda share: share >= before)

    @staticmethod
    @wrong("Exactly the part that is asked for is enough.")
    def more_than_part(before, tuned, curve, least, part):
        return way_back.told(
            before, tuned, curve, least, lambda share: share - tuned > part * (before - tuned)
        )

    @staticmethod
    @wrong("A loss of exactly `least` is a loss: only one below it is none.")
    def least_is_none(before, tuned, curve, least, part):
        return (
            "kept" if before - tuned <= least else way_back.right(before, tuned, curve, least, part)
        )

    @staticmethod
    @wrong(
        "You do not ask whether anything was lost. A skill that hardly changed was kept, and has no"
        " way back."
    )
    def never_kept(before, tuned, curve, least, part):
        return way_back.right(before, tuned, curve, -math.inf, part)

    @staticmethod
    @wrong(
        "You take the first entry of the list that is enough. The curve comes in any order; asked"
        " for is the least number."
    )
    def first_listed(before, tuned, curve, least, part):
        found = way_back.right(before, tuned, curve, least, part)
        back = (n for n, share in curve if share - tuned >= part * (before - tuned))
        return next(back) if isinstance(found, int) else found

    @staticmethod
    @wrong(
        "You take the number that brings back the most. Asked for is the least one that brings back"
        " enough."
    )
    def most_back(before, tuned, curve, least, part):
        found = way_back.right(before, tuned, curve, least, part)
        return (
            max(curve, key=lambda entry: (entry[1], -entry[0]))[0]
            if isinstance(found, int)
            else found
        )

    @staticmethod
    @wrong(
        "You look at the greatest number alone. The curve may fall again behind a point at which"
        " the skill was back."
    )
    def greatest_alone(before, tuned, curve, least, part):
        found = way_back.right(before, tuned, [max(curve)] if curve else [], least, part)
        return (
            way_back.right(before, tuned, curve, least, part) if isinstance(found, int) else found
        )
