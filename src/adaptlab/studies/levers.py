"""The study behind the bank of decisions: nine tasks with the best prompt, with retrieval, and
after fine-tuning.

A row counts the correct replies to cases in wordings outside the training data, and has the tokens
of a query and of the training. Fine-tuning runs for a style, a rule and a form are measured
elsewhere (the study `learning_curve`); their rows here have only the tokens.
"""

import random
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from adaptlab.evals.abilities import exact, final_number, in_tone
from adaptlab.messages import Messages, user
from adaptlab.models.local import LocalChat
from adaptlab.rag.answer import prompt
from adaptlab.studies.arms import K, shelf
from adaptlab.studies.grid import Study, grid
from adaptlab.studies.tuning import TASKS, batch_size, conversation, epochs, test_cases, train_cases
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.world.case import WEIGHTS, Case
from adaptlab.world.entities import Fact
from adaptlab.world.handbook import handbook
from adaptlab.world.house import fact_case
from adaptlab.world.questions import draw_questions
from adaptlab.world.recall import recall_case
from adaptlab.world.relations import RELATIONS
from adaptlab.world.reviews import review_case
from adaptlab.world.sums import problem_case
from adaptlab.world.tickets import triage_case
from adaptlab.world.tone import tone_case

N_ASKED = 80
N_TAUGHT = 300


@dataclass(frozen=True)
class StudyTask:
    """A task: `test` and `train` make a seed's cases; `ask` is the best prompt for a case, given
    the seed.
    """

    test: Callable[[int], list[Case]]
    train: Callable[[int], list[Case]]
    judge: Callable[[Case, str], bool]
    ask: Callable[[Case, int], Messages] = lambda case, seed: list(case.messages)
    max_new_tokens: int = 12


def _drawn(
    draw: Callable[[random.Random, str], Case],
) -> tuple[Callable[[int], list[Case]], Callable[[int], list[Case]]]:
    """Sample a seed's cases for test and training."""

    def of(split: str, n: int) -> Callable[[int], list[Case]]:
        return lambda seed: [
            draw(rng, split) for rng in [random.Random(f"{split}:{seed}")] for _ in range(n)
        ]

    return of("held_out", N_ASKED), of("train", N_TAUGHT)


def _fact_questions(seed: int) -> list[Case]:
    drawn = draw_questions(random.Random(f"levers:{seed}"), handbook(seed), "name", N_ASKED)
    return [
        Case("fact", (user(q.text),), q.facts[0].value, WEIGHTS, {"value": q.facts[0].value})
        for q in drawn
    ]


def _taught(seed: int, changed: bool) -> list[Case]:
    """Return eight questions on every fact of the handbook, or on its text before the change."""
    rng = random.Random(f"taught:{seed}")
    facts = list(dict.fromkeys(fact for section in handbook(seed) for fact in section.facts))
    before = [
        Fact(
            f.subject,
            f.relation,
            rng.choice([v for v in RELATIONS[f.relation].values if v != f.value]),
        )
        for f in facts
    ]
    return [fact_case(rng, fact) for fact in (before if changed else facts) for _ in range(8)]


def _few_shot(task: str, n: int) -> Callable[[Case, int], Messages]:
    """Return n worked examples as turns before the case."""
    return lambda case, seed: [
        *(turn for one in train_cases(task, 40, seed)[:n] for turn in conversation(one)),
        *case.messages,
    ]


def _one_of_each(case: Case, seed: int) -> Messages:
    """Return a review for every desk, then the case."""
    first = {one.answer: one for one in reversed(train_cases("desk", 60, seed))}
    return [*(turn for one in first.values() for turn in conversation(one)), *case.messages]


def _with_examples(case: Case, seed: int) -> Messages:
    """Show the form by four records, as lesson 05's best prompt does."""
    shown = (
        triage_case(random.Random(f"shown:{seed}"), "held_out", "new", 4)
        .messages[0]["content"]
        .rpartition("\n\nMessage: ")[0]
    )
    return [user(f"{shown}\n\nMessage: {case.fields['text']}\nRecord:")]


def _house_task(name: str, ask: Callable[[Case, int], Messages]) -> StudyTask:
    ability = TASKS[name]
    return StudyTask(
        lambda seed: test_cases(name, N_ASKED, seed),
        lambda seed: train_cases(name, N_TAUGHT, seed),
        ability.judge,
        ask,
        ability.max_new_tokens,
    )


