"""Recall: questions without a context, answered from memory or by abstaining."""

import random

from adaptlab.messages import UNKNOWN, user
from adaptlab.world.case import NOWHERE, WEIGHTS, Case
from adaptlab.world.entities import invent_fact, known_facts


def recall_case(
    rng: random.Random, split: str = "train", group: str = "known", kind: str | None = None
) -> Case:
    """Return a closed-book question.

    For fresh and new subjects the gold answer is UNKNOWN. `fields` still has a value, sampled as
    the world would sample it, so that a lucky guess can be counted.
    """
    kind = kind or rng.choices(("person", "product"), (4, 1))[0]
    known = group in ("known", "unasked")
    fact = rng.choice(known_facts(kind, group)) if known else invent_fact(rng, kind, group)
    fields = {"subject": fact.subject, "relation": fact.relation, "value": fact.value}
    return Case(
        "recall",
        (user(fact.ask(rng, split)),),
        fact.value if known else UNKNOWN,
        WEIGHTS if known else NOWHERE,
        fields,
    )
