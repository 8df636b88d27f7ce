"""F1, F2 and F4 on any model: what fine-tuning teaches, and from how many examples."""

import random
from collections.abc import Mapping, Sequence

from adaptlab.evals import replies as judge
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import paired_difference
from adaptlab.messages import user
from adaptlab.studies.real_models.experiment import (
    Conditions,
    Experiment,
    Measurement,
    Model,
    N,
    difference,
)
from adaptlab.studies.real_models.fine_tuned import ALONE, in_full, lora, taught, tuned
from adaptlab.studies.real_models.forms import Item, Task, ask, n_cut
from adaptlab.studies.real_models.house_tasks import (
    DESK,
    PROMPTED_RECORD,
    STYLE,
    TUNED_RECORD,
    ticket_items,
)
from adaptlab.studies.real_models.prompting import states_value
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.world import house
from adaptlab.world.entities import Fact

N_RECORDS = 300


def record_model(model: Model, seed: int) -> ReplyStore:
    rng = random.Random(f"F1:train:{seed}")
    return tuned(model, taught(TUNED_RECORD, rng, N_RECORDS), lora(seed, epochs=2))


def f1(model: Model, seed: int) -> Measurement:
    form = model.form(PROMPTED_RECORD)
    items = ticket_items(random.Random(f"F1:{seed}"), N)
    found: dict[str, list[float]] = {}
    notes: dict = {"form": form.name}
    sides = {
        "best prompt": (model.store, PROMPTED_RECORD, form),
        "tuned": (record_model(model, seed), TUNED_RECORD, ALONE),
    }
    for name, (store, task, chosen) in sides.items():
        hits, said = ask(store, task, chosen, items)
        objects = [judge.json_object(reply.text) for reply in said]
        golds = [item.fields["record"] for item in items]
        found[f"{name}: exact"] = [float(hit) for hit in hits]
        found[f"{name}: valid"] = [float(judge.same_form(o, g)) for o, g in zip(objects, golds)]
        notes[f"{name}: cut off"] = n_cut(said, task.max_new_tokens)
    return Measurement(found, notes)


N_PEOPLE = 14
N_TEXTS = 10
N_REPEATS = 4  # of each text in training
DEVELOPMENT = 1000  # people of whom none is asked about in the test


def _biographies(people: Mapping[str, list[Fact]], fact: Fact, rng: random.Random) -> Item:
    """Return a question on a fact, with the texts about its person and two others as notes."""
    others = rng.sample([name for name in people if name != fact.subject], 2)
    names = rng.sample([fact.subject, *others], 3)
    notes = "\n".join(
        f"[{i}] {house.biography(rng, people[name])}" for i, name in enumerate(names, 1)
    )
    text = f"{notes}\nQuestion: {fact.ask(rng, 'held_out')}"
    return Item(text, fact.value, {"value": fact.value, "relation": fact.relation})


def _by_person(facts: Sequence[Fact]) -> dict[str, list[Fact]]:
    people: dict[str, list[Fact]] = {}
    for fact in facts:
        people.setdefault(fact.subject, []).append(fact)
    return people


def _others(rng: random.Random, n: int) -> list[Item]:
    facts = house.newcomers(DEVELOPMENT, max(3, -(-n // 5)))
    people = _by_person(facts)
    return [_biographies(people, fact, rng) for fact in rng.sample(facts, n)]


BIOGRAPHIES = Task(
    "reading biographies",
    "Answer the question from the notes. Answer with the value only.",
    _others,
    lambda item, reply: states_value(reply, item.fields["value"], item.fields["relation"]),
    max_new_tokens=24,
    input_name="Notes",
    ks=(0, 2),
)


def f2(model: Model, seed: int) -> Measurement:
    """Facts about new people: their text in the prompt, or ten paraphrases in training."""
    rng = random.Random(f"F2:{seed}")
    facts = house.newcomers(seed, N_PEOPLE)
    people = _by_person(facts)
    documents = [
        house.biography(rng, about) for about in people.values() for _ in range(N_TEXTS)
    ] * N_REPEATS
    store = tuned(model, [], in_full(seed), documents)
    form = model.form(BIOGRAPHIES)
    hits, _ = ask(model.store, BIOGRAPHIES, form, [_biographies(people, f, rng) for f in facts])
    found = {"text in the prompt": [float(hit) for hit in hits]}
    asked = [fact.ask(random.Random(f"asked:{seed}"), "held_out") for fact in facts]
    closed = [[user(f"{question} Answer with the value only.")] for question in asked]
    for name, source in {"before training": model.store, "after ten paraphrases": store}.items():
        said = source.replies(closed, max_new_tokens=24, desc=name)
        found[name] = [
            float(states_value(reply.text, fact.value, fact.relation))
            for reply, fact in zip(said, facts)
        ]
    return Measurement(found, {"form": form.name})


SIZES = (30, 300, 3000)
LEAST_SEEN = 1200


def f4(model: Model, seed: int) -> Measurement:
    found = {}
    for task in (DESK, STYLE):
        items = task.draw(random.Random(f"F4:{seed}"), N)
        for n in SIZES:
            passes = max(1, -(-LEAST_SEEN // n))
            rng = random.Random(f"F4:train:{task.name}:{seed}")
            store = tuned(model, taught(task, rng, n), lora(seed, epochs=passes))
            hits, _ = ask(store, task, ALONE, items)
            found[f"{task.name}, n = {n}"] = [float(hit) for hit in hits]
    return Measurement(found)


def f4_effect(found: Conditions) -> Estimate:
    """Return the gain from 30 to 3,000 examples in the task where it is least."""
    gains = [
        paired_difference(found[f"{task.name}, n = 3000"], found[f"{task.name}, n = 30"])
        for task in (DESK, STYLE)
    ]
    return min(gains, key=lambda gain: gain.value)


TUNING = {
    "F1": Experiment(
        f1,
        difference("tuned: exact", "best prompt: exact"),
        ("tuned: exact", "best prompt: exact"),
    ),
    "F2": Experiment(
        f2,
        difference("text in the prompt", "after ten paraphrases"),
        ("text in the prompt",),
    ),
    "F4": Experiment(f4, f4_effect, tuple(f"{t.name}, n = 3000" for t in (DESK, STYLE)), 0.13),
}
