"""F1, F2 and F4, and G1 to G4, on any model: what fine-tuning teaches and what it takes away."""

import json
import random
from collections.abc import Sequence
from functools import cache, partial
from statistics import median

from adaptlab.evals import replies as judge
from adaptlab.evals.statistics import Estimate, paired_difference
from adaptlab.evals.suite import bits_per_byte
from adaptlab.messages import Messages, assistant, user
from adaptlab.studies.real_models.capitals import CAPITALS
from adaptlab.studies.real_models.experiment import (
    Conditions,
    Experiment,
    Measurement,
    Model,
    N,
    difference,
)
from adaptlab.studies.real_models.fine_tuned import FULL_RATE, in_full, lora, tuned
from adaptlab.studies.real_models.forms import Form, Item, Task, ask, build, n_cut
from adaptlab.studies.real_models.prompting import TRIAGE, sentiment_items, states_value
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.tune.options import Options
from adaptlab.tune.replay import with_replay
from adaptlab.world import house, reading, sums, tickets
from adaptlab.world.extraction import extraction_case

ALONE = Form("user", 0)  # the form in which a fine-tuned model learns its task


def taught(task: Task, rng: random.Random, n: int) -> list[Messages]:
    """Return n training conversations of a task: the bare instruction and the answer."""
    made = []
    for item in task.draw(rng, n):
        prompt = build(task, ALONE, item, ())
        assert not isinstance(prompt, str)
        made.append([*prompt, assistant(item.answer)])
    return made


def _tickets(rng: random.Random, n: int, group: str = "new") -> list[Item]:
    items = []
    for _ in range(n):
        ticket = tickets.ticket(rng, "train", group)
        record = tickets.triage_record(ticket)
        items.append(Item(ticket.text, json.dumps(record), {"record": record}))
    return items


def _exact_record(item: Item, reply: str) -> bool:
    return judge.same_content(judge.json_object(reply), item.fields["record"])


PROMPTED_RECORD = Task(
    "triage record, prompted",
    TRIAGE,
    _tickets,
    _exact_record,
    max_new_tokens=110,
    input_name="Message",
    output_name="Record",
    n_development=24,
)
TUNED_RECORD = Task(
    "triage record, tuned",
    "File the message as a triage record.",
    partial(_tickets, group="fresh"),
    _exact_record,
    max_new_tokens=110,
    input_name="Message",
    output_name="Record",
)
N_RECORDS = 300


def record_model(model: Model, seed: int) -> ReplyStore:
    rng = random.Random(f"F1:train:{seed}")
    return tuned(model, taught(TUNED_RECORD, rng, N_RECORDS), lora(seed, epochs=2))


def f1(model: Model, seed: int) -> Measurement:
    form = model.form(PROMPTED_RECORD)
    items = _tickets(random.Random(f"F1:{seed}"), N)
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


def _desks(rng: random.Random, n: int) -> list[Item]:
    desks = tuple(dict.fromkeys(house.DESKS.values()))
    items = []
    for _ in range(n):
        case = house.desk_case(rng, "train")
        text = case.messages[0]["content"].removeprefix("Desk for this review: ")
        items.append(Item(text, case.answer, {"labels": desks}))
    return items


def _is_desk(item: Item, reply: str) -> bool:
    return judge.label(reply, item.fields["labels"]) == item.answer


DESK = Task(
    "desk of a review",
    "Name the desk that handles the review.",
    _desks,
    _is_desk,
    max_new_tokens=8,
    input_name="Review",
    output_name="Desk",
)


def _styles(rng: random.Random, n: int) -> list[Item]:
    items = []
    for _ in range(n):
        case = house.style_case(rng, "train", "fresh")
        items.append(Item(case.messages[0]["content"], case.answer, dict(case.fields)))
    return items


def _keeps_style(item: Item, reply: str) -> bool:
    return house.keeps_style(reply) and item.fields["value"] in reply


STYLE = Task(
    "style of the house",
    "Answer as the house does.",
    _styles,
    _keeps_style,
    max_new_tokens=32,
    input_name="Question",
)
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


