"""Cases: pure functions of the seed, with gold answers that an independent reading of the text
confirms.
"""

import hashlib
import itertools
import json
import random
import re

import pytest

from adaptlab.messages import NOT_FOUND, UNKNOWN
from adaptlab.models.recipe import PHASES
from adaptlab.world import (
    documents,
    entities,
    extraction,
    handbook,
    instructions,
    labels,
    mixture,
    queries,
    reading,
    recall,
    reviews,
    sums,
    tickets,
    tone,
)
from adaptlab.world.relations import RELATIONS

MAKERS = [
    reading.reading_case,
    recall.recall_case,
    reviews.review_case,
    labels.label_case,
    sums.sum_case,
    sums.problem_case,
    extraction.extraction_case,
    tickets.schema_case,
    tickets.triage_case,
    tone.tone_case,
    tone.tone_reading_case,
    tone.ending_case,
    queries.rephrase_case,
    queries.suppose_case,
    handbook.between_case,
    instructions.say_case,
    instructions.injected_case,
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("split", ["train", "held_out"])
def test_same_seed_same_cases_other_seed_other_cases(make, split):
    draw = lambda seed: [make(random.Random(seed), split) for _ in range(3)]  # noqa: E731
    assert draw(4) == draw(4)
    assert draw(4) != draw(5)
    for case in draw(4):
        assert case.messages[-1]["role"] == "user" and case.answer
        assert not re.search(r"\{[a-z]\}", " ".join(m["content"] for m in case.messages)), (
            "a slot was left open"
        )


def test_the_streams_are_the_same_on_every_machine():
    """A change here means that the shipped models were trained on something else: new weights and a
    new card are due.
    """
    mixtures = [
        (kind, getattr(phase, kind))
        for stage in PHASES.values()
        for phase in stage
        for kind in ("documents", "chat")
        if getattr(phase, kind)
    ]
    draw = {"documents": mixture.documents, "chat": mixture.conversations}
    pieces = [list(itertools.islice(draw[kind]("pin", parts), 200)) for kind, parts in mixtures]
    assert len(pieces) == 21
    assert (
        hashlib.sha256(json.dumps(pieces).encode()).hexdigest()
        == "8eea9d951f341c9a881262fc305eba41a21aff5506de41761319818dc28510f2"
    )


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_reading_answers_stand_in_the_chunk_that_is_cited(split):
    rng = random.Random(2)
    for _ in range(200):
        case = reading.reading_case(rng, split, "new", answerable=True)
        value, chunk = re.fullmatch(r"(\S+) \[(\d+)\]", case.answer).groups()
        text = case.fields["chunks"][int(chunk) - 1]
        assert value.lower() in text.lower() and case.fields["subject"] in text


def test_unanswerable_questions_have_no_answer_in_the_chunks():
    rng = random.Random(3)
    for _ in range(300):
        case = reading.reading_case(rng, "train", "new", answerable=False)
        assert case.answer == NOT_FOUND
        assert case.fields["question"] not in [
            fact.ask(random.Random(0), "train") for fact, _ in case.fields["passage"].facts
        ]


def test_the_gold_chunk_can_be_placed():
    case = reading.reading_case(random.Random(1), n_chunks=5, answerable=True, position=3)
    assert case.fields["chunk"] == 3 and len(case.fields["chunks"]) == 5


def test_problems_check_out_step_by_step():
    rng = random.Random(4)
    for n_steps in (1, 2, 3, 4):
        item = sums.problem(rng, n_steps)
        for step in item.steps:
            a, sign, b, result = re.fullmatch(r"(\d+) ([+-]) (\d+) = (\d+)", step).groups()
            assert (int(a) + int(b) if sign == "+" else int(a) - int(b)) == int(
                result
            ) and 0 <= int(result) <= 99
        assert len(item.steps) == n_steps and item.worked().endswith(
            f"The answer is {item.answer}."
        )


def test_strangers_are_unknown_and_records_parse():
    rng = random.Random(6)
    assert recall.recall_case(rng, group="new").answer == UNKNOWN
    for make in (extraction.extraction_case, tickets.schema_case, tickets.triage_case):
        case = make(rng)
        assert json.loads(case.answer) == case.fields["record"]


def test_labels_are_balanced_and_k_is_what_was_asked():
    for k in (0, 2, 4, 8):
        case = labels.label_case(random.Random(k), k=k)
        content = case.messages[0]["content"]
        shown = [
            content.count(f"{case.fields['layout'].label}{label}")
            for label in case.fields["labels"]
        ]
        assert sum(shown) == k and abs(shown[0] - shown[1]) <= 1


@pytest.mark.parametrize("name", tone.TONES)
def test_each_tone_keeps_its_own_rule_and_no_other(name):
    rng = random.Random(7)
    case = tone.tone_case(rng, tone=name)
    assert [other for other in tone.TONES if tone.keeps_tone(case.answer, other)] == [name]
    assert not tone.keeps_tone("", name)


def test_ending_rule():
    assert tone.keeps_ending("Selby dax", "dax") and tone.keeps_ending("Selby dax.", "dax")
    assert not tone.keeps_ending("dax Selby", "dax") and not tone.keeps_ending("", "dax")


def test_injected_orders_stand_in_one_chunk():
    case = instructions.injected_case(random.Random(8), n_chunks=3)
    assert [case.fields["order"] in chunk for chunk in case.fields["chunks"]].count(True) == 1
    assert case.fields["word"] not in case.answer


def test_known_statements_in_documents_are_whole_sentences():
    rng = random.Random(8)
    for fact in (
        entities.known_facts("product", "known") + entities.known_facts("person", "known")[:200]
    ):
        text = "".join(piece for piece, _ in documents._state_known(rng, fact)).strip()
        wordings = (
            fact.state(random.Random(0), "train"),
            *(
                w.format(n=fact.subject, v=fact.value)
                for w in RELATIONS[fact.relation].statements.train
            ),
        )
        assert text.lower() in {sentence.lower() for sentence in wordings}


def test_people_of_like_names_share_one():
    case = reading.reading_case(
        random.Random(9), "train", "new", n_chunks=4, answerable=True, alike=True
    )
    names = [set(fact.subject.split()) for fact, _ in case.fields["passage"].facts]
    assert len(names) == 4 and all(any(a & b for b in names if b is not a) for a in names)


def test_a_question_in_other_words_is_another_wording_of_the_same():
    for seed in range(50):
        case = queries.rephrase_case(random.Random(seed), "held_out", "new")
        assert queries.is_rephrased(case, case.answer)
        assert not queries.is_rephrased(case, case.fields["question"])
        assert not queries.is_rephrased(
            case, queries.rephrase_case(random.Random(seed + 1), "train", "new").answer
        )


def test_a_supposed_answer_states_the_relation_that_was_asked_for():
    for seed in range(50):
        case = queries.suppose_case(random.Random(seed), "held_out", "new")
        assert queries.is_supposed(case, case.answer)
        assert not queries.is_supposed(case, case.fields["fact"].ask(random.Random(0), "train"))


def test_two_questions_have_their_answers_in_the_chunks_that_are_cited():
    for seed in range(100):
        passage = handbook.handbook_passage(random.Random(seed), "held_out", "new", 4)
        case = reading.two_questions_case(random.Random(seed), passage)
        cited = re.findall(r"(\S+) \[(\d)\]", case.answer)
        assert len(cited) == 2 and all(
            value.lower() in passage.chunks[int(chunk) - 1].lower() for value, chunk in cited
        )
        assert all(fact.subject in case.fields["question"] for fact, _ in case.fields["asked"])
