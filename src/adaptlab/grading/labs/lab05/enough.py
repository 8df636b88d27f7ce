"""Lab 05, enough: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong


class enough(Exercise):
    """The smallest n that no point with a larger n is clearly better than."""

    n_draws = 60

    @staticmethod
    def draw(rng):
        # In sixteenths, so that ends of intervals often meet exactly.
        counts = sorted(
            int(n)
            for n in rng.choice(
                [10, 20, 50, 100, 200, 500, 1000], size=rng.integers(1, 7), replace=False
            )
        )
        height = int(rng.integers(2, 5))
        points = []
        for n in counts:
            low, high = (int(width) for width in rng.integers(0, 3, size=2))
            points.append(
                {
                    "n": n,
                    "value": height / 16,
                    "low": (height - low) / 16,
                    "high": (height + high) / 16,
                }
            )
            height += int(rng.choice([-2, -1, 0, 1, 2, 4]))
        return (
            [points[i] for i in rng.permutation(len(points))] if rng.random() < 0.5 else points,
        )

    @staticmethod
    def edges():
        def curve(*rows):
            return ([dict(zip(("n", "value", "low", "high"), row)) for row in rows],)

        return [
            curve((10, 0.25, 0.125, 0.375), (30, 0.5, 0.4375, 0.625), (90, 0.625, 0.5, 0.75)),
            curve((50, 0.5, 0.25, 0.75)),
            curve((10, 0.5, 0.375, 0.5), (30, 0.5625, 0.5, 0.625)),
            curve((10, 0.25, 0.125, 0.375), (30, 0.375, 0.25, 0.5), (90, 0.5, 0.4375, 0.625)),
            curve((10, 0.75, 0.625, 0.875), (30, 0.5, 0.375, 0.625), (90, 0.25, 0.125, 0.375)),
            curve((90, 0.625, 0.5, 0.75), (10, 0.125, 0.0, 0.25), (30, 0.5, 0.375, 0.625)),
            curve((10, 0.25, 0.125, 0.375), (30, 0.75, 0.625, 0.875), (90, 0.25, 0.125, 0.375)),
            curve((10, 0.5, 0.375, 0.5625), (30, 0.625, 0.5, 0.75), (90, 0.625, 0.5625, 0.6875)),
        ]

    @staticmethod
    def first(points, better, others=lambda later: later):
        """The first n, in rising order, to which none of the `others` of the later points is
        better.
        """
        ranked = sorted(points, key=lambda point: point["n"])
        return next(
            one["n"]
            for i, one in enumerate(ranked)
            if not any(better(other, one) for other in others(ranked[i + 1 :]))
        )

    @staticmethod
    def clearly(other, one):
        return other["low"] > one["high"]

    @staticmethod
    def right(points):
        return enough.first(points, enough.clearly)

    @staticmethod
    @wrong(
        "You compare values, and end at the highest. A value is a measurement: it may be higher by"
        " chance, and only intervals say whether it clearly is."
    )
    def highest(points):
        return max(points, key=lambda point: (point["value"], -point["n"]))["n"]

    @staticmethod
    @wrong(
        "You compare the later value with the upper end. The later one has an interval, too: its"
        " lower end has to lie above."
    )
    def value_above(points):
        return enough.first(points, lambda other, one: other["value"] > one["high"])

    @staticmethod
    @wrong(
        "You ask whether the later interval lies above the earlier value. Both are measured, so"
        " interval stands against interval."
    )
    def above_value(points):
        return enough.first(points, lambda other, one: other["low"] > one["value"])

    @staticmethod
    @wrong(
        "Intervals that touch are clearly different for you. The lower end has to lie above the"
        " other's upper end."
    )
    def touching(points):
        return enough.first(points, lambda other, one: other["low"] >= one["high"])

    @staticmethod
    @wrong(
        "You compare each point with the next one alone. Steps that are too small to see may add up"
        " to one that is clear."
    )
    def next_alone(points):
        return enough.first(points, enough.clearly, lambda later: later[:1])

    @staticmethod
    @wrong("You compare with the largest n alone. A curve may be highest in between.")
    def last_alone(points):
        return enough.first(points, enough.clearly, lambda later: later[-1:])

    @staticmethod
    @wrong(
        "You rely on the order of the list. The points come in any order: sort them, or look at n."
    )
    def as_listed(points):
        return next(
            one["n"]
            for i, one in enumerate(points)
            if not any(enough.clearly(other, one) for other in points[i + 1 :])
        )

    @staticmethod
    @wrong("You return the largest n. Sought is the smallest with which you would be content.")
    def largest(points):
        return max(point["n"] for point in points)
