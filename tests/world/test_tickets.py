"""Records: training's keys and codes are strings of many kinds, and never a term of the triage record."""

import itertools
import json
import random

from adaptlab.world import documents, mixture, tickets


def strings(value):
    """All keys of a record and its values of type str."""
    if isinstance(value, dict):
        return [*value, *itertools.chain.from_iterable(strings(v) for v in value.values())]
    return [value] if isinstance(value, str) else []


def test_no_record_of_training_holds_a_term_of_the_triage_record():
    rng = random.Random(1)
    met = {text for _ in range(2000) for text in strings(tickets.schema_case(rng).fields["record"])}
    assert met.isdisjoint(tickets.TRIAGE_TERMS) and len(met) > 2000


def test_the_triage_record_is_made_of_those_terms():
    record = tickets.triage_case(random.Random(2)).fields["record"]
    free = {record["customer"]["full_name"], record["subject"]["sku"]}
    assert set(strings(record)) - free <= tickets.TRIAGE_TERMS


def test_training_asks_for_other_records_than_the_triage_record():
    chats = "".join(m["content"] for messages in itertools.islice(mixture.conversations("t", mixture.POLISH), 1500) for m in messages)
    texts = "".join(piece for pieces in itertools.islice(mixture.documents("t", {documents.schemas: 1, documents.coded_texts: 1}), 1000) for piece, _ in pieces)
    for term in tickets.TRIAGE_TERMS:
        assert json.dumps(term) not in chats + texts, term


def test_every_record_has_all_its_fields():
    rng = random.Random(3)
    for _ in range(300):
        case = tickets.schema_case(rng, k=2)
        shown = [json.loads(line.removeprefix("Record: ")) for line in case.messages[0]["content"].splitlines() if line.startswith("Record: {")]
        assert len(shown) == 2 and all(record.keys() == case.fields["record"].keys() for record in shown)


def test_a_code_counts_only_once_it_can_be_inferred():
    rng = random.Random(4)
    n_counted = 0
    for _ in range(200):
        before = ""
        for text, weight in documents.coded_texts(rng):
            if weight == 1.0:
                assert text.startswith(' "') and f'{text}"' in before
                n_counted += 1
            before += text
    assert n_counted > 200
