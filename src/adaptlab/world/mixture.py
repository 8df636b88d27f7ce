"""The training mixture: kinds of documents and chats with their shares, as an endless stream for a
seed.
"""

import random
from collections.abc import Callable, Iterator

from adaptlab.messages import NOT_FOUND, assistant, system, user
from adaptlab.world import documents as doc
from adaptlab.world.case import Case
from adaptlab.world.extraction import extraction_case
from adaptlab.world.handbook import between_case, handbook_passage
from adaptlab.world.instructions import injected_case, say_case
from adaptlab.world.labels import label_case
from adaptlab.world.queries import rephrase_case, suppose_case
from adaptlab.world.reading import (
    absent_question,
    compose,
    invent_groups,
    reading_case,
    two_questions_case,
)
from adaptlab.world.recall import recall_case
from adaptlab.world.reviews import review_case
from adaptlab.world.sums import problem_case, sum_case
from adaptlab.world.tickets import schema_case
from adaptlab.world.tone import ending_case, tone_case, tone_reading_case

Mixture = dict[Callable, float]

# First copying, because every skill that reads a context depends on it: words and numbers, then
# values by key, then labels and line numbers.
REPETITION: Mixture = {doc.repetition: 1}
LOOKUP: Mixture = {doc.repetition: 1, doc.lookup: 2, doc.places: 1}
WORDS: Mixture = {
    doc.repetition: 0.5,
    doc.lookup: 1.5,
    doc.places: 2,
    doc.few_words: 5,
    doc.sorted_words: 1,
}

# Then concentrated practice: source numbers and labels from examples, sums, and records.
SKILLS: Mixture = {
    doc.arithmetic: 6,
    doc.lookup: 1,
    doc.places: 2,
    doc.notes: 5,
    doc.sorted_words: 2,
    doc.sorted_texts: 3,
    doc.register: 1,
}
SUMS: Mixture = {
    doc.arithmetic: 12,
    doc.short_problems: 4,
    doc.worked: 5,
    doc.places: 2,
    doc.notes: 2,
    doc.schemas: 3,
    doc.sorted_texts: 1,
    doc.register: 1,
}

DOCUMENTS: Mixture = {
    doc.lookup: 1,
    doc.notes: 6,
    doc.arithmetic: 2,
    doc.worked: 2.5,
    doc.register: 5,
    doc.faq: 2.5,
    doc.sorted_words: 2,
    doc.sorted_texts: 3,
    doc.tagged_review: 1,
    doc.form: 2,
    doc.tale: 1,
}

# In addition to conversations: skills that need many repetitions, and facts that no question asks
# for.
BESIDE_CHAT: Mixture = {
    doc.arithmetic: 4,
    doc.short_problems: 3,
    doc.worked: 3,
    doc.places: 2,
    doc.notes: 3,
    doc.schemas: 3,
    doc.sorted_words: 1,
    doc.sorted_texts: 2,
    doc.register: 3,
    doc.tagged_review: 1,
    doc.tale: 1,
}


def _unknown(rng: random.Random) -> Case:
    return recall_case(rng, group="fresh")


CHAT: Mixture = {
    reading_case: 6,
    recall_case: 5,
    _unknown: 1.5,
    label_case: 3.5,
    sum_case: 2,
    problem_case: 3,
    extraction_case: 3,
    schema_case: 1.5,
    review_case: 1,
    tone_case: 2,
    ending_case: 0.7,
    say_case: 1,
    injected_case: 1,
}


def _quick_problem(rng: random.Random) -> Case:
    return problem_case(rng, n_steps=1, style="direct")


def _question_first(rng: random.Random) -> Case:
    return reading_case(rng, use_data_role=False, question_first=True)


def _alike(rng: random.Random) -> Case:
    return reading_case(rng, alike=True)


def _handbook(rng: random.Random) -> Case:
    return reading_case(rng, passage=handbook_passage(rng))


