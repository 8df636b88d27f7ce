"""The shop's handbook: products, policies and procedures under headings, with every fact that they
state.
"""

import random
from dataclasses import dataclass, replace

from adaptlab.world.case import Case
from adaptlab.world.entities import Fact, subjects
from adaptlab.world.reading import Passage, namesakes, reading_case
from adaptlab.world.relations import BY_SUBJECT
from adaptlab.world.wording import Wordings, combine

KINDS = ("product", "policy", "procedure")

_STEP_FRAMES = [
    "~.",
    "Please ~.",
    "Always ~.",
    "Make sure to ~.",
    "Do not forget to ~.",
    "It is a rule to ~.",
]
# The steps of a procedure; a step with the slot v states the fact of its relation.
STEPS: dict[str, Wordings] = {
    "order": combine(
        _STEP_FRAMES,
        [
            "ask for the number of the order",
            "find the order in the files",
            "note the number of the order",
            "look up when the {n} was bought",
            "ask to see the bill",
        ],
    ),
    "return_days": combine(
        _STEP_FRAMES,
        [
            "take back the {n} only within {v} days",
            "check that the {n} was bought at most {v} days ago",
            "refuse a {n} that is older than {v} days",
            "count {v} days from the day of the order",
            "keep to the limit of {v} days for a {n}",
        ],
    ),
    "inspect": combine(
        _STEP_FRAMES,
        [
            "look at the {n} for damage",
            "test the {n} on the spot",
            "open the parcel with the {n}",
            "take a picture of the {n}",
            "see if all parts of the {n} are there",
        ],
    ),
    "team": combine(
        _STEP_FRAMES,
        [
            "send the broken {n} to team {v}",
            "hand the {n} to team {v}",
            "call team {v} about the {n}",
            "let team {v} repair the {n}",
            "put the {n} into the box of team {v}",
        ],
    ),
    "money": combine(
        _STEP_FRAMES,
        [
            "pay the money back",
            "return the full price",
            "send the customer the money",
            "offer another {n} or the money",
            "book the price back on the same day",
        ],
    ),
    "answer": combine(
        _STEP_FRAMES,
        [
            "write to the customer",
            "tell the customer how long it takes",
            "thank the customer",
            "close the case in the files",
            "say what was decided",
        ],
    ),
}
PROCEDURES = {
    "return": ("order", "return_days", "inspect", "money", "answer"),
    "repair": ("order", "inspect", "team", "answer"),
}


@dataclass(frozen=True)
class Section:
    """One entry: a heading, its text, and the facts in the text, each with its sentence. `kind` is
    one of KINDS.
    """

    title: str
    kind: str
    text: str
    facts: tuple[Fact, ...]
    sentences: tuple[str, ...]


def handbook(
    seed: int = 0,
    n_products: int = 40,
    n_policies: int = 40,
    n_procedures: int = 20,
    group: str = "new",
) -> tuple[Section, ...]:
    """Return the sections in the order of KINDS. A fact has the same value in all sections.
    Subjects are of `group` (one of entities.GROUPS).
    """
    n_names = {kind: len(subjects(kind, group)) for kind in ("product", "policy")}
    if (
        n_products > n_names["product"]
        or n_policies > n_names["policy"]
        or n_procedures > len(PROCEDURES) * n_policies
    ):
        raise ValueError(
            f"a handbook has at most {n_names['product']} products, {n_names['policy']} policies"
            f" and {len(PROCEDURES)} procedures a policy"
        )
    rng = random.Random(f"handbook:{seed}")
    sections = []
    policies = {}
    for name in rng.sample(subjects("product", group), n_products):
        sections.append(_product(rng, name, _facts(rng, "product", name)))
    for name in rng.sample(subjects("policy", group), n_policies):
        policies[name] = _facts(rng, "policy", name)
        sections.append(_policy(rng, name, policies[name]))
    named = [(action, name) for action in PROCEDURES for name in policies]
    for action, name in rng.sample(named, n_procedures):
        sections.append(_procedure(rng, action, name, policies[name]))
    return tuple(sections)


def _facts(rng: random.Random, kind: str, name: str) -> tuple[Fact, ...]:
    return tuple(
        Fact(name, relation.name, rng.choice(relation.values)) for relation in BY_SUBJECT[kind]
    )


def _product(
    rng: random.Random, name: str, facts: tuple[Fact, ...], split: str = "train"
) -> Section:
    return _stated(rng, f"The {name}", "product", facts, split)


def _policy(
    rng: random.Random, name: str, facts: tuple[Fact, ...], split: str = "train"
) -> Section:
    return _stated(rng, f"Returns and repairs of a {name}", "policy", facts, split)


def _stated(
    rng: random.Random, title: str, kind: str, facts: tuple[Fact, ...], split: str
) -> Section:
    sentences = {fact: fact.state(rng, split) for fact in rng.sample(facts, len(facts))}
    return Section(
        title, kind, " ".join(sentences.values()), facts, tuple(sentences[fact] for fact in facts)
    )


