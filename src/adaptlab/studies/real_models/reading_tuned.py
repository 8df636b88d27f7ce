"""H5 on any model: with retrieval, fine-tune the reader or the facts."""

import random

from adaptlab.evals.statistics import Estimate, paired_difference
from adaptlab.messages import Messages, assistant, user
from adaptlab.studies.real_models.experiment import Conditions, Experiment, Measurement, Model, N
from adaptlab.studies.real_models.fine_tuned import lora, tuned
from adaptlab.studies.real_models.forms import ask
from adaptlab.studies.real_models.retrieval import READING, found_chunks, indexed, item_of
from adaptlab.studies.real_models.tuning import ALONE, taught
from adaptlab.world.house import fact_case

N_READ = 300
N_ASKED_EACH = 3  # questions on each fact of the handbook


def fact_questions(seed: int) -> list[Messages]:
    """Return questions on every fact of a seed's handbook, with the value as the answer."""
    rng = random.Random(f"H5:facts:{seed}")
    sections = indexed(seed).sections
    facts = list(dict.fromkeys(fact for section in sections for fact in section.facts))
    made = []
    for fact in facts:
        for _ in range(N_ASKED_EACH):
            case = fact_case(rng, fact)
            made.append([user(case.messages[0]["content"]), assistant(case.answer)])
    rng.shuffle(made)
    return made


def h5(model: Model, seed: int) -> Measurement:
    """The readers learn on another handbook, the others learn this one's facts."""
    book = indexed(seed)
    asked = book.ask("name", N, f"H5:{seed}")
    items = [item_of(q, chunks) for q, chunks in zip(asked, found_chunks(book, asked))]
    rng = random.Random(f"H5:read:{seed}")
    stores = {
        "retrieval": (model.store, model.form(READING)),
        "tuned to read": (tuned(model, taught(READING, rng, N_READ), lora(seed)), ALONE),
        "tuned on the facts": (tuned(model, fact_questions(seed), lora(seed)), ALONE),
    }
    found = {}
    for name, (store, form) in stores.items():
        hits, _ = ask(store, READING, form, items)
        found[name] = [float(hit) for hit in hits]
    return Measurement(found)


def h5_effect(found: Conditions) -> Estimate:
    return paired_difference(found["tuned to read"], found["tuned on the facts"])


READING_TUNED = {"H5": Experiment(h5, h5_effect, ("tuned to read", "tuned on the facts"))}
