"""Tickets and the shop's triage record: nested fields and codes that are not in any training data.

The training data has *other* nested records, each shown by examples (`schema_case`), so a model can
learn to copy a format from its prompt. The triage record itself (`triage_case`) uses keys and codes
that do not occur in any training record.
"""

import json
import random
from dataclasses import dataclass
from typing import Any

from adaptlab.messages import user
from adaptlab.world import words
from adaptlab.world.case import CONTEXT, Case
from adaptlab.world.extraction import MESSAGES, draw_value
from adaptlab.world.reviews import review
from adaptlab.world.wording import combine

OPENERS = combine(
    [
        "~.",
        "Your task: ~.",
        "For the archive, ~.",
        "Look at the examples, then ~.",
        "As shown, ~.",
        "Now ~.",
    ],
    [
        "turn each message into a record",
        "write the record of the message",
        "fill in the record",
        "file the message as a record",
        "give the record for the last message",
    ],
)

TRIAGE_CODES = {"price": "P10", "delivery": "D20", "quality": "Q30", "service": "S40"}
TRIAGE_LEVELS = {"positive": "low", "negative": "high"}
# Terms that no training record may contain.
TRIAGE_KEYS = {
    "customer",
    "full_name",
    "subject",
    "sku",
    "order_no",
    "dispatch",
    "topic",
    "code",
    "urgency",
}
TRIAGE_TERMS = {*TRIAGE_KEYS, *TRIAGE_CODES.values(), *TRIAGE_LEVELS.values()}

KEY_WORDS = (
    *words.OFFICE,
    *words.PETS,
    *words.GOODS,
    *words.PLACES,
    *words.LABELS,
    *words.JOBS,
    *words.HOBBIES,
    *words.FOODS,
)


def _part(rng: random.Random) -> str:
    """Return a word, or its beginning or end. No tokenizer keeps these strings whole, so the model
    must learn general copying.
    """
    word = rng.choice(KEY_WORDS)
    cut = rng.randrange(1, len(word))
    return rng.choice((word, word[:cut], word[cut:]))


def _strings(rng: random.Random, n: int) -> list[str]:
    """Return n different strings of one or two parts, with or without an underscore. None of them
    is a term of the triage record.
    """
    found: dict[str, None] = {}
    while len(found) < n:
        text = rng.choice(("", "_")).join(_part(rng) for _ in range(rng.choice((1, 1, 2))))
        if text not in TRIAGE_TERMS:
            found[text] = None
    return list(found)


def _codes(rng: random.Random, n: int) -> list[str]:
    """Return n different codes: a letter with two digits, or strings like the keys."""
    if rng.random() < 0.6:
        codes = [
            f"{letter}{rng.randint(10, 99)}"
            for letter in rng.sample("ABCDEFGHIJKLMNOPQRSTUVWXYZ", n)
        ]
        return codes if TRIAGE_TERMS.isdisjoint(codes) else _codes(rng, n)
    return _strings(rng, n)


@dataclass(frozen=True)
class Ticket:
    """A customer's message, and the fields that it states."""

    text: str
    name: str
    product: str
    order: int
    topic: str
    sentiment: str


def ticket(
    rng: random.Random,
    split: str = "train",
    group: str = "fresh",
    topic: str | None = None,
    sentiment: str | None = None,
) -> Ticket:
    """Return a customer's message; topic and sentiment are sampled if None."""
    drawn: Any = [draw_value(rng, field, group) for field in ("name", "product", "order")]
    name, product, order = drawn
    complaint = review(rng, split, topic, sentiment)
    parts = [
        MESSAGES[field].pick(rng, split).format(v=value)
        for field, value in (("name", name), ("product", product), ("order", order))
    ]
    rng.shuffle(parts)
    return Ticket(
        " ".join([*parts, complaint.text]),
        name,
        product,
        order,
        complaint.topic,
        complaint.sentiment,
    )


def triage_record(item: Ticket) -> dict:
    """Return the record in the house schema: who wrote, what it concerns, and its routing: the
    topic in plain words, its code, and a level that depends on the mood.
    """
    return {
        "customer": {"full_name": item.name},
        "subject": {"sku": item.product, "order_no": item.order},
        "dispatch": {
            "topic": item.topic,
            "code": TRIAGE_CODES[item.topic],
            "urgency": TRIAGE_LEVELS[item.sentiment],
        },
    }


