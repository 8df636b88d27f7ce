"""The abilities of the embedded models, measured on cases that no model has seen: the rows of the
model card.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from adaptlab.messages import NOT_FOUND
from adaptlab.models.chat import Chat
from adaptlab.world.case import Case
from adaptlab.world.extraction import extraction_case, parse_object
from adaptlab.world.handbook import between_case, handbook_passage
from adaptlab.world.labels import label_case
from adaptlab.world.queries import is_rephrased, is_supposed, rephrase_case, suppose_case
from adaptlab.world.reading import reading_case, two_questions_case
from adaptlab.world.recall import recall_case
from adaptlab.world.reviews import review_case
from adaptlab.world.sums import problem_case, sum_case
from adaptlab.world.tickets import triage_case
from adaptlab.world.tone import keeps_tone, tone_case


def exact(case: Case, text: str) -> bool:
    """Whether the reply equals the gold answer, letter by letter."""
    return text == case.answer


def lucky(case: Case, text: str) -> bool:
    """Whether a closed-book reply hits the value sampled for a subject that no model knows."""
    return text == case.fields["value"]


def says_absent(case: Case, text: str) -> bool:
    return text == NOT_FOUND


def does_not_say_absent(case: Case, text: str) -> bool:
    return text != NOT_FOUND


def final_number(case: Case, text: str) -> bool:
    """Whether the last number in the reply is correct; worked and direct answers are judged
    alike.
    """
    return last_number(text) == case.fields["number"]


def last_number(text: str) -> int | None:
    """Return the last run of digits in a text."""
    digits = "".join(c if c.isdecimal() else " " for c in text).split()
    return int(digits[-1]) if digits else None


def valid_json(case: Case, text: str) -> bool:
    """Whether the reply is a JSON object with exactly the requested keys, in any order."""
    value = parse_object(text)
    return value is not None and set(value) == set(case.fields["record"])


def exact_json(case: Case, text: str) -> bool:
    return parse_object(text) == case.fields["record"]


def _form(value: object) -> object:
    """Return keys and types at every level."""
    return (
        {key: _form(inner) for key, inner in value.items()}
        if isinstance(value, dict)
        else type(value)
    )


def valid_form(case: Case, text: str) -> bool:
    """Whether the reply is a JSON object with the gold record's keys and types, at every level."""
    return _form(parse_object(text)) == _form(case.fields["record"])


def shows_no_steps(case: Case, text: str) -> bool:
    return "=" not in text


def in_tone(case: Case, text: str) -> bool:
    """Whether the reply follows the exact rule of the tone and contains the correct value."""
    return keeps_tone(text, case.fields["tone"]) and case.fields["value"] in text


@dataclass(frozen=True)
class Ability:
    """How to sample a case (rng, wording) and how to judge a reply.

    `goals` are the least values for train and held-out wordings.
    """

    name: str
    draw: Callable[[random.Random, str], Case]
    judge: Callable[[Case, str], bool]
    goals: tuple[float | None, float | None]
    at_most: bool = False
    max_new_tokens: int = 16


def _reading(**options):
    return lambda rng, split: reading_case(rng, split, "new", **options)


def _handbook(answerable: bool):
    return lambda rng, split: reading_case(
        rng, split, "new", answerable=answerable, passage=handbook_passage(rng, split, "new", 4)
    )


def _two_questions(rng: random.Random, split: str) -> Case:
    return two_questions_case(rng, handbook_passage(rng, split, "new", 4), split)


def _problem(n_steps: tuple[int, ...], style: str):
    return lambda rng, split: problem_case(rng, split, rng.choice(n_steps), style)


