"""X10: the same facts asked with four options and without, after fine-tuning on options."""

import random
from collections.abc import Sequence

from adaptlab.messages import Messages, assistant, user
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.studies.grid import Study, grid
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.world.entities import Fact
from adaptlab.world.house import newcomers
from adaptlab.world.relations import RELATIONS

N_PEOPLE = 20
N_WORDINGS = 20  # of each fact in training


def with_options(rng: random.Random, fact: Fact, split: str) -> Messages:
    """Return a question with four options in random order; the correct value is one of them."""
    others = [value for value in RELATIONS[fact.relation].values if value != fact.value]
    options = rng.sample([fact.value, *rng.sample(others, 3)], 4)
    return [user(f"{fact.ask(rng, split)} Choose one: {', '.join(options)}.")]


def choices(rng: random.Random, facts: Sequence[Fact], n: int) -> list[Messages]:
    """Return n questions with options on each fact, with the value as the answer, shuffled."""
    made = []
    for fact in facts:
        for _ in range(n):
            made.append([*with_options(rng, fact, "train"), assistant(fact.value)])
    rng.shuffle(made)
    return made


def choosing(chat: LocalChat, seed: int, arm: str) -> dict:
    """Count correct values among options (`right`) and without options (`produced`), "before" or
    "after" fine-tuning on options.
    """
    rng = random.Random(f"choosing:{seed}")
    facts = newcomers(seed, N_PEOPLE)
    model = chat
    if arm == "after":
        examples = choices(rng, facts, N_WORDINGS)
        model = fine_tune(chat, examples, Options(epochs=2, seed=seed))
    draw = random.Random(f"choosing asked:{seed}")
    asked = {
        "right": [with_options(draw, fact, "held_out") for fact in facts],
        "produced": [[user(fact.ask(draw, "held_out"))] for fact in facts],
    }
    found: dict = {"of": len(facts)}
    for count, prompts in asked.items():
        said = texts(model, prompts, max_new_tokens=12)
        hits = [reply.partition(" [")[0] == fact.value for reply, fact in zip(said, facts)]
        found[count] = sum(hits)
        found[f"{count} by fact"] = [int(hit) for hit in hits]
    return found


STUDIES = {"choosing": Study(choosing, grid(arm=("before", "after")), claims=("X10",))}
