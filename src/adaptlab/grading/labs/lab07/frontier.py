"""Lab 07, frontier: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong


class frontier(Exercise):
    """The names of the arms that no other arm beats, in their order."""

    n_draws = 60

    @staticmethod
    def draw(rng):
        names = rng.permutation(
            ["full", "lora", "replay", "low rate", "anchor", "upper layers", "untuned"]
        )[: rng.integers(1, 8)]
        return (
            [
                {
                    "name": str(name),
                    "learned": int(rng.integers(0, 6)) / 8,
                    "kept": int(rng.integers(0, 6)) / 8,
                }
                for name in names
            ],
        )

    @staticmethod
    def edges():
        def arms(*pairs):
            return (
                [
                    {"name": name, "learned": learned, "kept": kept}
                    for name, (learned, kept) in zip("abcdef", pairs)
                ],
            )

        return [
            arms((0.5, 0.5), (0.75, 0.25), (0.25, 0.25), (0.25, 0.75)),
            ([],),
            arms((0.0, 0.0)),
            arms((0.5, 0.5), (0.5, 0.5)),
            arms((0.5, 0.5), (0.5, 0.75)),
            arms((0.5, 0.5), (0.75, 0.5)),
            arms((0.5, 0.5), (0.25, 0.75), (0.5, 0.5), (0.875, 0.0), (0.125, 0.125)),
            arms((0.0, 1.0), (0.375, 0.5), (1.0, 0.0), (0.375, 0.375)),
        ]

    @staticmethod
    def unbeaten(arms, beats):
        return [
            arm["name"]
            for arm in arms
            if not any(beats(other, arm) for other in arms if other is not arm)
        ]

    @staticmethod
    def beats(a, b):
        return (
            a["learned"] >= b["learned"]
            and a["kept"] >= b["kept"]
            and (a["learned"] > b["learned"] or a["kept"] > b["kept"])
        )

    @staticmethod
    def right(arms):
        return frontier.unbeaten(arms, frontier.beats)

    @staticmethod
    @wrong(
        "For you an arm is beaten only by one that is better in both numbers. As good in one and"
        " better in the other is enough."
    )
    def better_in_both(arms):
        return frontier.unbeaten(
            arms, lambda a, b: a["learned"] > b["learned"] and a["kept"] > b["kept"]
        )

    @staticmethod
    @wrong(
        "Two arms with the same numbers strike each other out. Neither is better in anything, so"
        " neither is beaten."
    )
    def twins_out(arms):
        return frontier.unbeaten(
            arms, lambda a, b: a["learned"] >= b["learned"] and a["kept"] >= b["kept"]
        )

    @staticmethod
    @wrong(
        "Of arms with the same numbers you keep the first alone. None of them is beaten: all stay."
    )
    def one_twin(arms):
        seen = [(arm["learned"], arm["kept"]) for arm in arms]
        return [
            name
            for name in frontier.right(arms)
            if [arm["name"] for arm in arms].index(name) in {seen.index(pair) for pair in seen}
        ]

    @staticmethod
    @wrong(
        "You take the arm with the greatest sum. That weighs both alike, which nobody asked for:"
        " the frontier is there so that one need not."
    )
    def greatest_sum(arms):
        most = max((arm["learned"] + arm["kept"] for arm in arms), default=0)
        return [arm["name"] for arm in arms if arm["learned"] + arm["kept"] == most]

    @staticmethod
    @wrong(
        "You take the arms that are best in one of the numbers. Between them there may be others"
        " that nobody beats."
    )
    def best_of_each(arms):
        most = {key: max((arm[key] for arm in arms), default=0) for key in ("learned", "kept")}
        best = [arm for arm in arms if any(arm[key] == most[key] for key in most)]
        return [name for name in frontier.right(arms) if any(name == arm["name"] for arm in best)]

    @staticmethod
    @wrong(
        "You take all arms that some other arm does not beat. An arm stays only if none at all"
        " beats it."
    )
    def not_by_all(arms):
        return [
            arm["name"]
            for arm in arms
            if len(arms) == 1
            or not all(frontier.beats(other, arm) for other in arms if other is not arm)
        ]

    @staticmethod
    @wrong(
        "Less of what was kept is better in your answer. Both numbers are shares of right replies:"
        " more is better."
    )
    def kept_reversed(arms):
        return frontier.unbeaten([arm | {"kept": -arm["kept"]} for arm in arms], frontier.beats)

    @staticmethod
    @wrong("Those are the arms that are beaten. Asked for are the others.")
    def the_beaten(arms):
        return [arm["name"] for arm in arms if arm["name"] not in frontier.right(arms)]

    @staticmethod
    @wrong("Your names are sorted by what was learned. They stand in the order in which they came.")
    def resorted(arms):
        return frontier.right(sorted(arms, key=lambda arm: -arm["learned"]))
