"""H5 on any model: with retrieval, fine-tune the reader or the facts."""

import random

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import paired_difference
from adaptlab.messages import Messages
from adaptlab.studies.real_models.experiment import Conditions, Experiment, Measurement, Model, N
from adaptlab.studies.real_models.fine_tuned import ALONE, conversation, lora, tuned
from adaptlab.studies.real_models.forms import ask
from adaptlab.studies.real_models.house_tasks import by_heart
from adaptlab.studies.real_models.retrieval import READING, found_chunks, indexed, item_of

N_READ = 150
N_HANDBOOKS = 3  # of a seed
READ_FROM = 2000  # the first handbook to learn reading from
RATE = 5e-4  # of the recorded run
N_ASKED_EACH = 3  # questions on each fact of the handbook


def fact_questions(seed: int) -> list[Messages]:
    """Return questions on every fact of a seed's handbook, with the value as the answer."""
    rng = random.Random(f"H5:facts:{seed}")
    sections = indexed(seed).sections
    facts = list(dict.fromkeys(fact for section in sections for fact in section.facts))
    return by_heart(facts, rng, N_ASKED_EACH)


def reading_conversations(seed: int) -> list[Messages]:
    """Return questions on other handbooks with their notes, and the values as answers."""
    made = []
    for number in range(N_HANDBOOKS):
        book = indexed(READ_FROM + N_HANDBOOKS * seed + number, "fresh")
        asked = book.ask("name", N_READ // N_HANDBOOKS, f"H5:read:{seed}")
        for question, chunks in zip(asked, found_chunks(book, asked)):
            made.append(conversation(READING, item_of(question, chunks)))
    random.Random(f"H5:read:{seed}").shuffle(made)
    return made


def h5(model: Model, seed: int) -> Measurement:
    """The readers learn on another handbook, the others learn this one's facts."""
    book = indexed(seed)
    asked = book.ask("name", N, f"H5:{seed}")
    items = [item_of(q, chunks) for q, chunks in zip(asked, found_chunks(book, asked))]
    options = lora(seed, learning_rate=RATE)
    stores = {
        "retrieval": (model.store, model.form(READING)),
        "tuned to read": (tuned(model, reading_conversations(seed), options), ALONE),
        "tuned on the facts": (tuned(model, fact_questions(seed), options), ALONE),
    }
    found = {}
    for name, (store, form) in stores.items():
        hits, _ = ask(store, READING, form, items)
        found[name] = [float(hit) for hit in hits]
    return Measurement(found)


def h5_effect(found: Conditions) -> Estimate:
    return paired_difference(found["tuned to read"], found["tuned on the facts"])


READING_TUNED = {"H5": Experiment(h5, h5_effect, ("tuned to read", "tuned on the facts"))}