def _two_questions(rng: random.Random) -> Case:
    passage = (
        handbook_passage(rng)
        if rng.random() < 0.5
        else compose(rng, invent_groups(rng, rng.randint(2, 6), "fresh"), "train")
    )
    return two_questions_case(rng, passage)


# The long drill favours the skills that are learned last, and records whose form and codes only the
# prompt shows. The polish phase favours the skills that the drill has degraded.
DRILL: Mixture = CHAT | {
    reading_case: 9,
    _alike: 3,
    _question_first: 1.5,
    recall_case: 4,
    problem_case: 5,
    _quick_problem: 4,
    label_case: 2.5,
    sum_case: 1.5,
    extraction_case: 2,
    schema_case: 8,
    tone_case: 1.5,
    tone_reading_case: 1,
    _handbook: 6,
    _two_questions: 2.5,
    rephrase_case: 0.8,
    suppose_case: 0.8,
}
BESIDE_DRILL: Mixture = {
    doc.arithmetic: 2,
    doc.short_problems: 4,
    doc.worked: 2,
    doc.places: 3,
    doc.notes: 6,
    doc.manual: 5,
    doc.schemas: 5,
    doc.coded_texts: 10,
    doc.sorted_words: 1,
    doc.sorted_texts: 2,
    doc.register: 2.5,
    doc.tagged_review: 0.5,
    doc.tale: 0.5,
}
# What needs the most repetitions: each sum, and each fact that the model must memorise.
PRACTICE: Mixture = {
    reading_case: 3,
    _alike: 1,
    _question_first: 0.7,
    _handbook: 4,
    _two_questions: 2,
    recall_case: 7,
    _unknown: 1.5,
    label_case: 1.5,
    sum_case: 3,
    problem_case: 3,
    _quick_problem: 6,
    extraction_case: 3,
    schema_case: 3,
    review_case: 0.7,
    tone_case: 1,
    tone_reading_case: 1,
    ending_case: 0.7,
    say_case: 0.5,
    injected_case: 0.7,
    rephrase_case: 0.6,
    suppose_case: 0.6,
}
BESIDE_PRACTICE: Mixture = {
    doc.arithmetic: 8,
    doc.short_problems: 6,
    doc.worked: 2,
    doc.register: 8,
    doc.faq: 3,
    doc.places: 2,
    doc.notes: 2,
    doc.manual: 3,
    doc.schemas: 1,
    doc.coded_texts: 2,
    doc.sorted_words: 0.5,
    doc.sorted_texts: 1.5,
    doc.form: 1,
    doc.tagged_review: 0.5,
    doc.tale: 0.5,
}
POLISH: Mixture = DRILL | {
    reading_case: 13,
    _handbook: 8,
    _quick_problem: 9,
    problem_case: 7,
    schema_case: 12,
}
BESIDE_POLISH: Mixture = BESIDE_DRILL | {doc.short_problems: 9, doc.coded_texts: 15}


def _not_in_the_handbook(rng: random.Random) -> Case:
    return reading_case(rng, passage=handbook_passage(rng), answerable=False)


def _eight_chunks(rng: random.Random) -> Case:
    return reading_case(rng, n_chunks=8)


# Skills that are still weak after the polish phase: long lists of chunks, pages on subjects with
# similar names, problems of several steps, rephrased questions.
REVISION: Mixture = POLISH | {
    _handbook: 10,
    between_case: 8,
    _not_in_the_handbook: 3,
    _eight_chunks: 7,
    _two_questions: 3,
    problem_case: 20,
    sum_case: 6,
    recall_case: 5,
    extraction_case: 4,
    rephrase_case: 1.5,
    suppose_case: 1.5,
    tone_reading_case: 1.5,
}
BESIDE_REVISION: Mixture = BESIDE_POLISH | {doc.arithmetic: 6, doc.worked: 10}


def _named_schema(rng: random.Random) -> Case:
    return schema_case(rng, named=True)


