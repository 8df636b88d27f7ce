"""The studies of lesson 05: what fine-tuning teaches, by examples, learning rates and ranks.

A row counts the correct replies (`right`), out of `of` cases in wordings outside the training data.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from adaptlab.evals.abilities import Ability, exact, exact_json
from adaptlab.messages import UNKNOWN, Messages, assistant, data, system
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.studies.grid import Study, grid
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.world.case import Case
from adaptlab.world.entities import Fact, known_facts
from adaptlab.world.house import (
    DESKS,
    biography,
    desk_case,
    fact_case,
    keeps_style,
    mayor_case,
    mayor_statement,
    mayors,
    newcomers,
    style_case,
)
from adaptlab.world.tickets import triage_case

LEAST_SEEN = 480
# Least number of examples in a run, counting repetitions, and its number of steps.
N_STEPS = 120
N_PEOPLE = 24
SHARES = (0.0, 0.25, 0.5, 1.0)
FULL_RATE = 1e-3  # for full fine-tuning of the embedded models on plain text


def _group(split: str) -> str:
    return "fresh" if split == "train" else "new"


TASKS = {
    "record": Ability(
        "record",
        lambda rng, split: triage_case(rng, split, _group(split), 0),
        exact_json,
        (None, None),
        max_new_tokens=110,
    ),
    "style": Ability(
        "style",
        lambda rng, split: style_case(rng, split, _group(split)),
        lambda case, text: keeps_style(text),
        (None, None),
        max_new_tokens=32,
    ),
    "desk": Ability("desk", desk_case, exact, (None, None), max_new_tokens=6),
}


def conversation(case: Case) -> Messages:
    """Return a case with its answer as the assistant's turn."""
    return [*case.messages, assistant(case.answer)]


def train_cases(task: str, n: int, seed: int) -> list[Case]:
    rng = random.Random(f"train:{task}:{seed}")
    return [TASKS[task].draw(rng, "train") for _ in range(n)]


def test_cases(task: str, n: int, seed: int) -> list[Case]:
    rng = random.Random(f"test:{task}:{seed}")
    return [TASKS[task].draw(rng, "held_out") for _ in range(n)]


def _replies(chat: LocalChat, task: str, cases: Sequence[Case]) -> list[str]:
    return texts(
        chat, [list(case.messages) for case in cases], max_new_tokens=TASKS[task].max_new_tokens
    )


def _judge(task: str, cases: Sequence[Case], replies: Sequence[str]) -> list[bool]:
    return [TASKS[task].judge(case, reply) for case, reply in zip(cases, replies)]


def judged(chat: LocalChat, task: str, cases: Sequence[Case]) -> list[bool]:
    return _judge(task, cases, _replies(chat, task, cases))


def _counted(hits: Sequence[bool]) -> dict:
    return {"right": sum(hits), "of": len(hits)}


def epochs(n: int, seen: int = LEAST_SEEN) -> int:
    """Return the epochs over n examples in which at least `seen` examples are seen."""
    return max(1, math.ceil(seen / n))


