"""Lab 07, verdicts: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong


def holm(
    found: dict,
    weights: dict,
    alpha: float,
    key=None,
    stops: bool = True,
    shrinks: bool = True,
    cost=lambda p, left, weight: p * left / weight,
) -> list:
    """The skills whose change is shown. `key`: the order; `stops`: at the first that is not;
    `shrinks`: the sum of weights, from skill to skill.
    """
    left = sum(weights[name] for name in found)
    shown = []
    for name in sorted(found, key=key or (lambda name: found[name]["p"] / weights[name])):
        if cost(found[name]["p"], left, weights[name]) <= alpha:
            shown.append(name)
        elif stops:
            break
        left -= weights[name] if shrinks else 0
    return shown


def told(
    found: dict,
    shown,
    margin: float,
    below=lambda change, margin: change < -margin,
    above=lambda change, margin: change > margin,
) -> dict:
    """The verdicts on skills whose change is shown, and "open" on others."""

    def verdict(change):
        return "lost" if below(change, margin) else "won" if above(change, margin) else "small"

    return {
        name: verdict(row["change"]) if name in shown else "open" for name, row in found.items()
    }


class verdicts(Exercise):
    """lost, won, small or open for each skill, by Holm's correction with weights, and
    by a margin.
    """

    n_draws = 80

    @staticmethod
    def draw(rng):
        names = rng.permutation(["reading", "tones", "formats", "sums", "facts", "reasoning"])[
            : rng.integers(1, 7)
        ]
        # Changes and margins in thirty-seconds, which floats hold exactly, so that a change may be
        # just the margin.
        found = {
            str(name): {
                "change": int(rng.integers(-4, 5)) / 32,
                "p": float(10 ** -rng.uniform(0.7, 2.6)),
            }
            for name in names
        }
        weights = {name: float(rng.choice([0.5, 1, 2, 4])) for name in found}
        return found, weights, float(rng.choice([0.05, 0.1])), float(rng.choice([0, 1, 2])) / 32

    @staticmethod
    def edges():
        def rows(*triples):
            """Skills from their changes, p-values and weights."""
            names = "abcdef"[: len(triples)]
            return {n: {"change": c, "p": p} for n, (c, p, _) in zip(names, triples)}, {
                n: w for n, (*_, w) in zip(names, triples)
            }

        return [
            (*rows((-0.25, 0.001, 1), (0.25, 0.03, 1), (-0.125, 0.2, 1)), 0.05, 0.0625),
            ({}, {}, 0.05, 0.02),
            (*rows((-0.25, 0.04, 3)), 0.05, 0.0625),
            (*rows((-0.25, 0.02, 1), (-0.25, 0.02, 4)), 0.05, 0.0625),
            (*rows((-0.0625, 0.001, 1), (0.0625, 0.001, 1), (0.03125, 0.001, 1)), 0.05, 0.0625),
            (*rows((-0.25, 0.03, 1), (-0.25, 0.04, 1)), 0.05, 0.0625),
            (*rows((0.0, 0.001, 1), (-0.03125, 0.001, 2)), 0.05, 0.0),
            (
                *rows((-0.25, 0.012, 1), (-0.25, 0.016, 1), (-0.25, 0.024, 1), (-0.25, 0.045, 1)),
                0.05,
                0.0625,
            ),
            (*rows((0.5, 0.02, 2), (-0.5, 0.012, 1)), 0.05, 0.0625),
            (*rows((-0.25, 0.03125, 1), (-0.25, 0.0625, 1)), 0.0625, 0.0625),
        ]

    @staticmethod
    def right(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha), margin)

    @staticmethod
    @wrong(
        "You do not correct for the number of skills: of many that did not change, some look as if"
        " they had."
    )
    def uncorrected(found, weights, alpha, margin):
        return told(found, [name for name in found if found[name]["p"] <= alpha], margin)

    @staticmethod
    @wrong(
        "You correct each skill by the sum of all weights. Once a change is shown, its weight is"
        " left out for those that come after."
    )
    def all_weights(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha, shrinks=False), margin)

    @staticmethod
    @wrong("You leave the weights out. A skill with a greater one may spend more on chance.")
    def unweighted(found, weights, alpha, margin):
        return told(found, holm(found, dict.fromkeys(found, 1), alpha), margin)

    @staticmethod
    @wrong(
        "You go on after the first skill that is not shown. Whatever stands behind it in the order"
        " is not shown either."
    )
    def goes_on(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha, stops=False), margin)

    @staticmethod
    @wrong("You sort by p alone. The order is that of p / weight: a weight moves a skill forward.")
    def sorted_by_p(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha, key=lambda name: found[name]["p"]), margin)

    @staticmethod
    @wrong(
        "Your weights work the other way round: a greater weight makes a change easier to show, so"
        " p is divided by it."
    )
    def weights_reversed(found, weights, alpha, margin):
        return told(
            found,
            holm(found, {name: 1 / weight for name, weight in weights.items()}, alpha),
            margin,
        )

    @staticmethod
    @wrong(
        "You correct by the number of skills that are left, and the weights only sort. What is left"
        " is a sum of weights, divided by the skill's own."
    )
    def weights_only_sort(found, weights, alpha, margin):
        order = sorted(found, key=lambda name: found[name]["p"] / weights[name])
        ones = dict.fromkeys(found, 1)
        return told(found, holm(found, ones, alpha, key=order.index), margin)

    @staticmethod
    @wrong(
        "You take the skills as they come. Holm goes from the smallest p / weight to the greatest."
    )
    def unsorted(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha, key=list(found).index), margin)

    @staticmethod
    @wrong(
        'You ignore the margin. A change that is surely there, but too small to matter, is "small".'
    )
    def no_margin(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha), 0)

    @staticmethod
    @wrong("A change of exactly the margin is small. Lost is below -margin, won is above margin.")
    def margin_itself(found, weights, alpha, margin):
        return told(
            found,
            holm(found, weights, alpha),
            margin,
            lambda change, margin: change <= -margin,
            lambda change, margin: change >= margin,
        )

    @staticmethod
    @wrong(
        "You judge by the margin alone. A loss that may well be chance is open, however large it"
        " looks."
    )
    def margin_alone(found, weights, alpha, margin):
        return told(found, list(found), margin)

    @staticmethod
    @wrong("A gain is a loss for you: you look at the size of the change, not at its sign.")
    def size_alone(found, weights, alpha, margin):
        return told(
            found,
            holm(found, weights, alpha),
            margin,
            below=lambda change, margin: abs(change) > margin,
        )

    @staticmethod
    @wrong(
        'What is shown but small is "open" in your result. It is known to be small, and that is'
        " another thing than not being known."
    )
    def small_is_open(found, weights, alpha, margin):
        return {
            name: "open" if verdict == "small" else verdict
            for name, verdict in verdicts.right(found, weights, alpha, margin).items()
        }
