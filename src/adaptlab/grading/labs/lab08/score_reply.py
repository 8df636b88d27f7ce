"""Lab 08, score_reply: what is right, and what wrong answers believe."""

import re

from adaptlab.grading.exercise import Exercise, wrong

NOT_THERE = "not in our handbook"
START = "Sources: "
VALUES = ("blue", "12", "Lynx", "steel")
NAMES = ("Ada", "Ben Okoro", "Zoë")


def word_in(value, text):
    return re.search(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])", text) is not None


def parts(reply):
    """(the letter, the line of sources or "")."""
    lines = reply.split("\n")
    return ("\n".join(lines[:-1]), lines[-1]) if lines[-1].startswith(START) else (reply, "")


def formed(reply):
    lines = reply.split("\n")
    return (
        len(lines) == 3 and re.fullmatch(r"Sources: (none|[0-9]+(, [0-9]+)*)", lines[2]) is not None
    )


def toned(reply):
    lines = reply.split("\n")
    return (
        lines[0].startswith("Hello ")
        and lines[0].endswith(",")
        and len(lines[0]) > 7
        and "!" not in reply
    )


def stated(reply, value):
    letter = parts(reply)[0]
    return (
        NOT_THERE in letter if value is None else word_in(value, letter) and NOT_THERE not in letter
    )


def numbers(reply):
    return {int(number) for number in re.findall(r"[0-9]+", parts(reply)[1])}


def cited(reply, value, gold):
    return (
        parts(reply)[1] == "Sources: none"
        if value is None
        else bool(numbers(reply)) and numbers(reply) <= set(gold)
    )


def scores(reply, value, gold, **changed):
    return {
        "form": formed(reply),
        "right": stated(reply, value),
        "cited": cited(reply, value, gold),
        "tone": toned(reply),
    } | changed


class score_reply(Exercise):
    """A reply in the house's three lines: form, right, cited, tone."""

    n_draws = 60

    @staticmethod
    def draw(rng):
        value = None if rng.random() < 0.25 else str(rng.choice(VALUES))
        gold = (
            {
                int(number)
                for number in rng.choice(
                    [1, 2, 3, 4, 12], size=int(rng.integers(1, 4)), replace=False
                )
            }
            if value
            else set()
        )
        word = [value or "blue", "blueish", "124", "it is " + NOT_THERE, "grey"][
            int(rng.choice(5, p=[0.5, 0.1, 0.1, 0.2, 0.1]))
        ]
        name = NAMES[rng.integers(3)]
        first = [f"Hello {name},", f"Hello {name}", "Hello ,", f"Costly {name},"][
            int(rng.choice(4, p=[0.7, 0.1, 0.1, 0.1]))
        ]
        shown = (
            sorted(rng.choice([1, 2, 3, 4, 12], size=int(rng.integers(1, 4)), replace=False))
            if rng.random() < 0.5
            else sorted(gold)
        )
        last = START + (", ".join(map(str, shown)) or "none")
        last = [last, "Sources: none", last.replace(", ", ","), "See " + last][
            int(rng.choice(4, p=[0.7, 0.1, 0.1, 0.1]))
        ]
        middle = f"The answer is {word}{'!' if rng.random() < 0.1 else '.'}"
        lines = (
            [first, middle, last]
            if rng.random() < 0.85
            else [first, middle, "", last][: int(rng.integers(1, 5))]
        )
        return "\n".join(lines), value, gold

    @staticmethod
    def edges():
        good = "Hello Ada,\nIt is blue.\nSources: 2, 3"
        absent = f"Hello Ada,\nThat is {NOT_THERE}.\nSources: none"
        return [
            (good, "blue", {2, 3}),
            (good, "blue", {2, 3, 4}),
            (good, "blue", {2}),
            (good, "blue", {5}),
            (good, "Blue", {2, 3}),
            (good, "2", {2, 3}),
            (good, None, set()),
            (absent, None, set()),
            (absent, "blue", {1}),
            (absent.replace("none", "1"), None, set()),
            ("", "blue", {1}),
            ("", None, set()),
            (f"Hello Ada,\nIt is blue, which is {NOT_THERE}.\nSources: 1", "blue", {1}),
            ("Hello Ada,\nIt is bluer.\nSources: 1", "blue", {1}),
            ("Hello ,\nIt is blue.\nSources: 1", "blue", {1}),
            ("Hello Ada,\nIt is blue!\nSources: 1", "blue", {1}),
            ("Hello Ada,\nblue\nSources: none", "blue", {1}),
            ("Hello Ada,\nIt is blue.\nSources: ", "blue", {1}),
            ("Hello Ada,\nIt is blue.", None, set()),
        ]

    @staticmethod
    def right(reply, value, gold):
        return scores(reply, value, gold)

    @staticmethod
    @wrong(
        "You find the value inside other words: `blue` in `bluer`, `12` in `124`. It has to stand"
        " as a word of its own."
    )
    def inside_words(reply, value, gold):
        letter = parts(reply)[0]
        return scores(
            reply,
            value,
            gold,
            right=(
                stated(reply, value)
                if value is None
                else value in letter and NOT_THERE not in letter
            ),
        )

    @staticmethod
    @wrong("You look for the value in the line of sources, too. A number there is no answer.")
    def in_the_sources(reply, value, gold):
        return scores(
            reply,
            value,
            gold,
            right=(
                stated(reply, value)
                if value is None
                else word_in(value, reply) and NOT_THERE not in reply
            ),
        )

    @staticmethod
    @wrong(
        "A reply that gives the value and says that it is not in the handbook says both, and is not"
        " right."
    )
    def says_both(reply, value, gold):
        return scores(
            reply,
            value,
            gold,
            right=stated(reply, value) if value is None else word_in(value, parts(reply)[0]),
        )

    @staticmethod
    @wrong("One right source is enough for you. None of those that are cited may be a wrong one.")
    def any_source(reply, value, gold):
        return scores(
            reply,
            value,
            gold,
            cited=cited(reply, value, gold) if value is None else bool(numbers(reply) & set(gold)),
        )

    @staticmethod
    @wrong("You ask for every right source. Citing some of them is enough, if no other is cited.")
    def every_source(reply, value, gold):
        return scores(
            reply,
            value,
            gold,
            cited=cited(reply, value, gold) if value is None else numbers(reply) == set(gold),
        )

    @staticmethod
    @wrong(
        "Citing nothing counts as citing nothing wrong, with you. Where there is a value, a source"
        " is wanted."
    )
    def nothing_is_enough(reply, value, gold):
        return scores(
            reply,
            value,
            gold,
            cited=cited(reply, value, gold) if value is None else numbers(reply) <= set(gold),
        )

    @staticmethod
    @wrong("Where the handbook says nothing, you accept sources. Then the line has to say `none`.")
    def sources_for_nothing(reply, value, gold):
        return scores(
            reply, value, gold, cited=cited(reply, value, gold) if value is not None else True
        )

    @staticmethod
    @wrong("You do not mind letters large and small. The value is wanted as it is written.")
    def any_case(reply, value, gold):
        letter = parts(reply)[0]
        return scores(
            reply,
            value,
            gold,
            right=(
                stated(reply, value)
                if value is None
                else word_in(value.lower(), letter.lower()) and NOT_THERE not in letter
            ),
        )

    @staticmethod
    @wrong("You let the exclamation mark pass. The house does not shout, anywhere in a reply.")
    def shouting(reply, value, gold):
        return scores(reply, value, gold, tone=toned(reply.replace("!", ".")))