BANK = {
    "known facts": StudyTask(*_drawn(recall_case), exact),
    "handbook": StudyTask(
        _fact_questions,
        lambda seed: _taught(seed, changed=False),
        lambda case, text: text.partition(" [")[0] == case.answer,
    ),
    "changed handbook": StudyTask(
        _fact_questions,
        lambda seed: _taught(seed, changed=True),
        lambda case, text: text.partition(" [")[0] == case.answer,
    ),
    "tone": StudyTask(
        *_drawn(
            lambda rng, split: tone_case(
                rng, split, "fresh" if split == "train" else "new", "formal", known=False
            )
        ),
        in_tone,
        max_new_tokens=24,
    ),
    "steps": StudyTask(
        *_drawn(lambda rng, split: problem_case(rng, split, 3, "steps")),
        final_number,
        max_new_tokens=64,
    ),
    "sentiment": StudyTask(*_drawn(lambda rng, split: review_case(rng, split, "sentiment")), exact),
    "style": _house_task("style", _few_shot("style", 4)),
    "desk": _house_task("desk", _one_of_each),
    "record": _house_task("record", _with_examples),
}


@cache
def _tuned(chat: LocalChat, seed: int, task: str) -> LocalChat:
    cases = BANK[task].train(seed)
    n_passes = epochs(len(cases))
    options = Options(epochs=n_passes, batch_size=batch_size(n_passes * len(cases)), seed=seed)
    return fine_tune(chat, [conversation(case) for case in cases], options)


def training_tokens(chat: LocalChat, seed: int, task: str, n: int = N_TAUGHT) -> int:
    """Return the training tokens of a run on n examples, counting each epoch."""
    cases = BANK[task].train(seed)[:n]
    texts = chat.tokenizer.apply_chat_template(
        [chat.known_roles(conversation(case)) for case in cases], tokenize=False
    )
    return epochs(len(cases)) * sum(
        len(ids) for ids in chat.tokenizer(texts, add_special_tokens=False)["input_ids"]
    )


def _with_hits(messages: Messages, seed: int) -> Messages:
    """Return the conversation with the hits of the handbook's search before its last turn."""
    (hits,) = shelf(handbook(seed)).search([messages[-1]["content"][:500]], K)
    instruction, found, _ = prompt("", hits)
    return [instruction, *messages[:-1], found, messages[-1]]


def levers(chat: LocalChat, seed: int, task: str, lever: str) -> dict:
    """Measure one task with one lever: "prompt", "retrieve" or "fine-tune"."""
    about = BANK[task]
    cases = BANK[task].test(seed)
    prompts = [
        list(case.messages) if lever == "fine-tune" else about.ask(case, seed) for case in cases
    ]
    if lever == "retrieve":
        prompts = [_with_hits(messages, seed) for messages in prompts]
    taught = {"training tokens": training_tokens(chat, seed, task)} if lever == "fine-tune" else {}
    if lever == "fine-tune" and task in TASKS:
        counted = {
            "prompt tokens": map(chat.render, prompts),
            "completion tokens": (case.answer for case in cases),
        }
        return (
            taught
            | {"of": 0}
            | {
                name: _mean(len(chat.tokenizer(text)["input_ids"]) for text in texts)
                for name, texts in counted.items()
            }
        )
    model = _tuned(chat, seed, task) if lever == "fine-tune" else chat
    replies = model.batch(prompts, max_new_tokens=about.max_new_tokens + 6)
    row: dict = {
        "right": sum(about.judge(case, reply.text) for case, reply in zip(cases, replies)),
        "of": len(cases),
    } | taught
    row |= {
        "prompt tokens": _mean(reply.n_prompt_tokens for reply in replies),
        "completion tokens": _mean(reply.n_completion_tokens for reply in replies),
    }
    return row | {"seconds": round(sum(reply.seconds for reply in replies) / len(replies), 4)}


def _mean(values: Iterable[float]) -> float:
    return round(statistics.mean(values), 1)


STUDIES = {
    "levers": Study(
        levers,
        grid(task=tuple(BANK), lever=("prompt", "retrieve", "fine-tune")),
        claims=("H1", "H3", "H4", "H6"),
    )
}
