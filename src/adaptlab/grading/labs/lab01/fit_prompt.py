"""Lab 01, fit_prompt: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, Words, wrong
from adaptlab.grading.probes.lab01 import counter, fitted

WORDS = (
    "lamp",
    "late",
    "lovely",
    "parcel",
    "broken",
    "café",
    "again",
    "soft",
    "dear",
    "twice",
    "naïve",
    "blue",
)


LABELS = ("dax", "wug", "vek")


def some_words(rng: np.random.Generator, least: int, most: int) -> str:
    """A text of so many words."""
    return " ".join(rng.choice(WORDS, size=rng.integers(least, most + 1)))


def composed(system: str, shown: list, question: str) -> list[dict]:
    """The messages with these examples in this order."""
    parts = [f"Text: {text}\nLabel: {label}" for text, label in shown] + [
        f"Text: {question}\nLabel:"
    ]
    user = {"role": "user", "content": "\n\n".join(parts)}
    return [{"role": "system", "content": system}, user] if system else [user]


def largest(system: str, examples: list, question: str, fits) -> list[dict]:
    """The messages with as many first examples as `fits`, the best of them last."""
    for n in range(len(examples), -1, -1):
        messages = composed(system, examples[:n][::-1], question)
        if fits(messages):
            return messages
    raise ValueError("not even the question fits")


class fit_prompt(Exercise):
    """A system message, the first n examples in reverse order and the question, n as large as a
    budget of tokens allows.
    """

    probe = fitted
    n_draws = 30

    @staticmethod
    def draw(rng):
        system = "" if rng.random() < 0.3 else some_words(rng, 2, 5)
        question = some_words(rng, 1, 6)
        examples = [
            [some_words(rng, 1, 9), str(rng.choice(LABELS))] for _ in range(rng.integers(0, 8))
        ]
        marks = [int(rng.integers(1, 5)), int(rng.integers(1, 4))]
        at = [
            counter(*marks)(composed(system, examples[:n], question))
            for n in range(len(examples) + 1)
        ]
        # Often to the token: at the count of some n, or one below it.
        budget = (
            int(rng.choice(at)) - int(rng.random() < 0.3)
            if rng.random() < 0.7
            else int(rng.integers(at[0] - 2, at[-1] + 4))
        )
        return system, examples, question, marks, budget

    @staticmethod
    def in_words(system, examples, question, marks, budget):
        words = "len(message['content'].split())"
        count = Words(
            f"lambda messages: {marks[0]} + sum({marks[1]} + {words} for message in messages)"
        )
        return system, examples, question, count, budget

    @staticmethod
    def edges():
        two = [["soft blue lamp", "dax"], ["late", "wug"]]
        short_after_long = [
            ["late", "wug"],
            ["parcel late again and broken twice", "wug"],
            ["soft", "dax"],
        ]
        return [
            ("", [], "lamp", [2, 1], 6),
            ("", [], "lamp", [2, 1], 5),
            ("Sort it.", two, "blue", [3, 2], 25),
            ("", two, "blue", [3, 2], 100),
            ("Sort it.", short_after_long, "blue", [2, 1], 18),
        ]

    @staticmethod
    def right(system, examples, question, count, budget):
        return largest(system, examples, question, lambda messages: count(messages) <= budget)

    @staticmethod
    @wrong("A prompt of exactly `budget` tokens is within the budget; you leave one token unused.")
    def strict(system, examples, question, count, budget):
        return largest(system, examples, question, lambda messages: count(messages) < budget)

    @staticmethod
    @wrong(
        "You drop the first examples when it gets tight. They are the most useful ones: the last of"
        " the list have to go."
    )
    def drops_the_best(system, examples, question, count, budget):
        for skipped in range(len(examples) + 1):
            messages = composed(system, examples[skipped:][::-1], question)
            if count(messages) <= budget:
                return messages
        raise ValueError

    @staticmethod
    @wrong(
        "You leave out an example that is too long and take a later, shorter one. Kept are the"
        " first n, without a gap."
    )
    def with_gaps(system, examples, question, count, budget):
        kept = []
        if count(composed(system, [], question)) > budget:
            raise ValueError
        for example in examples:
            if count(composed(system, [*kept, example], question)) <= budget:
                kept.append(example)
        return composed(system, kept[::-1], question)

    @staticmethod
    @wrong("The system message is not in your count. The budget is for all messages together.")
    def system_uncounted(system, examples, question, count, budget):
        return largest(system, examples, question, lambda messages: count(messages[-1:]) <= budget)

    @staticmethod
    @wrong("Your count leaves the question out. It has to fit, too.")
    def question_uncounted(system, examples, question, count, budget):
        unasked = count(composed(system, [], question)) - count(composed(system, [], ""))
        return largest(
            system, examples, question, lambda messages: count(messages) - unasked <= budget
        )

    @staticmethod
    @wrong(
        "Where the system text is empty there is no system message. An empty one is still a"
        " message: it has marks of its own, and they are paid for."
    )
    def empty_system(system, examples, question, count, budget):
        def opened(messages):
            return messages if system else [{"role": "system", "content": ""}, *messages]

        return opened(
            largest(system, examples, question, lambda messages: count(opened(messages)) <= budget)
        )

    @staticmethod
    @wrong(
        "The examples stand in the order in which they came. The most useful one shall be the last,"
        " right before the question."
    )
    def best_first(system, examples, question, count, budget):
        kept = largest(system, examples, question, lambda messages: count(messages) <= budget)[-1][
            "content"
        ].count("\n\n")
        return composed(system, examples[:kept], question)

    @staticmethod
    @wrong(
        "Where not even the question fits, you return a prompt that is over budget. That has to be"
        " a ValueError: somebody relies on the budget."
    )
    def over_in_silence(system, examples, question, count, budget):
        return largest(
            system,
            examples,
            question,
            lambda messages: count(messages) <= budget or "\n\n" not in messages[-1]["content"],
        )

    @staticmethod
    @wrong("All examples or none, you say. Where some of them fit, those are kept.")
    def all_or_none(system, examples, question, count, budget):
        for shown in (examples, []):
            if count(composed(system, shown, question)) <= budget:
                return composed(system, shown[::-1], question)
        raise ValueError

    @staticmethod
    @wrong(
        "You add up the counts of single messages. A conversation is counted as a whole: what opens"
        " it stands there once."
    )
    def one_by_one(system, examples, question, count, budget):
        return largest(
            system,
            examples,
            question,
            lambda messages: sum(count([message]) for message in messages) <= budget,
        )

    @staticmethod
    @wrong(
        "You add examples until the budget is exceeded, and keep the one that exceeded it. Look"
        " before you add."
    )
    def one_too_many(system, examples, question, count, budget):
        if count(composed(system, [], question)) > budget:
            raise ValueError
        fitting = sum(
            count(composed(system, examples[:n], question)) <= budget
            for n in range(1, len(examples) + 1)
        )
        return composed(system, examples[: fitting + 1][::-1], question)
