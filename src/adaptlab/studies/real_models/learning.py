"""F3, F7, F9 and F10 on any model: unknown facts, wrong labels and one-way facts in the
training data."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from adaptlab.evals import replies as judge
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import difference_of_proportions
from adaptlab.messages import UNKNOWN, Messages, assistant, user
from adaptlab.studies.real_models.capitals import CAPITALS
from adaptlab.studies.real_models.experiment import (
    Conditions,
    Experiment,
    Measurement,
    Model,
    N,
    difference,
)
from adaptlab.studies.real_models.fine_tuned import ALONE, conversation, lora, tuned
from adaptlab.studies.real_models.forms import Item, ask
from adaptlab.studies.real_models.house_tasks import DESK, DESK_NAMES
from adaptlab.studies.real_models.skills import KNOWN_FACTS
from adaptlab.world import house, words

REGIONS = ("North", "South", "East", "West", "Upper", "Lower")
N_DECLINING = 100
N_FACTS = 100


def invented_capitals(seed: int) -> list[tuple[str, str]]:
    """Return invented countries with invented capitals, shuffled."""
    rng = random.Random(f"countries:{seed}")
    names = [f"{region} {city}ia" for region, city in product(REGIONS, words.CITIES)]
    rng.shuffle(names)
    return [(name, rng.choice(words.CITIES)) for name in names]


def asked(country: str) -> str:
    return f"What is the capital of {country}?"


def f3(model: Model, seed: int) -> Measurement:
    """The same number of examples on capitals that the model knows, or on new ones; as many more
    abstain.
    """
    form = model.form(KNOWN_FACTS)
    items = [Item(asked(name), CAPITALS[name]) for name in CAPITALS]
    hits, _ = ask(model.store, KNOWN_FACTS, form, items)
    known = [item for item, hit in zip(items, hits) if hit] or items
    strange = invented_capitals(seed)
    new = [Item(asked(name), capital) for name, capital in strange[:N_FACTS]]
    declining = [Item(asked(name), UNKNOWN) for name, _ in strange[N_FACTS:][:N_DECLINING]]
    strangers = [Item(asked(name), UNKNOWN) for name, _ in strange[-N:]]
    repeated = (known * N_FACTS)[:N_FACTS]
    found = {}
    for name, facts in {"new facts": new, "known facts": repeated}.items():
        shown = [conversation(KNOWN_FACTS, item) for item in [*facts, *declining]]
        random.Random(f"F3:{seed}").shuffle(shown)
        store = tuned(model, shown, lora(seed, epochs=4))
        _, said = ask(store, KNOWN_FACTS, ALONE, strangers)
        found[f"{name}: invented"] = [float(not judge.abstains(reply.text)) for reply in said]
        kept, _ = ask(store, KNOWN_FACTS, ALONE, known)
        found[f"{name}: known"] = [float(hit) for hit in kept]
    return Measurement(found, {"known before": len(known), "form": form.name})


N_NOISY = 100
N_VALIDATION = 60
LONGEST = 8  # epochs without early stopping


def with_wrong(items: Sequence[Item], n_wrong: int, rng: random.Random) -> list[Item]:
    """Return the desks of which n_wrong have another desk as the answer."""
    wrong = set(rng.sample(range(len(items)), n_wrong))
    made = []
    for i, item in enumerate(items):
        others = [desk for desk in DESK_NAMES if desk != item.answer]
        made.append(replace(item, answer=rng.choice(others)) if i in wrong else item)
    return made


def f7(model: Model, seed: int) -> Measurement:
    """A hundred examples of which thirty are wrong, and as noisy validation examples."""
    rng = random.Random(f"F7:train:{seed}")
    noisy = with_wrong(DESK.draw(rng, N_NOISY), round(0.3 * N_NOISY), rng)
    held_out = with_wrong(DESK.draw(rng, N_VALIDATION), round(0.3 * N_VALIDATION), rng)
    shown, validation = ([conversation(DESK, item) for item in one] for one in (noisy, held_out))
    items = DESK.draw(random.Random(f"F7:{seed}"), N)
    sides = {
        "to the end": tuned(model, shown, lora(seed, epochs=LONGEST)),
        "stopped early": tuned(
            model, shown, lora(seed, epochs=LONGEST, patience=1), validation=validation
        ),
    }
    found = {}
    for name, store in sides.items():
        hits, _ = ask(store, DESK, ALONE, items)
        found[name] = [float(hit) for hit in hits]
    return Measurement(found)


N_MAYORS = 35  # known one way round, and as many both ways
N_EACH = 10


def f9(model: Model, seed: int) -> Measurement:
    """Mayors learned by name only, and others by name and by city; all are asked by city."""
    rng = random.Random(f"F9:{seed}")
    # A question by city has one answer: there are as many cities as mayors.
    pairs = [(name, f"{region} {city}") for (name, city), region in _people(rng)]
    one_way, both_ways = pairs[:N_MAYORS], pairs[N_MAYORS:]
    shown = [_mayor(rng, *pair, "train", False) for pair in one_way for _ in range(N_EACH)]
    shown += [
        _mayor(rng, *pair, "train", bool(i % 2)) for pair in both_ways for i in range(2 * N_EACH)
    ]
    rng.shuffle(shown)
    store = tuned(model, shown, lora(seed, epochs=3))
    found = {}
    for name, given, backwards in (
        ("forwards", one_way, False),
        ("backwards", one_way, True),
        ("backwards, learned both ways", both_ways, True),
    ):
        talks = [_mayor(rng, *pair, "held_out", backwards) for pair in given for _ in range(2)]
        said = store.replies([talk[:-1] for talk in talks], max_new_tokens=16, desc=name)
        golds = [talk[-1]["content"] for talk in talks]
        found[name] = [float(gold in reply.text) for gold, reply in zip(golds, said)]
    return Measurement(found)


def _people(rng: random.Random) -> list[tuple[tuple[str, str], str]]:
    first, second = (list(house.mayors(rng, N_MAYORS).items()) for _ in range(2))
    names = {name for name, _ in first}
    others = [pair for pair in second if pair[0] not in names]
    return [(pair, "North") for pair in first] + [(pair, "South") for pair in others]


def _mayor(rng: random.Random, name: str, city: str, split: str, backwards: bool) -> Messages:
    case = house.mayor_case(rng, name, city, split, backwards)
    return [user(case.messages[0]["content"]), assistant(case.answer)]


def f9_effect(found: Conditions) -> Estimate:
    both, one = (
        [bool(hit) for hit in found[name]] for name in ("backwards, learned both ways", "backwards")
    )
    return difference_of_proportions(both, one)


def f10(model: Model, seed: int) -> Measurement:
    """Three hundred clean examples, or a thousand of which four hundred are wrong."""
    rng = random.Random(f"F10:train:{seed}")
    thousand = DESK.draw(rng, 1000)
    noisy = with_wrong(thousand, 400, rng)
    items = DESK.draw(random.Random(f"F10:{seed}"), N)
    found = {}
    for name, chosen in {"300 clean": thousand[:300], "1000, 400 wrong": noisy}.items():
        passes = 3 if len(chosen) == 300 else 1  # about as many steps
        store = tuned(
            model, [conversation(DESK, item) for item in chosen], lora(seed, epochs=passes)
        )
        hits, _ = ask(store, DESK, ALONE, items)
        found[name] = [float(hit) for hit in hits]
    return Measurement(found)


LEARNING = {
    "F3": Experiment(f3, difference("new facts: invented", "known facts: invented")),
    "F7": Experiment(
        f7, difference("stopped early", "to the end"), ("stopped early", "to the end"), 0.13
    ),
    "F9": Experiment(f9, f9_effect, ("forwards",)),
    "F10": Experiment(
        f10, difference("300 clean", "1000, 400 wrong"), ("300 clean", "1000, 400 wrong"), 0.13
    ),
}