def triage_case(rng: random.Random, split: str = "train", group: str = "new", k: int = 4) -> Case:
    """Return k examples of the triage record, then a ticket. Never used in training. Four examples
    show every topic and both moods.

    Without examples, one sentence asks for the record, as for a model that is fine-tuned to write
    it.
    """
    topics = rng.sample(words.TOPICS, len(words.TOPICS))
    moods = rng.sample(words.SENTIMENTS, len(words.SENTIMENTS))
    shown = [
        ticket(rng, split, group, topics[i % len(topics)], moods[i % len(moods)]) for i in range(k)
    ]
    item = ticket(rng, split, group)
    examples = [f"Message: {t.text}\nRecord: {json.dumps(triage_record(t))}" for t in shown]
    opener = OPENERS.pick(rng, split) if k else "File the message as a triage record."
    content = "\n\n".join([opener, *examples, f"Message: {item.text}\nRecord:"])
    return Case(
        "triage",
        (user(content),),
        json.dumps(triage_record(item)),
        CONTEXT,
        {"k": k, "record": triage_record(item), "text": item.text},
    )


@dataclass(frozen=True)
class Schema:
    """A record format sampled for one case: the fields, their keys and groups, and the codes for
    topics and moods.

    `named`: each code follows the word for it.
    """

    fields: tuple[str, ...]
    coded: tuple[str, ...]
    keys: tuple[str, ...]
    homes: tuple[str | None, ...]
    codes: dict[str, str]
    named: bool

    def record(
        self, rng: random.Random, split: str, group: str, topic: str, sentiment: str
    ) -> tuple[str, dict]:
        """Return a message and its record; topic and mood matter only if the record has codes for
        them.
        """
        values = {field: draw_value(rng, field, group) for field in self.fields}
        parts = [
            MESSAGES[field].pick(rng, split).format(v=value) for field, value in values.items()
        ]
        rng.shuffle(parts)
        if self.coded:
            complaint = review(rng, split, topic, sentiment)
            parts.append(complaint.text)
            for by in self.coded:
                word = getattr(complaint, by)
                values |= (
                    {by: word, f"{by} code": self.codes[word]}
                    if self.named
                    else {by: self.codes[word]}
                )
        record: dict = {}
        for key, home, value in zip(self.keys, self.homes, values.values()):
            (record.setdefault(home, {}) if home else record)[key] = value
        return " ".join(parts), record


def schema(
    rng: random.Random, n_fields: int, n_coded: int, n_groups: int, named: bool = False
) -> Schema:
    """Sample a schema: n_fields values to copy and n_coded codes (at most 2; `named`: each after
    its word), flat (no groups) or in up to n_groups groups.
    """
    fields = rng.sample(("name", "city", "product", "order", "day"), n_fields)
    coded = rng.sample(("topic", "sentiment"), n_coded)
    keys = _strings(rng, n_fields + n_coded * (1 + named))
    groups: list[Any] = _strings(rng, n_groups) or [None]
    homes = [groups[i] for i in sorted(rng.randrange(len(groups)) for _ in keys)]
    codes = dict(zip(words.TOPICS + words.SENTIMENTS, _codes(rng, 6)))
    return Schema(tuple(fields), tuple(coded), tuple(keys), tuple(homes), codes, named)


def schema_case(
    rng: random.Random,
    split: str = "train",
    group: str = "fresh",
    k: int | None = None,
    named: bool = False,
) -> Case:
    """Return a case with a record whose keys and codes are sampled for this case and shown by k
    examples. It is flat or in groups, with or without codes for topic and mood.
    """
    k = k or rng.choice((1, 2, 2, 3, 4))
    form = schema(
        rng,
        rng.choice((1, 2, 3, 3)),
        rng.choice((1, 2, 2) if named else (0, 1, 2, 2)),
        rng.choice((0, 1, 2, 3, 3)),
        named,
    )
    kinds = [(rng.choice(words.TOPICS), rng.choice(words.SENTIMENTS)) for _ in range(k)]
    shown = [form.record(rng, split, group, *kind) for kind in kinds]
    # The case asks only for codes that the examples show, so that they can be inferred.
    text, record = form.record(rng, split, group, rng.choice(kinds)[0], rng.choice(kinds)[1])
    examples = [f"Message: {t}\nRecord: {json.dumps(r)}" for t, r in shown]
    content = "\n\n".join([OPENERS.pick(rng, split), *examples, f"Message: {text}\nRecord:"])
    return Case(
        "schema",
        (user(content),),
        json.dumps(record),
        CONTEXT,
        {"k": k, "record": record, "text": text},
    )
