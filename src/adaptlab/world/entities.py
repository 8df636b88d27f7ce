"""The subjects of the world, in four groups: known, unasked, fresh and new.

- *known*: the training documents state its facts in many wordings, and training asks questions
  about it.
- *unasked*: the training documents state its facts, but training never asks questions about it.
- *fresh*: occurs only in training contexts, each time with other facts; the weights hold nothing
  about it.
- *new*: no model has seen the name. Evaluation uses these subjects.
"""

import random
from dataclasses import dataclass
from functools import lru_cache

from adaptlab.world import words
from adaptlab.world.relations import BY_SUBJECT, RELATIONS

WORLD_SEED = 20_26
GROUPS = ("known", "unasked", "fresh", "new")

# The numbers of known and unasked subjects of each kind. Of the rest, 1/3 is new and 2/3 are fresh.
_KNOWN = {"person": (150, 50), "product": (50, 20), "order": (0, 0), "policy": (0, 0)}


@dataclass(frozen=True)
class Fact:
    """One fact: `value` is the value of `relation` (a key of RELATIONS) for `subject`."""

    subject: str
    relation: str
    value: str

    def state(self, rng: random.Random, split: str) -> str:
        """State the fact as a sentence in one of the split's wordings."""
        return (
            RELATIONS[self.relation]
            .statements.pick(rng, split)
            .format(n=self.subject, v=self.value)
        )

    def ask(self, rng: random.Random, split: str) -> str:
        """Ask a question whose answer is the value."""
        return RELATIONS[self.relation].questions.pick(rng, split).format(n=self.subject)


def _all_subjects(kind: str) -> list[str]:
    if kind == "person":
        return [f"{first} {last}" for first in words.FIRST_NAMES for last in words.LAST_NAMES]
    if kind == "product":
        return [f"{brand} {good}" for brand in words.BRANDS for good in words.GOODS]
    if kind == "policy":
        return [f"{material} {good}" for material in words.MATERIALS for good in words.GOODS]
    return [str(number) for number in range(1000, 10_000)]


@lru_cache
def subjects(kind: str, group: str) -> tuple[str, ...]:
    """Return all subjects of a kind (a key of BY_SUBJECT) in a group (one of GROUPS). The groups
    are disjoint.
    """
    if kind not in BY_SUBJECT or group not in GROUPS:
        raise ValueError(
            f"no subjects of kind {kind!r} and group {group!r}; kinds are {', '.join(BY_SUBJECT)},"
            f" groups {', '.join(GROUPS)}"
        )
    names = _all_subjects(kind)
    random.Random(f"{WORLD_SEED}:{kind}").shuffle(names)
    n_known, n_unasked = _KNOWN[kind]
    rest = names[n_known + n_unasked :]
    n_new = len(rest) // 3
    return tuple(
        {
            "known": names[:n_known],
            "unasked": names[n_known : n_known + n_unasked],
            "new": rest[:n_new],
            "fresh": rest[n_new:],
        }[group]
    )


@lru_cache
def known_facts(kind: str, group: str) -> tuple[Fact, ...]:
    """Return the world's facts about known or unasked subjects: the ground truth that training
    states.
    """
    facts = []
    for subject in subjects(kind, group):
        rng = random.Random(f"{WORLD_SEED}:{subject}")
        facts += [
            Fact(subject, relation.name, rng.choice(relation.values))
            for relation in BY_SUBJECT[kind]
        ]
    return tuple(facts)


def invent_fact(rng: random.Random, kind: str, group: str) -> Fact:
    """Invent a fact about a fresh or new subject, true only in the context that states it."""
    relation = rng.choice(BY_SUBJECT[kind])
    return Fact(rng.choice(subjects(kind, group)), relation.name, rng.choice(relation.values))
