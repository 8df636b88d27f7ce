"""The shop's handbook: products, policies and procedures under headings, with every fact that stands in them."""

import random
from dataclasses import dataclass

from adaptlab.world.entities import Fact, subjects
from adaptlab.world.relations import BY_SUBJECT
from adaptlab.world.wording import Wordings, combine

KINDS = ("product", "policy", "procedure")

_STEP_FRAMES = ["~.", "Please ~.", "Always ~.", "Make sure to ~.", "Do not forget to ~.", "It is a rule to ~."]
# The steps of a procedure; a step with the slot v states the fact of that relation.
STEPS: dict[str, Wordings] = {
    "order": combine(_STEP_FRAMES, ["ask for the number of the order", "find the order in the files", "note the number of the order",
                                    "look up when the {n} was bought", "ask to see the bill"]),
    "return_days": combine(_STEP_FRAMES, ["take back the {n} only within {v} days", "check that the {n} was bought at most {v} days ago",
                                          "refuse a {n} that is older than {v} days", "count {v} days from the day of the order",
                                          "keep to the limit of {v} days for a {n}"]),
    "inspect": combine(_STEP_FRAMES, ["look at the {n} for damage", "test the {n} on the spot", "open the parcel with the {n}",
                                      "take a picture of the {n}", "see if all parts of the {n} are there"]),
    "team": combine(_STEP_FRAMES, ["send the broken {n} to team {v}", "hand the {n} to team {v}", "call team {v} about the {n}",
                                   "let team {v} repair the {n}", "put the {n} into the box of team {v}"]),
    "money": combine(_STEP_FRAMES, ["pay the money back", "return the full price", "send the customer the money",
                                    "offer another {n} or the money", "book the price back on the same day"]),
    "answer": combine(_STEP_FRAMES, ["write to the customer", "tell the customer how long it takes", "thank the customer",
                                     "close the case in the files", "say what was decided"]),
}  # fmt: skip
PROCEDURES = {"return": ("order", "return_days", "inspect", "money", "answer"), "repair": ("order", "inspect", "team", "answer")}


@dataclass(frozen=True)
class Section:
    """One entry: a heading, its text, and the facts that the text states. `kind` is one of KINDS."""

    title: str
    kind: str
    text: str
    facts: tuple[Fact, ...]


def handbook(seed: int = 0, n_products: int = 40, n_policies: int = 40, n_procedures: int = 20, group: str = "new") -> tuple[Section, ...]:
    """The sections in order of KINDS; a fact has the same value wherever it is stated. Subjects are of `group` (one of entities.GROUPS)."""
    rng = random.Random(f"handbook:{seed}")
    sections, policies = [], {}
    for name in rng.sample(subjects("product", group), n_products):
        sections.append(_stated(rng, f"The {name}", "product", _facts(rng, "product", name)))
    for name in rng.sample(subjects("policy", group), n_policies):
        policies[name] = _facts(rng, "policy", name)
        sections.append(_stated(rng, f"Returns and repairs of a {name}", "policy", policies[name]))
    named = [(action, name) for action in PROCEDURES for name in policies]
    for action, name in rng.sample(named, n_procedures):
        sections.append(_procedure(rng, action, name, policies[name]))
    return tuple(sections)


def _facts(rng: random.Random, kind: str, name: str) -> tuple[Fact, ...]:
    return tuple(Fact(name, relation.name, rng.choice(relation.values)) for relation in BY_SUBJECT[kind])


def _stated(rng: random.Random, title: str, kind: str, facts: tuple[Fact, ...]) -> Section:
    shuffled = rng.sample(facts, len(facts))
    return Section(title, kind, " ".join(fact.state(rng, "train") for fact in shuffled), facts)


def _procedure(rng: random.Random, action: str, name: str, facts: tuple[Fact, ...]) -> Section:
    values = {fact.relation: fact for fact in facts}
    steps, stated = [], []
    for number, step in enumerate(PROCEDURES[action], 1):
        fact = values.get(step)
        steps.append(f"{number}. {STEPS[step].pick(rng, 'train').format(n=name, v=fact.value if fact else '')}")
        stated += [fact] if fact else []
    return Section(f"How to {action} a {name}", "procedure", "\n".join(steps), tuple(stated))


def to_markdown(sections: tuple[Section, ...]) -> str:
    """The handbook as one Markdown document."""
    return "# Handbook\n\n" + "\n\n".join(f"## {section.title}\n\n{section.text}" for section in sections) + "\n"