ABILITIES = (
    Ability(
        "read 4 chunks, right answer and id",
        _reading(n_chunks=4, answerable=True),
        exact,
        (0.95, 0.85),
    ),
    Ability(
        "read 8 chunks, right answer and id",
        _reading(n_chunks=8, answerable=True),
        exact,
        (0.90, 0.80),
    ),
    Ability(
        "read 4 chunks on people of like names",
        _reading(n_chunks=4, answerable=True, alike=True),
        exact,
        (None, None),
    ),
    Ability("read 4 chunks of a handbook", _handbook(True), exact, (None, None)),
    Ability("not in 4 chunks of a handbook: says so", _handbook(False), says_absent, (None, None)),
    Ability(
        "asked between 4 pages of a handbook",
        lambda r, s: between_case(r, s, "new", 4),
        exact,
        (None, None),
    ),
    Ability(
        "two questions on 4 chunks of a handbook",
        _two_questions,
        exact,
        (None, None),
        max_new_tokens=24,
    ),
    Ability(
        "not in the chunks: says so",
        _reading(n_chunks=4, answerable=False),
        says_absent,
        (0.95, 0.85),
    ),
    Ability(
        "in the chunks: does not say it is absent",
        _reading(n_chunks=4, answerable=True),
        does_not_say_absent,
        (0.97, 0.90),
    ),
    Ability(
        "closed book, known people",
        lambda r, s: recall_case(r, s, "known", "person"),
        exact,
        (0.90, 0.75),
    ),
    Ability(
        "closed book, known people never asked about",
        lambda r, s: recall_case(r, s, "unasked", "person"),
        exact,
        (None, None),
    ),
    Ability(
        "closed book, new people: right by luck",
        lambda r, s: recall_case(r, s, "new", "person"),
        lucky,
        (0.06, 0.06),
        at_most=True,
    ),
    Ability(
        "closed book, new people: says it does not know",
        lambda r, s: recall_case(r, s, "new", "person"),
        exact,
        (None, None),
    ),
    Ability(
        "invented labels, k = 0",
        lambda r, s: label_case(r, s, 0),
        exact,
        (0.55, 0.55),
        at_most=True,
    ),
    Ability("invented labels, k = 4", lambda r, s: label_case(r, s, 4), exact, (0.85, None)),
    Ability("invented labels, k = 8", lambda r, s: label_case(r, s, 8), exact, (0.90, 0.75)),
    Ability(
        "new sums and differences up to 99",
        lambda r, s: sum_case(r, s, new=True),
        exact,
        (0.98, None),
    ),
    Ability("word problems, 1 step, direct", _problem((1,), "direct"), final_number, (0.95, None)),
    Ability(
        "word problems, 3-4 steps, direct",
        _problem((3, 4), "direct"),
        final_number,
        (0.45, None),
        at_most=True,
    ),
    Ability(
        "word problems, 3-4 steps, step by step",
        _problem((3, 4), "steps"),
        final_number,
        (0.90, 0.75),
        max_new_tokens=72,
    ),
    Ability(
        "word problems: no steps unless asked",
        _problem((3, 4), "plain"),
        shows_no_steps,
        (0.95, None),
        max_new_tokens=24,
    ),
    Ability(
        "JSON of asked fields: valid",
        lambda r, s: extraction_case(r, s, "new"),
        valid_json,
        (0.98, None),
        max_new_tokens=64,
    ),
    Ability(
        "JSON of asked fields: exact",
        lambda r, s: extraction_case(r, s, "new"),
        exact_json,
        (0.92, 0.85),
        max_new_tokens=64,
    ),
    Ability(
        "sentiment of a review", lambda r, s: review_case(r, s, "sentiment"), exact, (0.97, 0.92)
    ),
    Ability("topic of a review", lambda r, s: review_case(r, s, "topic"), exact, (0.97, 0.92)),
    Ability(
        "tone asked for by the system prompt",
        lambda r, s: tone_case(r, s, "new", known=False),
        in_tone,
        (0.90, 0.80),
        max_new_tokens=32,
    ),
    Ability(
        "question in other words",
        lambda r, s: rephrase_case(r, s, "new"),
        is_rephrased,
        (None, None),
        max_new_tokens=32,
    ),
    Ability(
        "a sentence that would answer",
        lambda r, s: suppose_case(r, s, "new"),
        is_supposed,
        (None, None),
        max_new_tokens=32,
    ),
    Ability(
        "unfamiliar triage record from 4 examples",
        lambda r, s: triage_case(r, s, "new", 4),
        exact_json,
        (0.30, None),
        max_new_tokens=110,
    ),
)


def draw_cases(ability: Ability, split: str, n: int, seed: int = 1) -> list[Case]:
    """Sample n cases of an ability, a pure function of the seed."""
    rng = random.Random(f"card:{seed}:{ability.name}:{split}")
    return [ability.draw(rng, split) for _ in range(n)]


def measure(chat: Chat, ability: Ability, split: str, n: int, seed: int = 1) -> list[bool]:
    """Judge n greedy replies."""
    cases = draw_cases(ability, split, n, seed)
    replies = chat.batch(
        [list(case.messages) for case in cases], max_new_tokens=ability.max_new_tokens
    )
    return [ability.judge(case, reply.text) for case, reply in zip(cases, replies)]