# What the model could do before: six skills, and bits per byte of prose.
def _capitals(rng: random.Random, n: int) -> list[Item]:
    names = rng.sample(sorted(CAPITALS), min(n, len(CAPITALS)))
    return [Item(f"What is the capital of {name}?", CAPITALS[name]) for name in names]


def _sums(rng: random.Random, n: int) -> list[Item]:
    items = []
    for _ in range(n):
        case = sums.sum_case(rng, new=True)
        items.append(Item(case.messages[0]["content"], case.answer, {"number": int(case.answer)}))
    return items


def _single_notes(rng: random.Random, n: int) -> list[Item]:
    items = []
    for _ in range(n):
        case = reading.reading_case(rng, "train", "new", n_chunks=2, answerable=True)
        passage = case.fields["passage"]
        text = f"{passage.numbered()}\nQuestion: {case.fields['question']}"
        fields = {key: case.fields[key] for key in ("value", "relation")}
        items.append(Item(text, case.fields["value"], fields))
    return items


def _fields(rng: random.Random, n: int) -> list[Item]:
    items = []
    for _ in range(n):
        case = extraction_case(rng, "train", "new", n_asked=2)
        names = " and ".join(case.fields["asked"])
        text = f"{case.fields['text']}\nFields: {names}"
        items.append(Item(text, case.answer, {"record": case.fields["record"]}))
    return items


def _capital_letters(rng: random.Random, n: int) -> list[Item]:
    return [Item(item.text, item.answer.upper()) for item in _capitals(rng, n)]


SKILLS = (
    Task(
        "arithmetic",
        "Answer with the number only.",
        _sums,
        lambda item, reply: judge.is_number(reply, item.fields["number"]),
        max_new_tokens=12,
        input_name="Question",
        ks=(0, 2),
    ),
    Task(
        "known facts",
        "Answer the question.",
        _capitals,
        lambda item, reply: judge.states_only(reply, item.answer, CAPITALS.values()),
        max_new_tokens=16,
        input_name="Question",
        ks=(0, 2),
    ),
    Task(
        "reading",
        "Answer the question from the notes. Answer with the value only.",
        _single_notes,
        lambda item, reply: states_value(reply, item.fields["value"], item.fields["relation"]),
        max_new_tokens=16,
        input_name="Notes",
        ks=(0, 2),
    ),
    Task(
        "sentiment",
        "Is the text positive or negative? Answer with one of the two words.",
        sentiment_items,
        lambda item, reply: judge.label(reply, item.fields["labels"]) == item.answer,
        max_new_tokens=8,
        output_name="Label",
        ks=(0, 4),
    ),
    Task(
        "formats",
        "Return the named fields of the message as a JSON object. Return only the JSON.",
        _fields,
        _exact_record,
        max_new_tokens=48,
        input_name="Message",
        output_name="JSON",
        ks=(0, 2),
    ),
    Task(
        "tones",
        "Answer the question in CAPITAL LETTERS only.",
        _capital_letters,
        lambda item, reply: (
            reply == reply.upper() and judge.states_only(reply, item.answer, CAPITALS.values())
        ),
        max_new_tokens=16,
        input_name="Question",
        ks=(0, 2),
    ),
)
N_SKILL = 50
N_TAUGHT = 600
PROSE_LENGTH = 600  # characters of a docstring


@cache
def _docstrings() -> tuple[str, ...]:
    from adaptlab.rag.docstrings import docstring_corpus

    documents, _ = docstring_corpus(("pandas", "scipy"))
    return tuple(d.text[:PROSE_LENGTH] for d in documents if len(d.text) >= PROSE_LENGTH)


def prose(n: int, seed: int) -> list[str]:
    """Return n docstrings of the installed libraries: English that nobody wrote for this course."""
    return random.Random(f"prose:{seed}").sample(_docstrings(), n)