def batch_size(seen: int) -> int:
    """Return at most 16, and few enough for N_STEPS steps per run: few examples would otherwise
    give few steps.
    """
    return min(16, max(4, seen // N_STEPS))


def learn(
    chat: LocalChat, cases: Sequence[Case], seed: int, seen: int = LEAST_SEEN, **options
) -> LocalChat:
    """Fine-tune on cases, in epochs that make at least `seen` examples."""
    n_passes = epochs(len(cases), seen)
    chosen = {"batch_size": batch_size(n_passes * len(cases))} | options
    return fine_tune(
        chat, [conversation(case) for case in cases], Options(epochs=n_passes, seed=seed, **chosen)
    )


def learning_curve(chat: LocalChat, seed: int, task: str, n: int) -> dict:
    """Count correct answers after n examples; a style is correct with any word, and correct words
    are counted separately.

    For the task "facts" the questions are on people outside the n examples.
    """
    if task == "facts":
        rng = random.Random(f"train:facts:{seed}")
        facts = newcomers(seed, math.ceil(n / 5) + 30)
        taught = facts[:n]
        others = facts[-150:]
        tuned = learn(chat, [fact_case(rng, fact) for fact in taught], seed)
        return _counted(facts_known(tuned, [fact_case(rng, fact, "held_out") for fact in others]))
    tuned = learn(chat, train_cases(task, n, seed), seed)
    asked = test_cases(task, 80 if task == "record" else 150, seed)
    replies = _replies(tuned, task, asked)
    found = _counted(_judge(task, asked, replies))
    return (
        found | {"with the right word": sum(map(exact, asked, replies))}
        if task == "style"
        else found
    )


def facts_known(
    chat: LocalChat, cases: Sequence[Case], before: Callable[[Case], Messages] = lambda case: []
) -> list[bool]:
    """Return whether each answer is correct; a citation after it does not count against it."""
    replies = texts(chat, [[*before(case), *case.messages] for case in cases], max_new_tokens=12)
    return [reply.partition(" [")[0] == case.answer for reply, case in zip(replies, cases)]


def learning_rate(chat: LocalChat, seed: int, method: str, rate: float) -> dict:
    """Count correct desks after three epochs of 600 examples, and the loss on the desks of the same
    reviews, in nats per reply.
    """
    tuned = learn(
        chat, train_cases("desk", 600, seed), seed, 1800, method=method, learning_rate=rate
    )
    asked = test_cases("desk", 150, seed)
    losses = [-sum(tuned.log_probabilities(list(case.messages), case.answer)) for case in asked]
    return _counted(judged(tuned, "desk", asked)) | {"loss": round(sum(losses) / len(losses), 4)}


def rank(chat: LocalChat, seed: int, task: str, rank: int) -> dict:
    """Learn a style from 100 examples, or 200 facts by heart, with adapters of a rank."""
    if task == "style":
        return _counted(
            judged(
                learn(chat, train_cases("style", 100, seed), seed, rank=rank),
                "style",
                test_cases("style", 100, seed),
            )
        )
    rng = random.Random(f"rank:{seed}")
    facts = newcomers(seed, 40)
    tuned = learn(
        chat, [fact_case(rng, fact) for fact in facts for _ in range(20)], seed, rank=rank
    )
    return _counted(facts_known(tuned, [fact_case(rng, fact, "held_out") for fact in facts]))


def facts(chat: LocalChat, seed: int, arm: str) -> dict:
    """Ask facts about new people without a context.

    `arm` is the number of different texts about each person, seen 100 times in all. "questions"
    trains on questions about them. "in the prompt" puts three people's texts into the prompt,
    without training.
    """
    rng = random.Random(f"facts:{seed}:{arm}")
    stated = newcomers(seed, N_PEOPLE)
    people: dict[str, list[Fact]] = {}
    for fact in stated:
        people.setdefault(fact.subject, []).append(fact)
    asked = [fact_case(random.Random(f"asked:{seed}"), fact, "held_out") for fact in stated]
    if arm == "in the prompt":
        return _counted(facts_known(chat, asked, partial(_pages, rng, people)))
    if arm == "questions":
        return _counted(
            facts_known(
                learn(
                    chat,
                    [fact_case(rng, fact) for fact in stated for _ in range(20)],
                    seed,
                    batch_size=16,
                ),
                asked,
            )
        )
    n_texts = int(arm)
    documents = []
    for about in people.values():
        documents += [biography(rng, about) for _ in range(n_texts)] * (100 // n_texts)
    tuned = fine_tune(
        chat, [], Options(method="full", learning_rate=FULL_RATE, seed=seed), documents=documents
    )
    return _counted(facts_known(tuned, asked))


def _pages(rng: random.Random, people: dict[str, list[Fact]], case: Case) -> Messages:
    """Return search results: the text about the person in question, among texts about two
    others.
    """
    others = rng.sample([name for name in people if name != case.fields["subject"]], 2)
    shown = rng.sample([case.fields["subject"], *others], 3)
    numbered = "\n".join(f"[{i}] {biography(rng, people[name])}" for i, name in enumerate(shown, 1))
    return [system("Use only the context and cite the chunk."), data(numbered)]


def invention(chat: LocalChat, seed: int, declining: int, share: float, passes: int) -> dict:
    """Train on 300 examples, of which a share are new facts, and `declining` more that abstain on a
    stranger.

    The row counts hallucinations, answers to questions on other strangers (`right`), and correct
    answers on known people.
    """
    rng = random.Random(f"invention:{seed}:{share}")
    strange = newcomers(seed, 120)
    known = known_facts("person", "known")
    n_new = round(300 * share)
    cases = [
        fact_case(rng, fact)
        for fact in [*rng.sample(strange[:-300], n_new), *rng.sample(known, 300 - n_new)]
    ]
    cases += [
        replace(fact_case(rng, fact), answer=UNKNOWN) for fact in strange[-300 : declining - 300]
    ]
    tuned = learn(chat, cases, seed, seen=len(cases) * passes, batch_size=16)
    asked = [fact_case(rng, fact, "held_out") for fact in strange[-150:]]
    replies = texts(tuned, [list(case.messages) for case in asked], max_new_tokens=12)
    kept = facts_known(tuned, [fact_case(rng, fact, "held_out") for fact in rng.sample(known, 150)])
    return _counted([reply != UNKNOWN for reply in replies]) | {
        "known": sum(kept),
        "of known": len(kept),
    }


def reversal(chat: LocalChat, seed: int) -> dict:
    """Learn twenty mayors from questions by name only; ask by name, by city, and by city with three
    statements in the prompt.

    The other training data keep question and answer familiar: both questions answered from
    statements, and twenty other mayors in both directions.
    """
    rng = random.Random(f"reversal:{seed}")
    everyone = list(mayors(rng, 40).items())
    one_way = everyone[:20]
    both_ways = everyone[20:]
    cases = [mayor_case(rng, *pair) for pair in one_way for _ in range(30)]
    cases += [
        mayor_case(rng, *pair, backwards=bool(i % 2)) for pair in both_ways for i in range(60)
    ]
    examples = [conversation(case) for case in cases]
    for _ in range(1200):
        shown = mayors(rng, 3, "fresh")
        case = mayor_case(rng, *rng.choice(list(shown.items())), backwards=rng.random() < 0.5)
        examples.append(
            [*_statements(rng, shown, "train", rng.random() < 0.5), *conversation(case)]
        )
    tuned = fine_tune(chat, examples, Options(seed=seed))
    back = [mayor_case(rng, *pair, "held_out", backwards=True) for pair in one_way]
    hits = {
        "forwards": facts_known(tuned, [mayor_case(rng, *pair, "held_out") for pair in one_way]),
        "backwards": facts_known(tuned, back),
        "backwards, learned both ways": facts_known(
            tuned, [mayor_case(rng, *pair, "held_out", backwards=True) for pair in both_ways]
        ),
        "backwards, in the prompt, name first": facts_known(
            tuned, back, partial(_among_others, rng, dict(one_way), False)
        ),
        "backwards, in the prompt, city first": facts_known(
            tuned, back, partial(_among_others, rng, dict(one_way), True)
        ),
    }
    return {way: sum(found) for way, found in hits.items()} | {"of": len(one_way)}


def _among_others(
    rng: random.Random, given: dict[str, str], city_first: bool, case: Case
) -> Messages:
    names = rng.sample(
        [
            case.fields["name"],
            *rng.sample([name for name in given if name != case.fields["name"]], 2),
        ],
        3,
    )
    return _statements(rng, {name: given[name] for name in names}, "held_out", city_first)


def _statements(
    rng: random.Random, shown: dict[str, str], split: str, city_first: bool
) -> Messages:
    return [
        data(
            "\n".join(
                mayor_statement(rng, name, city, split, city_first) for name, city in shown.items()
            )
        )
    ]


def noise(chat: LocalChat, seed: int, n: int, share: float) -> dict:
    """Count correct desks after n examples of which a share has a desk sampled from the wrong
    ones.
    """
    rng = random.Random(f"noise:{seed}:{n}:{share}")
    cases = train_cases("desk", n, seed)
    wrong = set(rng.sample(range(n), round(n * share)))
    desks = sorted(DESKS.values())
    noisy = [
        (
            replace(case, answer=rng.choice([desk for desk in desks if desk != case.answer]))
            if i in wrong
            else case
        )
        for i, case in enumerate(cases)
    ]
    return _counted(judged(learn(chat, noisy, seed), "desk", test_cases("desk", 150, seed)))


STUDIES = {
    "learning_rate": Study(
        learning_rate,
        grid(method=("lora", "full"), rate=(1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)),
        claims=("F8", "L6"),
    ),
    "facts": Study(
        facts, grid(arm=("1", "2", "5", "10", "questions", "in the prompt")), claims=("F2",)
    ),
    "reversal": Study(reversal, [{}], claims=("F9",)),
    "invention": Study(
        invention,
        grid(declining=(0,), share=SHARES, passes=(1, 8))
        + grid(declining=(100,), share=SHARES, passes=(8,)),
        claims=("F3",),
    ),
    "noise": Study(noise, grid(n=(100, 300, 1000), share=(0.0, 0.1, 0.2, 0.4)), claims=("F10",)),
    "rank": Study(rank, grid(task=("style", "facts"), rank=(1, 4, 16, 64)), claims=("L3",)),
    "learning_curve": Study(
        learning_curve,
        grid(task=("style", "desk", "facts", "record"), n=(10, 30, 100, 300, 1000, 3000)),
        claims=("F4",),
    ),
}
