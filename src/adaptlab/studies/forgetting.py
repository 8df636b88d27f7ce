"""The studies of lesson 07: how narrow fine-tuning affects other skills, and what keeps or restores
them.

The narrow task is to assign reviews to desks. A row counts the correct desks (`right`), out of `of`
reviews, and for each skill of the base suite the correct replies, out of N_SKILL. For prose it has
the mean bits per byte. Seeds have different examples and cases.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from statistics import median
from typing import Any

from adaptlab.evals import suite
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.gate import compare, passes
from adaptlab.evals.suite import PROSE, SKILLS, run_suite
from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.studies.grid import Study, grid
from adaptlab.studies.tuning import FULL_RATE, conversation, judged, test_cases, train_cases
from adaptlab.tune.ewc import ewc_anchor, fine_tune_anchored, l2_anchor
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.tune.replay import with_replay
from adaptlab.world import mixture

TASK = "desk"
N_EXAMPLES = 600
N_SKILL = 50
N_NEW = 100
LORA_RATE = 2e-3
RANK = 16
BATCH = 8
L2_STRENGTH = 0.1
EWC_STRENGTH = 0.1
N_FISHER = 100  # chosen by one trial with a seed outside the study
IN_A_ROW = ("desk", "style", "record")
N_IN_A_ROW = 120
SHARES = tuple(skill.name for skill in SKILLS)
N_DEGRADED = 60
# Data of a re-training before the gate: cases of one skill, and conversations of all kinds.
N_AROUND = 120
# Cases of each skill in the gate, and as many others on which each skill is measured again.
N_GATE = 200
# Enough for over twenty planted faults of 5 percentage points, and as many runs without one.
SEEDS_OF_GATE = (0, 1, 2, 3)
ELSEWHERE = 50  # the seed of those other cases, which no gate and no training uses
NO_FACTS = {
    make: share
    for make, share in mixture.CHAT.items()
    if make.__name__ not in ("recall_case", "_unknown", "tone_case")
}


def old_conversations(n: int, seed: int) -> list[Messages]:
    """Return conversations of the kinds in the embedded chat model's training data."""
    return list(islice(mixture.conversations(f"old:{seed}"), n))


def without_facts(n: int, seed: int) -> list[Messages]:
    """Return the conversations without any question that is answered from memory, first or
    later.
    """
    return list(
        islice(
            (
                found
                for found in mixture.conversations(f"old:{seed}", NO_FACTS)
                if len([m for m in found if m["role"] == "user"]) == 1
            ),
            n,
        )
    )


def examples(task: str, n: int, seed: int) -> list[Messages]:
    return [conversation(case) for case in train_cases(task, n, seed)]


def in_full(seed: int, **options) -> Options:
    defaults: dict[str, Any] = {
        "method": "full",
        "learning_rate": FULL_RATE,
        "batch_size": BATCH,
        "seed": seed,
    }
    return Options(**defaults | options)


def scored(chat: LocalChat, seed: int, tasks: Sequence[str] = (TASK,)) -> dict:
    """Return a row's counts: the task, or for several tasks the one in `right <task>`, and every
    skill.
    """
    values = run_suite(chat, N_SKILL, seed)
    hits = {task: sum(judged(chat, task, test_cases(task, N_NEW, seed))) for task in tasks}
    named = (
        {"right": hits[tasks[0]]}
        if len(tasks) == 1
        else {f"right {task}": n for task, n in hits.items()}
    )
    skills = {
        name: round(sum(found) / N_SKILL, 4) if name == PROSE else int(sum(found))
        for name, found in values.items()
    }
    return named | {"of": N_NEW} | skills


def forgetting(chat: LocalChat, seed: int, method: str, rate: float, n: int, rank: int) -> dict:
    """Measure after n examples by one method.

    Methods: "full", "lora", the upper half of the layers ("upper layers"), all weights with an
    anchor ("L2", "EWC"), or "none".
    """
    if method == "none":
        return scored(chat, seed)
    new = examples(TASK, n, seed)
    if method in ("L2", "EWC"):
        anchor = (
            l2_anchor(chat, L2_STRENGTH)
            if method == "L2"
            else ewc_anchor(chat, old_conversations(N_FISHER, seed), EWC_STRENGTH)
        )
        return scored(
            fine_tune_anchored(chat, new, anchor, in_full(seed, learning_rate=rate)), seed
        )
    if method == "lora":
        return scored(
            fine_tune(
                chat,
                new,
                Options(learning_rate=rate, rank=rank, alpha=2 * rank, batch_size=BATCH, seed=seed),
            ),
            seed,
        )
    n_frozen = chat.model.config.num_hidden_layers // 2 if method == "upper layers" else 0
    return scored(fine_tune(chat, new, in_full(seed, learning_rate=rate, n_frozen=n_frozen)), seed)


def replay(chat: LocalChat, seed: int, share: float) -> dict:
    """Fine-tune with a share of old conversations; the number of examples and steps stays the
    same.
    """
    mixed = with_replay(
        examples(TASK, N_EXAMPLES, seed), old_conversations(N_EXAMPLES, seed), share, seed
    )
    return scored(fine_tune(chat, mixed, in_full(seed)), seed)


