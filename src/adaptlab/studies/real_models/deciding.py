"""H1, H3 and H4 on any model: nine tasks by a prompt, with retrieval and after fine-tuning, and the
lever that is best under each condition.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from adaptlab.decide.guides import GUIDES, opinions
from adaptlab.decide.need import Lever
from adaptlab.decide.task_bank import BankCase, bank
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean, proportion
from adaptlab.messages import Messages
from adaptlab.studies.real_models.experiment import Conditions, Experiment, Measurement, Model
from adaptlab.studies.real_models.fine_tuned import (
    ALONE,
    conversation,
    lora,
    n_tokens_of,
    taught,
    tuned,
)
from adaptlab.studies.real_models.forms import Form, Item, Task, ask
from adaptlab.studies.real_models.house_tasks import DESK, PROMPTED_RECORD, STYLE, TUNED_RECORD
from adaptlab.studies.real_models.measured_bank import DESCRIBED, HANDBOOKS, N_TAUGHT, matrix
from adaptlab.studies.real_models.prompting import STEPS, states_value
from adaptlab.studies.real_models.reading_tuned import reading_conversations
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.studies.real_models.retrieval import (
    DEVELOPMENT,
    READING,
    Handbook,
    found_chunks,
    indexed,
    item_of,
    notes,
)
from adaptlab.studies.real_models.skills import KNOWN_FACTS, SENTIMENT, TONES
from adaptlab.world import house
from adaptlab.world.questions import Question
from adaptlab.world.relations import RELATIONS

N_BANK = 40  # cases of a task and seed
N_HITS = 3
N_TIMES = 3  # questions on a fact, to learn it by heart


def _closed_items(rng: random.Random, n: int) -> list[Item]:
    return [_closed(q) for q in indexed(DEVELOPMENT).ask("name", n, f"closed:{rng.random()}")]


def _closed(question: Question) -> Item:
    fact = question.facts[0]
    fields = {"value": fact.value, "relation": fact.relation}
    return Item(question.text, fact.value, fields)


CLOSED = Task(
    "handbook, from memory",
    "Answer the question with the value only.",
    _closed_items,
    lambda item, reply: states_value(reply, item.fields["value"], item.fields["relation"]),
    max_new_tokens=16,
    input_name="Question",
    ks=(0, 2),
)
# A task's own instruction for a model that is fine-tuned on it, where that is shorter.
TASKS = {
    "known facts": (KNOWN_FACTS, KNOWN_FACTS),
    "tone": (TONES, TONES),
    "steps": (STEPS, STEPS),
    "sentiment": (SENTIMENT, SENTIMENT),
    "style": (replace(STYLE, ks=(4,)), STYLE),
    "desk": (replace(DESK, ks=(4, 8)), DESK),
    "record": (PROMPTED_RECORD, TUNED_RECORD),
}


@dataclass(frozen=True)
class Asked:
    """One lever's model, task and form, with the cases and the tokens of its training."""

    store: ReplyStore
    task: Task
    form: Form
    items: list[Item]
    training_tokens: int = 0


def _levers(model: Model, seed: int, name: str) -> dict[Lever, Asked]:
    """Return a task of the bank by the prompt, with the handbook's hits, and after fine-tuning."""
    prompted, short = TASKS[name]
    rng = random.Random(f"bank:train:{name}:{seed}")
    shown = taught(short, rng, N_TAUGHT)
    items = prompted.draw(random.Random(f"bank:{name}:{seed}"), N_BANK)
    form = model.form(prompted)
    book = indexed(seed)
    hits = book.retriever.search([item.text[:500] for item in items], k=N_HITS)
    with_notes = [
        replace(item, text=f"{notes([hit.chunk for hit in found])}\n{item.text}")
        for item, found in zip(items, hits)
    ]
    return {
        Lever.PROMPT: Asked(model.store, prompted, form, items),
        Lever.RETRIEVE: Asked(model.store, prompted, form, with_notes),
        Lever.TUNE: Asked(
            tuned(model, shown, lora(seed)), short, ALONE, items, _tokens(model, shown)
        ),
    }