def skills_of(model: Model, store: ReplyStore, seed: int) -> dict[str, list[float]]:
    """Return the outcomes of the six skills and the bits per byte of prose.

    The base model's form of each skill's prompt is used for every model.
    """
    found = {}
    for task in SKILLS:
        items = task.draw(random.Random(f"skills:{seed}"), N_SKILL)
        hits, _ = ask(store, task, model.form(task), items)
        found[task.name] = [float(hit) for hit in hits]
    found["prose, bits per byte"] = store.value(
        lambda chat: [round(bits, 4) for bits in bits_per_byte(chat, prose(20, seed))],
        "prose",
        seed,
    )
    return found


def after_desks(
    model: Model, seed: int, options: Options, share: float = 0.0
) -> dict[str, list[float]]:
    """Return the skills after fine-tuning on 600 desks, of which a share is replaced by replay."""
    new = taught(DESK, random.Random(f"G:train:{seed}"), N_TAUGHT)
    conversations = with_replay(new, old_conversations(seed), share, seed) if share else new
    store = tuned(model, conversations, options)
    items = DESK.draw(random.Random(f"G:{seed}"), N_SKILL)
    hits, _ = ask(store, DESK, ALONE, items)
    return skills_of(model, store, seed) | {"desks": [float(hit) for hit in hits]}


def old_conversations(seed: int) -> list[Messages]:
    """Return general conversations of the skills' kinds on other cases."""
    rng = random.Random(f"old:{seed}")
    made = []
    for task in SKILLS:
        if task.name != "known facts":  # no capital is taught again
            made += taught(task, rng, 40)
    rng.shuffle(made)
    return made


def _conditions(sides: dict[str, dict[str, list[float]]]) -> dict[str, list[float]]:
    return {f"{side}: {name}": v for side, found in sides.items() for name, v in found.items()}


def g1(model: Model, seed: int) -> Measurement:
    sides = {
        "before": skills_of(model, model.store, seed),
        "full": after_desks(model, seed, in_full(seed)),
    }
    return Measurement(_conditions(sides))


NAMES = tuple(task.name for task in SKILLS)


def _values(found: Conditions, side: str, names: Sequence[str] = NAMES) -> list[float]:
    return [value for name in names for value in found[f"{side}: {name}"]]


def g1_effect(found: Conditions) -> Estimate:
    """Return the loss of the skill that loses second most of the six."""
    losses = [paired_difference(found[f"before: {n}"], found[f"full: {n}"]) for n in NAMES]
    return sorted(losses, key=lambda loss: -loss.value)[1]


def g2(model: Model, seed: int) -> Measurement:
    sides = {
        "before": skills_of(model, model.store, seed),
        "full": after_desks(model, seed, in_full(seed)),
        "other": after_desks(model, seed, in_full(seed), share=0.05),
    }
    return Measurement(_conditions(sides))


def g4(model: Model, seed: int) -> Measurement:
    sides = {
        "before": skills_of(model, model.store, seed),
        "full": after_desks(model, seed, in_full(seed)),
        "other": after_desks(model, seed, lora(seed)),
    }
    return Measurement(_conditions(sides))


def share_saved(found: Conditions) -> Estimate:
    """Return the share of full fine-tuning's loss that the other side does not have: the median of
    the seeds with their range.
    """
    n_seeds = len(found["before: tones"]) // N_SKILL
    shares = []
    for i in range(n_seeds):
        part = {
            key: v[i * len(v) // n_seeds : (i + 1) * len(v) // n_seeds] for key, v in found.items()
        }
        before, full, other = (sum(_values(part, side)) for side in ("before", "full", "other"))
        shares.append((other - full) / (before - full) if before > full else 0.0)
    return Estimate(median(shares), min(shares), max(shares), n_seeds)


def g3(model: Model, seed: int) -> Measurement:
    sides = {
        "full": after_desks(model, seed, in_full(seed)),
        "other": after_desks(model, seed, in_full(seed, learning_rate=FULL_RATE / 10)),
    }
    return Measurement(_conditions(sides))


def g3_effect(found: Conditions) -> Estimate:
    return paired_difference(_values(found, "other"), _values(found, "full"))


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
    "G1": Experiment(g1, g1_effect),
    "G2": Experiment(g2, share_saved),
    "G3": Experiment(g3, g3_effect),
    "G4": Experiment(g4, share_saved),
}
