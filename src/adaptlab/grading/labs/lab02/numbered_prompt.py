"""Lab 02, numbered_prompt: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong

SNIPPETS = (
    "blue",
    "The Orbit fan",
    "It is blue.",
    "Team Puffin handles it",
    "You have 30 days to return it",
    "The Orbit fan sells at 52 euros today.",
    "Who would not want a lamp of marble on the wall?",
    "Größe und Gewicht stehen auf dem Karton.",
)


def taken(
    hits,
    budget: int,
    cost=lambda text: len(text.split()),
    stops: bool = False,
    repeats: bool = False,
    over: bool = False,
) -> list[int]:
    """Which hits go into the prompt, best first; the misconceptions count otherwise, stop at the
    first that is too long, or let in what they should not.
    """
    chosen = []
    met = set()
    left = budget
    for i, hit in enumerate(hits):
        if hit["text"] in met and not repeats:
            continue
        if (left <= 0) if over else (cost(hit["text"]) > left):
            if stops:
                break
            continue
        chosen.append(i)
        met.add(hit["text"])
        left -= cost(hit["text"])
    return chosen


def numbered(hits, chosen, first: int = 1, own: bool = False) -> tuple[str, list[int]]:
    """The lines of a prompt, numbered from `first`, or by the places of the hits, and
    these places.
    """
    return "\n".join(
        f"[{i + 1 if own else number}] {hits[i]['text']}" for number, i in enumerate(chosen, first)
    ), list(chosen)


def by_place(hits, chosen) -> list[int]:
    return sorted(chosen, key=lambda i: (hits[i]["source"], hits[i]["start"]))


class numbered_prompt(Exercise):
    """The hits that fit, each text once, in the order of the source, numbered from 1."""

    @staticmethod
    def draw(rng):
        n = int(rng.integers(3, 9))
        starts = rng.choice(np.arange(0, 400, 7), size=n, replace=False)
        hits = [
            {
                "source": str(rng.choice(["b.md", "a.md"])),
                "start": int(start),
                "text": str(rng.choice(SNIPPETS)),
            }
            for start in starts
        ]
        return hits, int(rng.integers(4, 26))

    @staticmethod
    def edges():
        hits = [
            {"source": "shop.md", "start": start, "text": text}
            for start, text in (
                (90, "It is blue."),
                (100, "The Orbit fan"),
                (9, "blue"),
                (7, "blue"),
            )
        ]
        return [(hits, 6), (hits, 100), (hits, 3), (hits, 4), (hits, 0), ([], 10), (hits[:1], 2)]

    @staticmethod
    def right(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget)))

    @staticmethod
    @wrong(
        "You stop at the first chunk that does not fit. A later, shorter one may still fit: leave"
        " this one out and go on."
    )
    def stopped(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget, stops=True)))

    @staticmethod
    @wrong(
        "The chunk that crosses the budget is still taken. Look before you take it: all words"
        " together may be at most `budget`."
    )
    def crossed(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget, over=True)))

    @staticmethod
    @wrong("You count characters. The budget is in words, as text.split() gives them.")
    def characters(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget, cost=len)))

    @staticmethod
    @wrong(
        "The same text goes in twice. It tells the model nothing new, and it costs its words again."
    )
    def repeated(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget, repeats=True)))

    @staticmethod
    @wrong("Your numbers begin at 0. They begin at 1.")
    def from_zero(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget)), first=0)

    @staticmethod
    @wrong(
        "Your numbers are the places of the hits in the search, with gaps. The lines of the prompt"
        " are numbered 1, 2, 3, as they stand there."
    )
    def own_numbers(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget)), own=True)

    @staticmethod
    @wrong(
        "The chunks stand in the order of the search. Choose in that order, then sort by source and"
        " start."
    )
    def as_found(hits, budget):
        return numbered(hits, taken(hits, budget))

    @staticmethod
    @wrong(
        "You sorted before you chose, so the budget goes to what stands first in the source, not to"
        " the best hits."
    )
    def sorted_first(hits, budget):
        order = by_place(hits, range(len(hits)))
        chosen = taken([hits[i] for i in order], budget)
        return numbered(hits, [order[i] for i in chosen])

    @staticmethod
    @wrong(
        "You sort by start alone. A start is a place within a source: chunks of one source stand"
        " together."
    )
    def by_start(hits, budget):
        return numbered(hits, sorted(taken(hits, budget), key=lambda i: hits[i]["start"]))

    @staticmethod
    @wrong(
        "Your positions are in the order of the search, and your lines are not: then number 1"
        " stands for the wrong chunk."
    )
    def unsorted_positions(hits, budget):
        chosen = taken(hits, budget)
        return numbered(hits, by_place(hits, chosen))[0], chosen
