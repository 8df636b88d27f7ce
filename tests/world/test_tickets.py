"""Records: training's keys and codes are strings of many kinds, and never a term of the triage
record.
"""

import itertools
import json
import random

import pytest

from adaptlab.world import documents, mixture, tickets, words


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
    free = {record["customer"]["full_name"], record["subject"]["sku"], *words.TOPICS}
    assert set(strings(record)) - free <= tickets.TRIAGE_TERMS


def test_training_asks_for_other_records_than_the_triage_record():
    chats = "".join(
        m["content"]
        for messages in itertools.islice(mixture.conversations("t", mixture.LAST), 1500)
        for m in messages
    )
    kinds = {documents.schemas: 1, documents.coded_texts: 1, documents.named_codes: 1}
    texts = "".join(
        piece
        for pieces in itertools.islice(mixture.documents("t", kinds), 1000)
        for piece, _ in pieces
    )
    for term in tickets.TRIAGE_TERMS:
        assert json.dumps(term) not in chats + texts, term


def test_four_examples_show_every_code():
    for seed in range(50):
        text = tickets.triage_case(random.Random(seed), k=4).messages[0]["content"]
        assert all(
            f'"{code}"' in text
            for code in (*tickets.TRIAGE_CODES.values(), *tickets.TRIAGE_LEVELS.values())
        )


@pytest.mark.parametrize("named", [False, True])
def test_every_record_has_all_its_fields(named):
    rng = random.Random(3)
    for _ in range(300):
        case = tickets.schema_case(rng, k=2, named=named)
        shown = [
            json.loads(line.removeprefix("Record: "))
            for line in case.messages[0]["content"].splitlines()
            if line.startswith("Record: {")
        ]
        assert len(shown) == 2 and all(
            record.keys() == case.fields["record"].keys() for record in shown
        )


def test_a_named_code_follows_its_word():
    rng = random.Random(5)
    for _ in range(100):
        form = tickets.schema(rng, 1, 1, 0, named=True)
        record = form.record(rng, "train", "new", "price", "negative")[1]
        word, code = list(record.values())[1:]
        assert word in ("price", "negative") and code == form.codes[word]


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


def test_a_word_before_a_code_counts_always_the_code_only_once_it_has_been_shown():
    rng = random.Random(6)
    n_words = n_codes = 0
    for _ in range(100):
        before = ""
        for text, weight in documents.named_codes(rng):
            is_word = text.removeprefix(' "') in words.TOPICS + words.SENTIMENTS
            if weight == 1.0:
                assert is_word or f'{text}"' in before
                n_words = n_words + is_word
                n_codes = n_codes + (not is_word)
            assert weight == 1.0 or not is_word
            before += text
    assert n_words > n_codes > 100
