"""Lab 06, judge_report: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab06.common import average


def counted(verdict) -> float:
    """1 for the new reply, 0 for the old one, by two verdicts that agree; else one half."""
    return {("A", "B"): 1.0, ("B", "A"): 0.0}.get(tuple(verdict), 0.5)


def told(
    verdicts,
    new_words,
    old_words,
    count=counted,
    consistent=lambda pair: counted(pair) != 0.5,
    longer=None,
    shorter=None,
) -> dict:
    """What `judge_report` returns; the misconceptions count a comparison otherwise (None leaves it
    out), or group by length otherwise.
    """
    counts = [count(pair) for pair in verdicts]
    groups = []
    for test in (longer or (lambda new, old: new > old), shorter or (lambda new, old: new < old)):
        groups.append(
            [
                value
                for value, new, old in zip(counts, new_words, old_words)
                if test(new, old) and value is not None
            ]
        )
    kept = [value for value in counts if value is not None]
    said = [text for pair in verdicts for text in pair]
    return {
        "said A": said.count("A") / len(said),
        "consistent": average([consistent(pair) for pair in verdicts]),
        "win rate": average(kept) if kept else 0.5,
        "at balanced lengths": (
            average([average(group) for group in groups]) if all(groups) else None
        ),
    }


class judge_report(Exercise):
    """How often a judge says A, agrees with itself, and prefers the new reply, over all comparisons
    and at balanced lengths.
    """

    n_draws = 30

    @staticmethod
    def draw(rng):
        n = int(rng.integers(6, 14))
        pairs = [
            ("A", "B"),
            ("B", "A"),
            ("A", "A"),
            ("B", "B"),
            ("tie", "A"),
            ("B", "tie"),
            ("tie", "tie"),
        ]
        verdicts = [
            list(pairs[i]) for i in rng.choice(7, size=n, p=[0.35, 0.2, 0.2, 0.1, 0.05, 0.05, 0.05])
        ]
        old = rng.integers(3, 9, size=n)
        new = old + rng.choice([-2, -1, 0, 0, 1, 3, 5], size=n)
        return verdicts, [int(x) for x in new], [int(x) for x in old]

    @staticmethod
    def edges():
        mixed = [
            ["A", "B"],
            ["A", "A"],
            ["B", "A"],
            ["B", "B"],
            ["A", "B"],
            ["tie", "A"],
            ["A", "Both"],
        ]
        return [
            (mixed, [9, 9, 4, 8, 3, 5, 6], [5, 5, 5, 5, 5, 5, 5]),
            (mixed[:2], [9, 9], [5, 5]),
            ([["A", "A"], ["A", "A"]], [3, 8], [5, 5]),
            ([["B", "A"]], [5], [5]),
            ([["", ""]], [6], [5]),
            ([["A", "B"], ["B", "A"], ["A", "B"], ["A", "B"]], [9, 2, 5, 8], [5, 5, 5, 5]),
        ]

    @staticmethod
    def right(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words)

    @staticmethod
    @wrong(
        "You take the same letter twice for agreement. With the places changed, the same letter is"
        " the *other* reply: such a judge goes by the place."
    )
    def same_letter(verdicts, new_words, old_words):
        def count(pair):
            return {("A", "A"): 1.0, ("B", "B"): 0.0}.get(tuple(pair), 0.5)

        return told(verdicts, new_words, old_words, count, lambda pair: count(pair) != 0.5)

    @staticmethod
    @wrong(
        "Comparisons that are not consistent are left out of your win rate. Each counts one half:"
        " else a judge who is seldom sure decides on a few."
    )
    def left_out(verdicts, new_words, old_words):
        return told(
            verdicts,
            new_words,
            old_words,
            lambda pair: counted(pair) if counted(pair) != 0.5 else None,
        )

    @staticmethod
    @wrong(
        "Your win rate is that of the first order alone, so the place decides with the judge. Both"
        " orders have to say so."
    )
    def first_order(verdicts, new_words, old_words):
        return told(
            verdicts, new_words, old_words, lambda pair: {"A": 1.0, "B": 0.0}.get(pair[0], 0.5)
        )

    @staticmethod
    @wrong("A comparison that is not consistent counts as lost for you. It counts one half.")
    def lost_if_undecided(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, lambda pair: float(counted(pair) == 1))

    @staticmethod
    @wrong(
        "You asked how often A was said in both orders as if the new reply always stood there. In"
        " the second order it stands in place B."
    )
    def never_turned(verdicts, new_words, old_words):
        return told(
            verdicts,
            new_words,
            old_words,
            lambda pair: average([{"A": 1.0, "B": 0.0}.get(text, 0.5) for text in pair]),
        )

    @staticmethod
    @wrong(
        "A text other than A or B passes for a choice of B. It chooses nothing, so that comparison"
        " is not consistent."
    )
    def else_is_b(verdicts, new_words, old_words):
        def read(pair):
            return tuple("A" if text == "A" else "B" for text in pair)

        return told(
            verdicts,
            new_words,
            old_words,
            lambda pair: counted(read(pair)),
            lambda pair: counted(read(pair)) != 0.5,
        )

    @staticmethod
    @wrong("You take two verdicts without a choice for consistent. They agree about nothing.")
    def nothing_twice(verdicts, new_words, old_words):
        return told(
            verdicts,
            new_words,
            old_words,
            consistent=lambda pair: (
                counted(pair) != 0.5 or (pair[0] == pair[1] and pair[0] not in ("A", "B"))
            ),
        )

    @staticmethod
    @wrong("Your `said A` looks at the first order alone. It is the share of all 2n verdicts.")
    def said_in_the_first_order(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words) | {
            "said A": average([pair[0] == "A" for pair in verdicts])
        }

    @staticmethod
    @wrong(
        "You divide `said A` by the verdicts that chose. It is the share of all 2n verdicts, those"
        " without a choice among them."
    )
    def of_those_that_chose(verdicts, new_words, old_words):
        said = [text for pair in verdicts for text in pair if text in ("A", "B")]
        return told(verdicts, new_words, old_words) | {
            "said A": said.count("A") / len(said) if said else 0.0
        }

    @staticmethod
    @wrong(
        "You put the longer and the shorter ones into one heap. Then the larger group decides; each"
        " group has a win rate, and these two are averaged."
    )
    def one_heap(verdicts, new_words, old_words):
        report = told(verdicts, new_words, old_words)
        unequal = [
            counted(pair) for pair, new, old in zip(verdicts, new_words, old_words) if new != old
        ]
        return report | {
            "at balanced lengths": (
                average(unequal) if report["at balanced lengths"] is not None else None
            )
        }

    @staticmethod
    @wrong(
        "Comparisons with equal numbers of words are in one of your groups. They are in neither."
    )
    def equal_is_shorter(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, shorter=lambda new, old: new <= old)

    @staticmethod
    @wrong(
        "Comparisons with equal numbers of words count among the longer ones for you. They are in"
        " neither group."
    )
    def equal_is_longer(verdicts, new_words, old_words):
        return told(verdicts, new_words, old_words, longer=lambda new, old: new >= old)

    @staticmethod
    @wrong(
        "Where one group is empty you give the other's win rate. Then the lengths are not balanced"
        " at all, and the result is None."
    )
    def one_group_will_do(verdicts, new_words, old_words):
        report = told(verdicts, new_words, old_words)
        groups = [
            [
                counted(p)
                for p, new, old in zip(verdicts, new_words, old_words)
                if sign * (new - old) > 0
            ]
            for sign in (1, -1)
        ]
        there = [average(group) for group in groups if group]
        return report | {"at balanced lengths": average(there) if there else None}