def in_a_row(chat: LocalChat, seed: int, share: float) -> dict:
    """Fine-tune on three tasks in sequence; return the counts after each stage.

    Each stage includes a share of old conversations and of the tasks before it.
    """
    stages = {}
    before = old_conversations(N_EXAMPLES, seed)
    for task in IN_A_ROW:
        new = examples(task, N_IN_A_ROW, seed)
        chat = fine_tune(
            chat, with_replay(new, before, share, seed), in_full(seed, batch_size=BATCH // 2)
        )
        stages[task], before = scored(chat, seed, IN_A_ROW), [*before, *new]
    return {"of": N_NEW, "stages": stages}


def recovery(chat: LocalChat, seed: int, n: int, facts: bool) -> dict:
    """After the narrow fine-tuning, train on n old conversations for four epochs.

    Without `facts`, none of them asks anything from memory.
    """
    old = (old_conversations if facts else without_facts)(n, seed)
    return scored(
        fine_tune(
            _narrow(chat, seed),
            old,
            in_full(seed, learning_rate=FULL_RATE / 3, batch_size=4, epochs=4),
        ),
        seed,
    )


@cache
def _narrow(chat: LocalChat, seed: int) -> LocalChat:
    return fine_tune(chat, examples(TASK, N_EXAMPLES, seed), in_full(seed))


def gate(chat: LocalChat, seed: int, skill: str, planted: bool) -> dict:
    """Re-train on old conversations with some of one skill, whose answers are correct or `planted`
    errors; then gate.

    `losses` is the loss of each skill on cases outside the gate; for prose more bits as a share.
    """
    taught, documents = _taught(skill, seed, planted)
    tuned = fine_tune(
        chat,
        [*old_conversations(N_AROUND, seed), *taught],
        Options(batch_size=BATCH, seed=seed),
        documents=documents,
    )
    rows = compare(_before(chat, suite.SEED), run_suite(tuned, N_GATE))
    failed = [row.skill for row in rows if row.fails]
    losses = {
        row.skill: round(row.loss, 4)
        for row in compare(_before(chat, ELSEWHERE), run_suite(tuned, N_GATE, ELSEWHERE))
    }
    return {
        "right": int(skill in failed if planted else passes(rows)),
        "of": 1,
        "failed": failed,
        "losses": losses,
    }


def _taught(skill: str, seed: int, degraded: bool) -> tuple[list[Messages], list[str]]:
    """Return (conversations, documents) of a skill; degraded ones have another case's answer, or
    shuffled words.
    """
    rng = random.Random(f"gate:{skill}:{seed}")
    if skill == PROSE:
        texts = suite.stories(N_DEGRADED, seed + 100)
        return [], (
            [" ".join(rng.sample(text.split(), len(text.split()))) for text in texts]
            if degraded
            else texts
        )
    ability = next(found for found in SKILLS if found.name == skill)
    cases = suite.skill_cases(ability, N_DEGRADED, seed + 100)
    if degraded:
        cases = [
            replace(case, answer=other.answer) for case, other in zip(cases, cases[1:] + cases[:1])
        ]
    return [conversation(case) for case in cases], []


@cache
def _before(chat: LocalChat, seed: int) -> suite.Values:
    return run_suite(chat, N_GATE, seed)


def mean_share(row: dict, skills: Sequence[str] = SHARES) -> float:
    """Return the mean accuracy over the skills of a row."""
    return sum(row[skill] for skill in skills) / len(skills) / N_SKILL


def given_back(
    base: Sequence[dict],
    worst: Sequence[dict],
    other: Sequence[dict],
    skills: Sequence[str] = SHARES,
) -> Estimate:
    """Return the share of the loss from `base` to `worst` that the `other` rows do not have, seed
    by seed.

    The value is the median, with the range of the seeds as its interval.
    """
    by_seed = [
        {row["seed"]: mean_share(row, skills) for row in rows} for rows in (base, worst, other)
    ]
    shares = sorted(
        (by_seed[2][seed] - by_seed[1][seed]) / (by_seed[0][seed] - by_seed[1][seed])
        for seed in by_seed[0]
    )
    return Estimate(median(shares), shares[0], shares[-1], len(shares))


METHODS = (
    grid(method=("none",), rate=(0.0,), n=(0,), rank=(0,))
    + grid(method=("full",), rate=(1e-4, 3e-4, FULL_RATE), n=(N_EXAMPLES,), rank=(0,))
    + grid(method=("full",), rate=(FULL_RATE,), n=(100,), rank=(0,))
    + grid(method=("lora",), rate=(LORA_RATE,), n=(N_EXAMPLES,), rank=(1, RANK, 64))
    + grid(method=("upper layers", "L2", "EWC"), rate=(FULL_RATE,), n=(N_EXAMPLES,), rank=(0,))
)

STUDIES = {
    "forgetting": Study(forgetting, METHODS, claims=("G1", "G3", "G4")),
    "replay": Study(replay, grid(share=(0.01, 0.05, 0.1, 0.2, 0.5)), claims=("G2",)),
    "in_a_row": Study(in_a_row, grid(share=(0.0, 0.05))),
    "recovery": Study(
        recovery, grid(n=(10, 50), facts=(True,)) + grid(n=(50,), facts=(False,)), claims=("G6",)
    ),
    "gate": Study(
        gate, grid(skill=suite.NAMES, planted=(True, False)), SEEDS_OF_GATE, claims=("G5",)
    ),
}
