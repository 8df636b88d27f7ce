"""Tickets and the house's triage record: nested fields and codes that no model was trained on.

Training knows *other* nested records, each shown by examples (`schema_case`), so a model can learn to copy a format from
its prompt. The triage record itself (`triage_case`) uses keys and codes that occur in no training text.
"""

import json
import random
from dataclasses import dataclass

from adaptlab.world import words
from adaptlab.world.case import CONTEXT, Case, user
from adaptlab.world.extraction import MESSAGES, draw_value
from adaptlab.world.reviews import review
from adaptlab.world.wording import combine

OPENERS = combine(
    ["~.", "Your task: ~.", "For the archive, ~.", "Look at the examples, then ~.", "As shown, ~."],
    ["turn each message into a record", "write the record of the message", "fill in the record", "file the message as a record",
     "give the record for the last message"],
)  # fmt: skip

OUTER_KEYS = ("item", "client", "case", "info", "entry", "body", "meta", "note")
INNER_KEYS = ("who", "what", "where", "when", "kind", "id", "count", "shade", "tag", "ref", "part", "name", "city", "day", "order", "product")


@dataclass(frozen=True)
class Ticket:
    """What a customer wrote, and what it says."""

    text: str
    name: str
    product: str
    order: int
    topic: str
    sentiment: str


def ticket(rng: random.Random, split: str = "train", group: str = "fresh") -> Ticket:
    name, product, order = (draw_value(rng, field, group) for field in ("name", "product", "order"))
    complaint = review(rng, split)
    parts = [MESSAGES[field].pick(rng, split).format(v=value) for field, value in (("name", name), ("product", product), ("order", order))]
    rng.shuffle(parts)
    return Ticket(" ".join([*parts, complaint.text]), name, product, order, complaint.topic, complaint.sentiment)


TRIAGE_CODES = {"price": "P10", "delivery": "D20", "quality": "Q30", "service": "S40"}
TRIAGE_LEVELS = {"positive": "low", "negative": "high"}


def triage_record(item: Ticket) -> dict:
    """The house schema: who wrote, what it concerns, and how it is routed."""
    return {
        "customer": {"full_name": item.name},
        "subject": {"sku": item.product, "order_no": item.order},
        "routing": {"code": TRIAGE_CODES[item.topic], "urgency": TRIAGE_LEVELS[item.sentiment]},
    }


def triage_case(rng: random.Random, split: str = "train", group: str = "new", k: int = 4) -> Case:
    """k examples of the triage record, then a ticket. Never used in training."""
    shown = [ticket(rng, split, group) for _ in range(k)]
    item = ticket(rng, split, group)
    examples = [f"Message: {t.text}\nRecord: {json.dumps(triage_record(t))}" for t in shown]
    content = "\n\n".join([OPENERS.pick(rng, split), *examples, f"Message: {item.text}\nRecord:"])
    return Case("triage", (user(content),), json.dumps(triage_record(item)), CONTEXT, {"k": k, "record": triage_record(item), "text": item.text})


def schema_case(rng: random.Random, split: str = "train", group: str = "fresh", k: int | None = None) -> Case:
    """A record with keys drawn for this case, shown by k examples: nested or flat, with a code for the topic or not."""
    k = k or rng.choice((1, 2, 2, 3))
    fields = rng.sample(("name", "city", "product", "order", "day"), rng.randint(1, 3))
    keys = rng.sample(INNER_KEYS, len(fields) + 1)
    outer = rng.sample(OUTER_KEYS, 2)
    nested, coded = rng.random() < 0.7, rng.random() < 0.5
    by = rng.choice(("topic", "sentiment"))
    codes = dict(zip(words.TOPICS + words.SENTIMENTS, rng.sample(words.LABELS, 6)))

    def one() -> tuple[str, dict]:
        values = {field: draw_value(rng, field, group) for field in fields}
        complaint = review(rng, split)
        parts = [MESSAGES[field].pick(rng, split).format(v=value) for field, value in values.items()]
        rng.shuffle(parts)
        record = {key: values[field] for key, field in zip(keys, fields)}
        if coded:
            parts.append(complaint.text)
            code = {keys[-1]: codes[getattr(complaint, by)]}
            record = {outer[0]: record, outer[1]: code} if nested else record | code
        elif nested:
            record = {outer[0]: record}
        return " ".join(parts), record

    shown = [one() for _ in range(k)]
    text, record = one()
    examples = [f"Message: {t}\nRecord: {json.dumps(r)}" for t, r in shown]
    content = "\n\n".join([OPENERS.pick(rng, split), *examples, f"Message: {text}\nRecord:"])
    return Case("schema", (user(content),), json.dumps(record), CONTEXT, {"k": k, "record": record, "text": text})