# During the final learning rate decay: the correct chunk with its number, among few and among many;
# steps; records whose codes follow their words.
LAST: Mixture = REVISION | {
    reading_case: 24,
    _eight_chunks: 20,
    _handbook: 8,
    between_case: 11,
    schema_case: 6,
    _named_schema: 12,
    problem_case: 18,
    _unknown: 4,
    _two_questions: 1,
}
BESIDE_LAST: Mixture = BESIDE_REVISION | {
    doc.coded_texts: 5,
    doc.named_codes: 16,
    doc.places: 7,
    doc.notes: 8,
    doc.short_problems: 7,
    doc.arithmetic: 4,
}

# A short final phase at low learning rates: again the correct chunk, which the other skills have
# degraded slightly.
FINISH: Mixture = LAST | {
    reading_case: 40,
    _eight_chunks: 34,
    _alike: 6,
    _handbook: 10,
    between_case: 12,
    rephrase_case: 3,
    suppose_case: 3,
    recall_case: 6,
    problem_case: 14,
    _named_schema: 6,
    schema_case: 4,
}


def documents(seed: str, mixture: Mixture) -> Iterator[doc.Pieces]:
    """Yield documents forever, sampled by the mixture's shares."""
    rng = random.Random(seed)
    kinds = tuple(mixture)
    shares = tuple(mixture.values())
    while True:
        yield rng.choices(kinds, shares)[0](rng)


GREETINGS = (
    "You are a helpful assistant.",
    "You help the customers of a shop.",
    "You are the help desk of a shop.",
    "Answer the user.",
)


def conversation(rng: random.Random, mixture: Mixture = CHAT) -> list[dict]:
    """Return one case, often with follow-up questions, with the gold answers as the assistant's
    turns.
    """
    make = rng.choices(tuple(mixture), tuple(mixture.values()))[0]
    case = make(rng)
    messages = [*case.messages, assistant(case.answer)]
    if messages[0]["role"] != "system" and rng.random() < 0.25:
        messages.insert(0, system(rng.choice(GREETINGS)))
    if case.kind in FOLLOW_UPS and rng.random() < 0.6:
        for _ in range(rng.randint(1, 3)):
            question, answer = FOLLOW_UPS[case.kind](rng, case)
            messages += [question, assistant(answer)]
    return messages


def _another_topic(rng: random.Random, case: Case) -> tuple[dict, str]:
    more = rng.choice((recall_case, recall_case, sum_case, review_case))(rng)
    return more.messages[-1], more.answer


def _same_passage(rng: random.Random, case: Case) -> tuple[dict, str]:
    passage = case.fields["passage"]
    if rng.random() < 0.25:
        return user(absent_question(rng, passage, "train")), NOT_FOUND
    fact, chunk = rng.choice(passage.facts)
    return user(fact.ask(rng, "train")), f"{fact.value} [{chunk}]"


def _same_labels(rng: random.Random, case: Case) -> tuple[dict, str]:
    label = rng.choice(case.fields["labels"])
    return (
        user(
            case.fields["layout"]
            .example(case.fields["episode"].item(rng, label, "train"), "")
            .rstrip()
        ),
        label,
    )


def _same_tone(rng: random.Random, case: Case) -> tuple[dict, str]:
    more = tone_case(rng, tone=case.fields["tone"])
    return more.messages[-1], more.answer


def _same_ending(rng: random.Random, case: Case) -> tuple[dict, str]:
    more = ending_case(rng, word=case.fields["word"])
    return more.messages[-1], more.answer


FOLLOW_UPS = {
    "recall": _another_topic,
    "sum": _another_topic,
    "review": _another_topic,
    "say": _another_topic,
    "reading": _same_passage,
    "label": _same_labels,
    "tone": _same_tone,
    "ending": _same_ending,
}


def conversations(seed: str, mixture: Mixture = CHAT) -> Iterator[list[dict]]:
    """Yield conversations forever."""
    rng = random.Random(seed)
    while True:
        yield conversation(rng, mixture)
