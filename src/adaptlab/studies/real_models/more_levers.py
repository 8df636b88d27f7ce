"""X1 to X5 and X8 to X11 on any model: levers between a prompt and a fine-tuning run."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import difference_of_proportions, mean, paired_difference
from adaptlab.messages import Messages, assistant, user
from adaptlab.prompts.nearest import nearest
from adaptlab.rag.embed import minilm
from adaptlab.studies.more_levers.adapter_sites import QUERY_AND_VALUE, equal_rank
from adaptlab.studies.more_levers.choosing import choices, with_options
from adaptlab.studies.real_models.experiment import (
    Conditions,
    Experiment,
    Measurement,
    Model,
    N,
    difference,
)
from adaptlab.studies.real_models.fine_tuned import (
    ALONE,
    bare,
    conversation,
    lora,
    taught,
    tuned,
)
from adaptlab.studies.real_models.forms import (
    Form,
    Item,
    ask,
    choose_form,
    development_items,
    forms,
    n_cut,
)
from adaptlab.studies.real_models.house_tasks import DESK, DESK_NAMES
from adaptlab.studies.real_models.prompting import states_value
from adaptlab.studies.real_models.reading_tuned import READ_FROM
from adaptlab.studies.real_models.retrieval import (
    ABSTAINING,
    READING,
    found_chunks,
    indexed,
    item_of,
    notes,
    reads,
    says_absent,
)
from adaptlab.studies.real_models.skills import KNOWN_FACTS
from adaptlab.studies.real_models.tuning import LEAST_SEEN
from adaptlab.studies.real_tasks import classify
from adaptlab.world import house

N_EXAMPLES = 300
N_SHOWN = 8
# With 4 epochs, the training loss of one run in three stayed on its plateau until the learning
# rate was gone, and the labels stayed a guess.
EPOCHS = 8
EPOCHS_OF_CHOICES = 4  # each fact in several wordings: enough to reach nearly all of them
DEVELOPMENT = 1000  # a seed whose examples no test uses


def examples(seed: int, n: int = N_EXAMPLES) -> list[Item]:
    """Return the labelled examples of a seed, those of F4's runs."""
    return DESK.draw(random.Random(f"F4:train:{DESK.name}:{seed}"), n)


def test_items(seed: int) -> list[Item]:
    return DESK.draw(random.Random(f"F4:{seed}"), N)


@cache
def _vectors(texts: tuple[str, ...]) -> np.ndarray:
    return minilm().encode(list(texts))


def with_nearest(items: Sequence[Item], shown: Sequence[Item], k: int = N_SHOWN) -> list[Item]:
    """Return the cases, each with the k most similar examples, the most similar last."""
    learned = _vectors(tuple(item.text for item in shown))
    asked = _vectors(tuple(item.text for item in items))
    made = []
    for item, chosen in zip(items, nearest(shown, learned, asked, k)):
        made.append(replace(item, shots=tuple((one.text, one.answer) for one in chosen)))
    return made


def retrieved_form(model: Model) -> Form:
    """Return the form with the best score on development cases, each with its own examples."""
    name = "desk of a review, retrieved examples"
    if name not in model.choices:
        items = with_nearest(development_items(DESK), examples(DEVELOPMENT))
        model.choices[name] = choose_form(model.store, DESK, items, forms((N_SHOWN,)))
    return model.choices[name].form


def _floats(hits: Sequence[bool]) -> list[float]:
    return [float(hit) for hit in hits]


def x1(model: Model, seed: int) -> Measurement:
    """Desks with 300 labelled examples: TF-IDF, the best form of prompt, and LoRA."""
    shown, items = examples(seed), test_items(seed)
    labels = [item.answer for item in shown]
    found = classify([item.text for item in shown], labels, [item.text for item in items])
    form = model.form(DESK)
    trained = tuned(model, taught(DESK, _train_rng(seed), N_EXAMPLES), lora(seed, epochs=EPOCHS))
    return Measurement(
        {
            "TF-IDF": _floats([label == item.answer for label, item in zip(found, items)]),
            "prompted": _floats(ask(model.store, DESK, form, items)[0]),
            "LoRA": _floats(ask(trained, DESK, ALONE, items)[0]),
        },
        {"form": form.name},
    )


def _train_rng(seed: int) -> random.Random:
    return random.Random(f"F4:train:{DESK.name}:{seed}")


def x1_effect(found: Conditions) -> Estimate:
    better = max(("prompted", "LoRA"), key=lambda name: sum(found[name]))
    return paired_difference(found["TF-IDF"], found[better])


