"""The tasks of the invented shop for any model: the triage record, desks, and the house's style."""

import json
import random
from collections.abc import Sequence
from functools import partial

from adaptlab.evals import replies as judge
from adaptlab.messages import Messages, assistant
from adaptlab.studies.real_models.forms import Item, Task
from adaptlab.studies.real_models.prompting import TRIAGE
from adaptlab.world import house, tickets
from adaptlab.world.entities import Fact


def ticket_items(rng: random.Random, n: int, group: str = "new") -> list[Item]:
    items = []
    for _ in range(n):
        ticket = tickets.ticket(rng, "train", group)
        record = tickets.triage_record(ticket)
        items.append(Item(ticket.text, json.dumps(record), {"record": record}))
    return items


def exact_record(item: Item, reply: str) -> bool:
    return judge.same_content(judge.json_object(reply), item.fields["record"])


PROMPTED_RECORD = Task(
    "triage record, prompted",
    TRIAGE,
    ticket_items,
    exact_record,
    max_new_tokens=110,
    input_name="Message",
    output_name="Record",
    n_development=24,
)
TUNED_RECORD = Task(
    "triage record, tuned",
    "File the message as a triage record.",
    partial(ticket_items, group="fresh"),
    exact_record,
    max_new_tokens=110,
    input_name="Message",
    output_name="Record",
)


def by_heart(facts: Sequence[Fact], rng: random.Random, n_wordings: int) -> list[Messages]:
    """Return questions on facts in several wordings, with the value as the answer, shuffled."""
    made = []
    for fact in facts:
        for _ in range(n_wordings):
            case = house.fact_case(rng, fact)
            made.append([*case.messages, assistant(case.answer)])
    rng.shuffle(made)
    return made


DESK_NAMES = tuple(dict.fromkeys(house.DESKS.values()))


def desk_items(rng: random.Random, n: int) -> list[Item]:
    items = []
    for _ in range(n):
        case = house.desk_case(rng, "train")
        text = case.messages[0]["content"].removeprefix("Desk for this review: ")
        items.append(Item(text, case.answer, {"labels": DESK_NAMES}))
    return items


def _is_desk(item: Item, reply: str) -> bool:
    return judge.label(reply, item.fields["labels"]) == item.answer


DESK = Task(
    "desk of a review",
    "Name the desk that handles the review.",
    desk_items,
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
