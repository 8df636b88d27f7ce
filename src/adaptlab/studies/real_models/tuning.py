"""F1, F2 and F4 on any model: what fine-tuning teaches, and from how many examples."""

import random

from adaptlab.evals import replies as judge
from adaptlab.evals.statistics import Estimate, paired_difference
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
from adaptlab.studies.real_models.forms import ask, n_cut
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


def f2(model: Model, seed: int) -> Measurement:
    """Facts about new people: their text in the prompt, or ten paraphrases in training."""
    rng = random.Random(f"F2:{seed}")
    facts = house.newcomers(seed, N_PEOPLE)
    people: dict[str, list] = {}
    for fact in facts:
        people.setdefault(fact.subject, []).append(fact)
    documents = [
        house.biography(rng, about) for about in people.values() for _ in range(N_TEXTS)
    ] * 4
    store = tuned(model, [], in_full(seed), documents)
    asked = [fact.ask(random.Random(f"asked:{seed}"), "held_out") for fact in facts]
    closed = [[user(f"{question} Answer with the value only.")] for question in asked]
    texts = {name: house.biography(rng, about) for name, about in people.items()}
    shown = []
    for fact, question in zip(facts, asked):
        others = rng.sample([name for name in people if name != fact.subject], 2)
        names = rng.sample([fact.subject, *others], 3)
        notes = "\n".join(f"[{i}] {texts[name]}" for i, name in enumerate(names, 1))
        shown.append([user(f"Notes: {notes}\nQuestion: {question} Answer with the value only.")])
    sides = {
        "text in the prompt": (model.store, shown),
        "before training": (model.store, closed),
        "after ten paraphrases": (store, closed),
    }
    found = {}
    for name, (source, prompts) in sides.items():
        said = source.replies(prompts, max_new_tokens=24, desc=name)
        found[name] = [
            float(states_value(reply.text, fact.value, fact.relation))
            for reply, fact in zip(said, facts)
        ]
    return Measurement(found)


SIZES = (30, 300, 3000)
LEAST_SEEN = 480


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