def x2(model: Model, seed: int) -> Measurement:
    """Choose among all forms of prompt on development cases of the seed; compare on held-out
    cases.
    """
    development = DESK.draw(random.Random(f"X2:development:{seed}"), DESK.n_development)
    items = test_items(seed)
    scores = {}
    for form in forms(DESK.ks):
        scores[form] = mean(_floats(ask(model.store, DESK, form, development)[0])).value
    best, first = max(scores, key=lambda form: scores[form]), forms(DESK.ks)[0]
    found = {
        "found by the search": _floats(ask(model.store, DESK, best, items)[0]),
        "first candidate": _floats(ask(model.store, DESK, first, items)[0]),
    }
    return Measurement(found, {"form": best.name, "development score": round(scores[best], 4)})


def x3(model: Model, seed: int) -> Measurement:
    """The 8 most similar of 300 examples in the prompt, or LoRA on all 300."""
    items = test_items(seed)
    trained = tuned(model, taught(DESK, _train_rng(seed), N_EXAMPLES), lora(seed, epochs=EPOCHS))
    near = with_nearest(items, examples(seed))
    form = retrieved_form(model)
    return Measurement(
        {
            "retrieved examples": _floats(ask(model.store, DESK, form, near)[0]),
            "LoRA": _floats(ask(trained, DESK, ALONE, items)[0]),
        },
        {"form": form.name},
    )


def x4(model: Model, seed: int) -> Measurement:
    """What the prompt with retrieved examples writes, as training data without the examples."""
    items = test_items(seed)
    form = retrieved_form(model)
    long = with_nearest(items, examples(seed))
    hits, said = ask(model.store, DESK, form, long)
    unlabelled = DESK.draw(random.Random(f"X4:{seed}"), N_EXAMPLES)
    near = with_nearest(unlabelled, examples(seed))
    _, written = ask(model.store, DESK, form, near)
    talks = [
        [*bare(DESK, item), assistant(reply.text)]
        for item, reply in zip(unlabelled, written)
        if reply.text and reply.n_completion_tokens < DESK.max_new_tokens
    ]
    distilled = tuned(model, talks, lora(seed, epochs=EPOCHS))
    after, short = ask(distilled, DESK, ALONE, items)
    return Measurement(
        {"long prompt": _floats(hits), "distilled": _floats(after)},
        {
            "tokens of the long prompts": sum(reply.n_prompt_tokens for reply in said),
            "tokens of the short prompts": sum(reply.n_prompt_tokens for reply in short),
            "form": form.name,
            "training replies": len(talks),
            "cut off": n_cut(written, DESK.max_new_tokens),
        },
    )


def x4_effect(found: Conditions) -> Estimate:
    allowed = [0.9 * hit for hit in found["long prompt"]]
    return paired_difference(found["distilled"], allowed)


N_SECTIONS = 16
N_RETRIEVED = 3


def x5(model: Model, seed: int) -> Measurement:
    """Three retrieved sections, or sixteen with the right one among them."""
    book = indexed(seed)
    rng = random.Random(f"X5:{seed}")
    asked = book.ask("name", N, f"X5:{seed}")
    form = model.form(READING)
    many = []
    for question in asked:
        right = book.right_chunk(question)
        others = rng.sample([piece for piece in book.chunks if piece is not right], N_SECTIONS - 1)
        many.append(rng.sample([right, *others], N_SECTIONS))
    given = {"3 retrieved": found_chunks(book, asked, N_RETRIEVED), "16 sections": many}
    found = {}
    for name, contexts in given.items():
        items = [item_of(question, chunks) for question, chunks in zip(asked, contexts)]
        found[name] = _floats(ask(model.store, READING, form, items)[0])
    return Measurement(found, {"form": form.name})


SHARE_ABSENT = 0.2
N_READ = 150


def _to_read(seed: int, share: float) -> list[Messages]:
    """Return questions on another handbook with their notes; a share of them is unanswerable."""
    book = indexed(READ_FROM + seed, "fresh")
    n_absent = round(share * N_READ)
    asked = book.ask("name", N_READ - n_absent, f"X8:{seed}")
    if n_absent:
        asked += book.ask("unanswerable", n_absent, f"X8:{seed}")
    made = [
        conversation(ABSTAINING, item_of(question, chunks))
        for question, chunks in zip(asked, found_chunks(book, asked))
    ]
    random.Random(f"X8:{seed}").shuffle(made)
    return made


def x8(model: Model, seed: int) -> Measurement:
    """Abstentions before and after fine-tuning, with and without abstentions in the data."""
    book = indexed(seed)
    absent = book.ask("unanswerable", N, f"X8:{seed}")
    present = book.ask("name", N, f"X8:{seed}")
    stores = {
        "before": (model.store, model.form(ABSTAINING)),
        "without abstentions": (tuned(model, _to_read(seed, 0.0), lora(seed)), ALONE),
        "with abstentions": (tuned(model, _to_read(seed, SHARE_ABSENT), lora(seed)), ALONE),
    }
    found = {}
    for name, (store, form) in stores.items():
        for kind, asked in {"unanswerable": absent, "answerable": present}.items():
            items = [item_of(q, chunks) for q, chunks in zip(asked, found_chunks(book, asked))]
            _, said = ask(store, ABSTAINING, form, items)
            pairs = list(zip(items, said))
            if kind == "unanswerable":
                found[f"{name}: abstains"] = _floats([says_absent(i, r.text) for i, r in pairs])
            else:
                found[f"{name}: correct"] = _floats([reads(i, r.text) for i, r in pairs])
    return Measurement(found)


