"""Questions on the handbook with known gold sections, by what makes them hard to search for."""

import random
from dataclasses import dataclass

from adaptlab.world.entities import Fact, subjects
from adaptlab.world.handbook import Section
from adaptlab.world.reading import JOINS
from adaptlab.world.relations import BY_SUBJECT, RELATIONS

KINDS = ("name", "paraphrase", "two facts", "unanswerable")

# The words that customers use instead of the shop's own words.
OTHER_WORDS = {
    "lamp": "light",
    "kettle": "water boiler",
    "clock": "timepiece",
    "chair": "seat",
    "table": "desk",
    "bottle": "flask",
    "radio": "music receiver",
    "camera": "photo machine",
    "jacket": "coat",
    "tent": "camping shelter",
    "backpack": "rucksack",
    "bicycle": "bike",
    "blender": "mixer for smoothies",
    "toaster": "bread browner",
    "heater": "radiator",
    "fan": "air blower",
    "printer": "machine that prints",
    "keyboard": "thing to type on",
    "mirror": "looking glass",
    "pillow": "cushion",
    "blanket": "bed cover",
    "carpet": "rug",
    "ladder": "steps to climb",
    "drill": "hole borer",
    "hammer": "tool for nails",
    "helmet": "head protection",
    "racket": "tennis bat",
    "guitar": "instrument with six strings",
    "drum": "percussion instrument",
    "piano": "instrument with black and white keys",
    "basket": "wicker container",
    "bucket": "pail",
    "teapot": "pot to brew tea in",
    "mug": "coffee cup",
    "plate": "dish",
    "scarf": "neck wrap",
    "umbrella": "rain shade",
    "wallet": "purse",
    "notebook": "jotter",
    "telescope": "instrument to look at stars",
}
_ASKED_FREELY = {
    "price": (
        "How much money do I need for the {n}?",
        "Is the {n} expensive?",
        "What would the {n} set me back?",
    ),
    "colour": (
        "What does the {n} look like, is it dark or bright?",
        "In which shade do you have the {n}?",
        "What tint is the {n}?",
    ),
    "material": (
        "From what stuff did they produce the {n}?",
        "Which substance is the {n}?",
        "Of what was the {n} manufactured?",
    ),
    "shelf": (
        "Where in the shop can I find the {n}?",
        "Where is the {n} stored?",
        "I am looking for the {n}, where is it?",
    ),
    "return_days": (
        "Until when can I bring back a {n}?",
        "How much time is there to send a {n} back?",
        "Can I still give back a {n} after a month?",
    ),
    "team": (
        "My {n} has a fault, who will mend it?",
        "Who fixes a {n} that is damaged?",
        "A {n} does not work any more, who takes care of it?",
    ),
}


@dataclass(frozen=True)
class Question:
    """A question on the handbook.

    `facts` answer it. `gold` has one set for each fact: the numbers of the sections that state it.
    Both are empty for a question without an answer.
    """

    text: str
    kind: str
    facts: tuple[Fact, ...]
    gold: tuple[frozenset[int], ...]

    @property
    def answerable(self) -> bool:
        return bool(self.facts)


def draw_questions(
    rng: random.Random, sections: tuple[Section, ...], kind: str, n: int, split: str = "held_out"
) -> list[Question]:
    """Return n questions of a kind, no two for the same facts (or, without an answer, with the same
    words).
    """
    found: dict[object, Question] = {}
    for _ in range(100 * n):
        question = draw_question(rng, sections, kind, split)
        found.setdefault(question.facts or question.text, question)
        if len(found) == n:
            return list(found.values())
    raise ValueError(
        f"the handbook has only some {len(found)} different questions of the kind {kind!r}, not"
        f" {n}; draw a larger one"
    )


def draw_question(
    rng: random.Random, sections: tuple[Section, ...], kind: str, split: str = "held_out"
) -> Question:
    """Return a question of a kind (one of KINDS) on the handbook."""
    if kind not in KINDS:
        raise ValueError(
            f"there are no questions of the kind {kind!r}; kinds are {', '.join(KINDS)}"
        )
    if kind == "unanswerable":
        return _unanswerable(rng, sections, split)
    facts = _draw_facts(rng, sections, 2 if kind == "two facts" else 1)
    if kind == "paraphrase":
        text = rng.choice(_ASKED_FREELY[facts[0].relation]).format(
            n=_in_other_words(facts[0].subject)
        )
    else:
        text = rng.choice(JOINS).join(fact.ask(rng, split) for fact in facts)
    return Question(text, kind, facts, tuple(_stating(sections, fact) for fact in facts))


def _draw_facts(rng: random.Random, sections: tuple[Section, ...], n: int) -> tuple[Fact, ...]:
    facts: dict[Fact, None] = {}  # a policy and its procedure state the same
    while len(facts) < n:
        facts[rng.choice(rng.choice(sections).facts)] = None
    return tuple(facts)


def _stating(sections: tuple[Section, ...], fact: Fact) -> frozenset[int]:
    return frozenset(i for i, section in enumerate(sections) if fact in section.facts)


def _in_other_words(subject: str) -> str:
    first, good = subject.split()
    return f"{first} {OTHER_WORDS[good]}"


def _unanswerable(rng: random.Random, sections: tuple[Section, ...], split: str) -> Question:
    """Ask about a subject that is not in the handbook, but has a similar name as one that is."""
    stated = {fact.subject for section in sections for fact in section.facts}
    example = rng.choice(rng.choice(sections).facts)
    kind = RELATIONS[example.relation].subject
    words = set(example.subject.split())
    near = [
        name for name in subjects(kind, "new") if name not in stated and words & set(name.split())
    ]
    return Question(
        Fact(rng.choice(near), rng.choice(BY_SUBJECT[kind]).name, "").ask(rng, split),
        "unanswerable",
        (),
        (),
    )