def _procedure(
    rng: random.Random, action: str, name: str, facts: tuple[Fact, ...], split: str = "train"
) -> Section:
    values = {fact.relation: fact for fact in facts}
    steps = []
    stated = {}
    for number, step in enumerate(PROCEDURES[action], 1):
        fact = values.get(step)
        steps.append(
            f"{number}. {STEPS[step].pick(rng, split).format(n=name, v=fact.value if fact else '')}"
        )
        if fact:
            stated[fact] = steps[-1]
    return Section(
        f"How to {action} a {name}",
        "procedure",
        "\n".join(steps),
        tuple(stated),
        tuple(stated.values()),
    )


_TITLES = ("", "{}: ", "## {}\n\n")


def _n_chunks(rng: random.Random) -> int:
    return rng.choice((1, 2, 3, 4, 4, 4, 5, 6))


def handbook_passage(
    rng: random.Random, split: str = "train", group: str = "fresh", n_chunks: int | None = None
) -> Passage:
    """Return chunks as a search in a handbook returns them: sections on subjects with similar
    names, whole or in part, with or without titles.
    """
    n_chunks = n_chunks or _n_chunks(rng)
    main_kind, other_kind = rng.sample(("product", "policy"), 2)
    names = namesakes(rng, group, n_chunks + 3, main_kind)
    passage = _pages(rng, names[:n_chunks], main_kind, other_kind, split, group)
    strangers = [
        Fact(name, rng.choice(BY_SUBJECT[main_kind]).name, "") for name in names[n_chunks:]
    ]
    return replace(passage, absent=(*passage.absent[:3], *strangers))


def between_case(
    rng: random.Random, split: str = "train", group: str = "fresh", n_chunks: int | None = None
) -> Case:
    """Ask about one of several pages on subjects that share a word. The page is among them, or is
    missing (slightly more often).

    A model that matches words instead of names answers from a neighbouring page. This is the most
    likely mistake in reading search results.
    """
    n_chunks = n_chunks or _n_chunks(rng)
    main_kind, other_kind = rng.sample(("product", "policy"), 2)
    names = subjects(main_kind, group)
    asked = rng.choice(names)
    near = [name for name in names if name != asked and set(name.split()) & set(asked.split())]
    if not near:
        raise ValueError(
            f"no other {main_kind} of the group {group!r} shares a word with {asked!r}; take a"
            " larger group"
        )
    shown = rng.sample(near, min(n_chunks, len(near)))
    if rng.random() < 0.5:
        shown[rng.randrange(len(shown))] = asked
    passage = _pages(rng, shown, main_kind, other_kind, split, group)
    own = [chunk for fact, chunk in passage.facts if fact.subject == asked]
    if own:
        return reading_case(rng, split, group, answerable=True, position=own[0], passage=passage)
    missing = tuple(Fact(asked, relation.name, "") for relation in BY_SUBJECT[main_kind])
    return reading_case(
        rng, split, group, answerable=False, passage=replace(passage, absent=missing)
    )


def _pages(
    rng: random.Random, names: list[str], main_kind: str, other_kind: str, split: str, group: str
) -> Passage:
    """Return a chunk on each name, and sometimes on the same product in the other kind of page."""
    title = rng.choice(_TITLES)
    chunks = []
    stated: list = []
    absent = []
    for number, name in enumerate(names, 1):
        kind = main_kind
        met = {fact.subject for fact, _ in stated}
        same_good = [
            other
            for other in subjects(other_kind, group)
            if other.split()[1] == name.split()[1] and other not in met
        ]
        if same_good and rng.random() < 0.15:
            kind = other_kind
            name = rng.choice(same_good)
        facts = _facts(rng, kind, name)
        # A chunk that is a part of its section.
        kept = (
            facts if rng.random() < 0.75 else tuple(rng.sample(facts, rng.randint(1, len(facts))))
        )
        section = _section(rng, kind, name, kept, split)
        chunks.append(title.format(section.title) + section.text)
        stated += [(fact, number) for fact in section.facts]
        absent += [fact for fact in facts if fact not in section.facts]
    return Passage(tuple(chunks), tuple(stated), tuple(absent))


def _section(
    rng: random.Random, kind: str, name: str, facts: tuple[Fact, ...], split: str
) -> Section:
    if kind == "product":
        return _product(rng, name, facts, split)
    actions = [
        action
        for action, steps in PROCEDURES.items()
        if {fact.relation for fact in facts} & set(steps)
    ]
    return (
        _procedure(rng, rng.choice(actions), name, facts, split)
        if rng.random() < 0.4
        else _policy(rng, name, facts, split)
    )


def to_markdown(sections: tuple[Section, ...]) -> str:
    """Return the handbook as one Markdown document."""
    return (
        "# Handbook\n\n"
        + "\n\n".join(f"## {section.title}\n\n{section.text}" for section in sections)
        + "\n"
    )