def x9(model: Model, seed: int) -> Measurement:
    """Capitals, closed book and with notes from the handbook of the shop."""
    items = KNOWN_FACTS.draw(random.Random(f"X9:{seed}"), N)
    form = model.form(KNOWN_FACTS)
    book = indexed(seed)
    hits = book.retriever.search([item.text for item in items], k=N_RETRIEVED)
    given = [
        replace(item, text=f"{notes([hit.chunk for hit in found])}\n{item.text}")
        for item, found in zip(items, hits)
    ]
    return Measurement(
        {
            "no retrieval": _floats(ask(model.store, KNOWN_FACTS, form, items)[0]),
            "wrong corpus": _floats(ask(model.store, KNOWN_FACTS, form, given)[0]),
        },
        {"form": form.name},
    )


N_PEOPLE = 14
N_WORDINGS = 8


def x10(model: Model, seed: int) -> Measurement:
    """Facts about new people with four options and without, before and after fine-tuning on
    options.
    """
    rng = random.Random(f"X10:{seed}")
    facts = house.newcomers(seed, N_PEOPLE)
    store = tuned(model, choices(rng, facts, N_WORDINGS), lora(seed, epochs=EPOCHS_OF_CHOICES))
    draw = random.Random(f"X10:asked:{seed}")
    asked = {
        "chooses": [with_options(draw, fact, "held_out") for fact in facts],
        "produces": [
            [user(f"{fact.ask(draw, 'held_out')} Answer with the value only.")] for fact in facts
        ],
    }
    found = {}
    for name, source in {"before": model.store, "after": store}.items():
        for kind, prompts in asked.items():
            said = source.replies(prompts, max_new_tokens=16, desc=f"{name}: {kind}")
            found[f"{name}: {kind}"] = _floats(
                [states_value(r.text, f.value, f.relation) for r, f in zip(said, facts)]
            )
    return Measurement(found)


def x10_effect(found: Conditions) -> Estimate:
    gains = {}
    for kind in ("chooses", "produces"):
        pairs = zip(found[f"after: {kind}"], found[f"before: {kind}"])
        gains[kind] = [after - before for after, before in pairs]
    return paired_difference(gains["chooses"], gains["produces"])


N_DESKS = 100
EPOCHS_OF_DESKS = -(-LEAST_SEEN // N_DESKS)


def x11(model: Model, seed: int) -> Measurement:
    """Desks from 100 examples: adapters on all linear layers, or on query and value."""
    items = test_items(seed)
    lessons = taught(DESK, _train_rng(seed), N_DESKS)
    rank = equal_rank(model.chat.model)
    options = {
        "all linear layers": lora(seed, rank=8, alpha=16, epochs=EPOCHS_OF_DESKS),
        "query and value": lora(
            seed, rank=rank, alpha=2 * rank, epochs=EPOCHS_OF_DESKS, targets=QUERY_AND_VALUE
        ),
    }
    found = {}
    for name, chosen in options.items():
        found[name] = _floats(ask(tuned(model, lessons, chosen), DESK, ALONE, items)[0])
    return Measurement(found, {"rank of query and value": rank})


def x8_effect(found: Conditions) -> Estimate:
    kept, lost = (
        [bool(hit) for hit in found[f"{name} abstentions: abstains"]]
        for name in ("with", "without")
    )
    return difference_of_proportions(kept, lost)


GUESSING = 1 / len(DESK_NAMES)
MORE_LEVERS = {
    "X1": Experiment(x1, x1_effect, ("prompted", "LoRA"), GUESSING),
    "X2": Experiment(
        x2,
        difference("found by the search", "first candidate"),
        ("found by the search", "first candidate"),
        GUESSING,
    ),
    "X3": Experiment(
        x3, difference("retrieved examples", "LoRA"), ("retrieved examples", "LoRA"), GUESSING
    ),
    "X4": Experiment(x4, x4_effect, ("long prompt",), GUESSING),
    "X5": Experiment(x5, difference("16 sections", "3 retrieved"), ("3 retrieved", "16 sections")),
    "X8": Experiment(x8, x8_effect, ("without abstentions: correct", "with abstentions: correct")),
    # One seed: the list of capitals has 50 entries, and other seeds would ask them again.
    "X9": Experiment(x9, difference("no retrieval", "wrong corpus"), ("no retrieval",), seeds=(0,)),
    "X10": Experiment(x10, x10_effect, ("after: chooses",), 0.25),
    "X11": Experiment(
        x11,
        difference("all linear layers", "query and value"),
        ("all linear layers", "query and value"),
        GUESSING,
    ),
}
