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

LETTERS = "ABCD"
N_PEOPLE = 20
N_WORDINGS = 20  # of each fact in training


def with_options(rng: random.Random, fact: Fact, split: str) -> tuple[Messages, str]:
    """Return a question with four options in random order, and the letter of the correct one."""
    others = [value for value in RELATIONS[fact.relation].values if value != fact.value]
    options = rng.sample([fact.value, *rng.sample(others, 3)], 4)
    lines = "\n".join(f"{letter} {option}" for letter, option in zip(LETTERS, options))
    question = f"{fact.ask(rng, split)}\n{lines}"
    return [user(question)], LETTERS[options.index(fact.value)]


def _choices(rng: random.Random, facts: Sequence[Fact], split: str, n: int) -> list[Messages]:
    made = []
    for fact in facts:
        for _ in range(n):
            messages, letter = with_options(rng, fact, split)
            made.append([*messages, assistant(letter)])
    rng.shuffle(made)
    return made


def choosing(chat: LocalChat, seed: int, arm: str) -> dict:
    """Count correct letters (`right`) and correct values without options (`produced`), "before" or
    "after" fine-tuning on options.
    """
    rng = random.Random(f"choosing:{seed}")
    facts = newcomers(seed, N_PEOPLE)
    model = chat
    if arm == "after":
        examples = _choices(rng, facts, "train", N_WORDINGS)
        model = fine_tune(chat, examples, Options(epochs=2, seed=seed))
    draw = random.Random(f"choosing asked:{seed}")
    asked = [with_options(draw, fact, "held_out") for fact in facts]
    letters = texts(model, [messages for messages, _ in asked], max_new_tokens=4)
    free = [[user(fact.ask(draw, "held_out"))] for fact in facts]
    values = texts(model, free, max_new_tokens=12)
    return {
        "right": sum(reply[:1] == letter for reply, (_, letter) in zip(letters, asked)),
        "of": len(facts),
        "produced": sum(
            reply.partition(" [")[0] == fact.value for reply, fact in zip(values, facts)
        ),
    }


STUDIES = {"choosing": Study(choosing, grid(arm=("before", "after")), claims=("X10",))}