def _of_handbook(model: Model, seed: int, changed: bool) -> dict[Lever, Asked]:
    """Return the questions on a handbook; with `changed`, the model learned its text before a
    change.
    """
    book = indexed(seed)
    asked = book.ask("name", N_BANK, f"bank:handbook:{seed}")
    closed = [_closed(question) for question in asked]
    read = [item_of(q, chunks) for q, chunks in zip(asked, found_chunks(book, asked))]
    facts = _facts_taught(book, seed, changed)
    to_read = reading_conversations(seed)
    return {
        Lever.PROMPT: Asked(model.store, CLOSED, model.form(CLOSED), closed),
        Lever.RETRIEVE: Asked(model.store, READING, model.form(READING), read),
        Lever.TUNE: Asked(
            tuned(model, facts, lora(seed)), CLOSED, ALONE, closed, _tokens(model, facts)
        ),
        Lever.BOTH: Asked(
            tuned(model, to_read, lora(seed)), READING, ALONE, read, _tokens(model, to_read)
        ),
    }


def _facts_taught(book: Handbook, seed: int, changed: bool) -> list[Messages]:
    rng = random.Random(f"bank:facts:{seed}")
    facts = list(dict.fromkeys(fact for section in book.sections for fact in section.facts))
    made = []
    for fact in facts:
        others = [v for v in RELATIONS[fact.relation].values if v != fact.value]
        told = replace(fact, value=rng.choice(others)) if changed else fact
        for _ in range(N_TIMES):
            case = house.fact_case(rng, told)
            item = Item(case.messages[0]["content"], told.value)
            made.append(conversation(CLOSED, item))
    rng.shuffle(made)
    return made


def _tokens(model: Model, talks: Sequence[Messages]) -> int:
    return n_tokens_of(model.store.base, talks)


def measure_bank(model: Model, seed: int) -> Measurement:
    """Measure every task of the bank with every lever: hits, and the tokens of queries and
    training.
    """
    found: dict[str, list[float]] = {}
    for name in DESCRIBED:
        if name in TASKS:
            levers = _levers(model, seed, name)
        else:
            levers = _of_handbook(model, seed, name == "changed handbook")
        for lever, asked in levers.items():
            hits, said = ask(asked.store, asked.task, asked.form, asked.items)
            key = f"{name}, {lever}"
            found[key] = [float(hit) for hit in hits]
            found[f"{key}: prompt tokens"] = [float(reply.n_prompt_tokens) for reply in said]
            found[f"{key}: reply tokens"] = [float(reply.n_completion_tokens) for reply in said]
            found[f"{key}: training tokens"] = [float(asked.training_tokens)]
    return Measurement(found)


def cases(found: Conditions) -> list[BankCase]:
    return bank(matrix(found), DESCRIBED)


def first_that_suffices(case: BankCase) -> Lever:
    """Return the first lever in the guides' order that is right often enough, or the last."""
    built = [lever for lever in Lever if lever in case.scores]
    return next((lever for lever in built if case.scores[lever] >= case.need.least), built[-1])


def h1_effect(found: Conditions) -> Estimate:
    return proportion([first_that_suffices(case) == case.best for case in cases(found)])


def h3_effect(found: Conditions) -> Estimate:
    on_documents = [case for case in cases(found) if case.need.lacks_facts]
    return proportion([case.best is Lever.RETRIEVE for case in on_documents])


def h4_effect(found: Conditions) -> Estimate:
    """Return the share of best levers among the answers of all guides, case by case."""
    shares = []
    for case in cases(found):
        named = list(opinions(case.need).values())
        shares.append(named.count(case.best) / len(GUIDES))
    return mean(shares)


def _any_reached(found: Conditions, tasks: Sequence[str] = tuple(DESCRIBED)) -> bool:
    """Whether any lever reaches the required accuracy in any of these tasks."""
    return any(case.reached for case in cases(found) if case.task in tasks)


DECIDING = {
    "H1": Experiment(measure_bank, h1_effect, reached=_any_reached),
    "H3": Experiment(measure_bank, h3_effect, reached=partial(_any_reached, tasks=HANDBOOKS)),
    "H4": Experiment(measure_bank, h4_effect, reached=_any_reached),
}
