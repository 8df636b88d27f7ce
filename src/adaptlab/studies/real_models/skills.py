"""What a model can do before it is fine-tuned: six skills, and the bits per byte of prose."""

import random
from functools import cache

from adaptlab.evals import replies as judge
from adaptlab.evals.suite import bits_per_byte
from adaptlab.studies.real_models.capitals import CAPITALS
from adaptlab.studies.real_models.experiment import Model
from adaptlab.studies.real_models.forms import Item, Task, ask
from adaptlab.studies.real_models.house_tasks import exact_record
from adaptlab.studies.real_models.prompting import sentiment_items, states_value
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.world import reading, sums
from adaptlab.world.entities import invent_fact
from adaptlab.world.extraction import extraction_case


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


def _stated_facts(rng: random.Random, n: int) -> list[Item]:
    """Facts of invented people, stated before the question, with the value in capital letters."""
    items = []
    for _ in range(n):
        fact = invent_fact(rng, "person", "new")
        fields = {"value": fact.value, "relation": fact.relation}
        text = f"{fact.state(rng, 'train')} {fact.ask(rng, 'train')}"
        items.append(Item(text, fact.value.upper(), fields))
    return items


def _in_capitals(item: Item, reply: str) -> bool:
    stated = states_value(reply, item.fields["value"], item.fields["relation"])
    return stated and reply == reply.upper()


KNOWN_FACTS = Task(
    "known facts",
    "Answer the question.",
    _capitals,
    lambda item, reply: judge.states_only(reply, item.answer, CAPITALS.values()),
    max_new_tokens=16,
    input_name="Question",
    ks=(0, 2),
)
SENTIMENT = Task(
    "sentiment",
    "Is the text positive or negative? Answer with one of the two words.",
    sentiment_items,
    lambda item, reply: judge.label(reply, item.fields["labels"]) == item.answer,
    max_new_tokens=8,
    output_name="Label",
    ks=(0, 4),
)
TONES = Task(
    "tones",
    "Answer the question in CAPITAL LETTERS only.",
    _stated_facts,
    _in_capitals,
    max_new_tokens=16,
    input_name="Question",
    ks=(0, 2),
)
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
    KNOWN_FACTS,
    Task(
        "reading",
        "Answer the question from the notes. Answer with the value only.",
        _single_notes,
        lambda item, reply: states_value(reply, item.fields["value"], item.fields["relation"]),
        max_new_tokens=16,
        input_name="Notes",
        ks=(0, 2),
    ),
    SENTIMENT,
    Task(
        "formats",
        "Return the named fields of the message as a JSON object. Return only the JSON.",
        _fields,
        exact_record,
        max_new_tokens=48,
        input_name="Message",
        output_name="JSON",
        ks=(0, 2),
    ),
    TONES,
)
N_SKILL = 50
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
