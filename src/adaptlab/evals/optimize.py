"""Prompt search: the best instruction and examples for labelled cases, within a budget of calls.

The cases are split into a pool of examples, development and held-out cases. Successive halving on
the development cases chooses a prompt. Only then is it measured on the held-out cases, together
with the plain instruction.
"""

import hashlib
import json
import math
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adaptlab.checks import check_whole
from adaptlab.errors import AdaptLabError
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.labelled import Labelled, check_cases, kind_of, make_judge, same_text
from adaptlab.evals.statistics import paired_difference, proportion
from adaptlab.evals.trials import TrialStore, identity
from adaptlab.files import write_whole
from adaptlab.models.chat import Chat, Reply
from adaptlab.progress import progress_bar
from adaptlab.prompts.halving import Trial, n_calls, rounds, search
from adaptlab.prompts.template import PLACEHOLDER, PromptTemplate, few_shot_template, write_prompt

STORE = "trials.db"
PROMPT = "prompt.json"
REPORT = "report.json"
SHOTS = (0, 2, 4, 8)
BUDGET = 400
N_SETS = 3
LEAST_PART = 20  # development cases, and held-out cases
POOL = 1 / 5  # share of the cases from which examples are taken
LUCK = "a part of the gain on the development set is luck"


@dataclass(frozen=True)
class Candidate:
    """A prompt to try: an instruction, and examples by the numbers of their cases."""

    instruction: str
    examples: tuple[int, ...] = ()


@dataclass(frozen=True)
class Parts:
    """Numbers of cases: those for examples, for the search, and for the measurement at the end."""

    pool: tuple[int, ...]
    development: tuple[int, ...]
    held_out: tuple[int, ...]


@dataclass(frozen=True)
class Measured:
    """A prompt with its accuracy on the development cases that it has seen, and on the held-out
    cases.
    """

    instruction: str
    n_examples: int
    development: Estimate
    held_out: Estimate

    @property
    def gap(self) -> float:
        return self.development.value - self.held_out.value


@dataclass(frozen=True)
class Optimized:
    """The result of a search. `gain`: held-out accuracy of the best prompt minus that of the plain
    instruction, paired. `n_calls`: (development, held-out).
    """

    prompt: PromptTemplate
    best: Measured
    plain: Measured
    gain: Estimate
    judged_as: str
    n_candidates: int
    budget: int
    n_calls: tuple[int, int]
    n_prompt_tokens: int
    n_completion_tokens: int

    def as_dict(self) -> dict:
        """Return the report as JSON values."""
        found = asdict(self) | {"prompt": self.prompt.as_dict()}
        for name, measured in (("best", self.best), ("plain", self.plain)):
            found[name]["gap"] = measured.gap
        return found

    def __str__(self) -> str:
        n_development, n_held_out = self.n_calls
        lines = [
            f"prompts   {self.n_candidates}, judged as {self.judged_as}",
            (
                f"calls     {n_development} of {self.budget} on development cases, {n_held_out} on"
                f" held-out cases; {self.n_prompt_tokens:,} prompt tokens,"
                f" {self.n_completion_tokens:,} reply tokens"
            ),
        ]
        for name, each in (("best", self.best), ("plain", self.plain)):
            lines += [
                f"{name:<10}{each.instruction!r} with {each.n_examples} examples",
                f"          development {each.development}",
                f"          held out    {each.held_out}",
            ]
        gap = f"gap       {self.best.gap:+.3f} between development and held out"
        lines.append(f"{gap}: {LUCK}" if self.best.gap > 0 else gap)
        lines.append(f"gain      {self.gain}, best minus plain on the held-out cases")
        if not self.best.development.value:
            lines.append(
                "No prompt has a correct reply. Read the replies in trials.db: the model may be"
                " unable to write these answers. Use other labels, or another model."
            )
        return "\n".join(lines)


def split(n_cases: int, most_shots: int, seed: int) -> Parts:
    """Split the numbers of cases by the seed.

    Raises:
        AdaptLabError: if there are too few cases for the three parts.
    """
    n_pool = max(2 * most_shots, math.ceil(POOL * n_cases)) if most_shots else 0
    least = 2 * most_shots + 2 * LEAST_PART
    while most_shots and least - max(2 * most_shots, math.ceil(POOL * least)) < 2 * LEAST_PART:
        least += 1
    if n_cases < least:
        raise AdaptLabError(
            f"{n_cases} cases are too few for examples, development and held-out cases. Give at"
            f" least {least}, or fewer examples."
        )
    order = list(range(n_cases))
    random.Random(f"prompt search:{seed}").shuffle(order)
    n_development = (n_cases - n_pool) // 2
    return Parts(
        tuple(order[:n_pool]),
        tuple(order[n_pool : n_pool + n_development]),
        tuple(order[n_pool + n_development :]),
    )


def _order(pool: Sequence[int], cases: Sequence[Labelled], kind: str, seed: str) -> list[int]:
    """Return the pool in a random order; with labels, each label is taken in turn."""
    rng = random.Random(seed)
    shuffled = list(pool)
    rng.shuffle(shuffled)
    if kind != "label":
        return shuffled
    groups: dict[str, list[int]] = defaultdict(list)
    for number in shuffled:
        groups[cases[number].shown].append(number)
    taken = []
    while any(groups.values()):
        taken += [group.pop() for group in groups.values() if group]
    return taken


def candidates(
    cases: Sequence[Labelled],
    pool: Sequence[int],
    instructions: Sequence[str],
    shots: Sequence[int],
    n_sets: int,
    kind: str,
    seed: int,
) -> list[Candidate]:
    """Return all prompts to try; the first is the plain instruction, and few examples come first.

    Each number of examples has `n_sets` sets; a smaller set is the start of a larger one.
    """
    orders = [_order(pool, cases, kind, f"examples:{seed}:{i}") for i in range(n_sets)]
    found = [Candidate(instructions[0])]
    for n_shots in sorted({*shots}):
        for instruction in instructions:
            sets = [tuple(order[:n_shots]) for order in orders] if n_shots else [()]
            found += [Candidate(instruction, examples) for examples in sets]
    return list(dict.fromkeys(found))


def _check(
    instructions: Sequence[str], shots: Sequence[int], n_sets: int, max_new_tokens: int
) -> tuple[list[str], list[int]]:
    """Return the checked instructions, without copies, and numbers of examples."""
    if isinstance(instructions, str) or not instructions:
        raise AdaptLabError("The list of instructions is empty. Give at least one instruction.")
    for number, instruction in enumerate(instructions, 1):
        if not isinstance(instruction, str) or not instruction.strip():
            raise AdaptLabError(f"Instruction {number} is empty. Write it, or leave it out.")
        if PLACEHOLDER in instruction:
            raise AdaptLabError(
                f"Instruction {number} contains {PLACEHOLDER}. Leave it out: the text follows the"
                " instruction."
            )
    if isinstance(shots, str) or not shots:
        raise AdaptLabError("The list of numbers of examples is empty. Give at least one, as 0.")
    for n_shots in shots:
        check_whole(n_shots, "The number of examples", 0, 1000)
    check_whole(n_sets, "The number of example sets", 1, 1000)
    check_whole(max_new_tokens, "max_new_tokens", 1)
    stripped = [instruction.strip() for instruction in instructions]
    return list(dict.fromkeys(stripped)), list(shots)


def optimize(
    chat: Chat,
    cases: Sequence[Labelled],
    instructions: Sequence[str],
    folder: Path | str | None = None,
    *,
    shots: Sequence[int] = SHOTS,
    n_sets: int = N_SETS,
    budget: int = BUDGET,
    seed: int = 0,
    judge: str = "",
    max_new_tokens: int = 32,
) -> Optimized:
    """Search the best prompt for the cases; return it with its accuracies.

    `folder` keeps every reply, so that the same call resumes an interrupted search; at the end it
    has prompt.json and report.json. `budget` counts the calls on development cases. `judge` is one
    of `labelled.KINDS`; by default the type of the gold answers decides.

    Raises:
        AdaptLabError: if an argument has a value that no search can have, or the folder contains
            another search.
    """
    named, numbers = _check(instructions, shots, n_sets, max_new_tokens)
    check_whole(seed, "The seed", 0, 2**32 - 1)
    kind = judge or (kind_of(cases) if cases else "text")
    is_correct = make_judge(cases, kind)
    parts = split(len(cases), max(numbers), seed)
    check_cases(cases)
    tried = candidates(cases, parts.pool, named, numbers, n_sets, kind, seed)
    rounds(len(tried), len(parts.development), budget)  # before the folder is made
    settings: dict[str, Any] = {
        "model": identity(chat),
        "cases": _hash(cases),
        "instructions": named,
        "numbers of examples": sorted({*numbers}),
        "example sets": n_sets,
        "budget": budget,
        "seed": seed,
        "judge": kind,
        "max_new_tokens": max_new_tokens,
    }
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(folder or temporary)
        store = TrialStore(chat, place / STORE, settings["model"], max_new_tokens)
        store.refuse_others(settings)
        found = _Search(store, cases, parts, tried, kind, is_correct, budget).run()
        if folder:
            write_prompt(place / PROMPT, found.prompt, model=chat.name, **asdict(found.best))
            report = json.dumps(found.as_dict(), indent=1, ensure_ascii=False)
            write_whole(place / REPORT, report + "\n")
        return found


def names_of(kind: str) -> tuple[str, str]:
    """Return the names of input and output in a prompt, by the kind of answers."""
    return ("Text", "Label") if kind == "label" else ("Input", "Output")


@dataclass
class _Search:
    """A search with what it has used."""

    store: TrialStore
    cases: Sequence[Labelled]
    parts: Parts
    tried: list[Candidate]
    kind: str
    is_correct: Callable[[str, Labelled], bool]
    budget: int
    used: list[Reply] = field(default_factory=list)

    def prompt(self, number: int) -> PromptTemplate:
        """Return the prompt of a candidate."""
        each = self.tried[number]
        examples = [(self.cases[i].text, self.cases[i].shown) for i in each.examples]
        return few_shot_template(each.instruction, examples, names_of(self.kind))

    def hits(self, number: int, chosen: Sequence[int], part: str, bar) -> list[bool]:
        """Return whether a candidate's replies to the cases of these numbers are correct."""
        prompt = self.prompt(number)
        asked = [prompt.messages(self.cases[i].text) for i in chosen]
        replies = self.store.replies(asked, part, number, bar)
        self.used += replies
        return [self.is_correct(reply.text, self.cases[i]) for reply, i in zip(replies, chosen)]

    def run(self) -> Optimized:
        """Search, and only then measure on the held-out cases."""
        development = self.parts.development
        n_planned = n_calls(rounds(len(self.tried), len(development), self.budget))
        with progress_bar(total=n_planned, desc="search", unit="call") as bar:
            trials = search(
                len(self.tried),
                len(development),
                self.budget,
                lambda number, rows: self.hits(
                    number, [development[row] for row in rows], "development", bar
                ),
            )
        n_development = len(self.used)
        best = trials[0]
        plain = next(trial for trial in trials if trial.candidate == 0)
        compared = list(dict.fromkeys([best.candidate, plain.candidate]))
        held_out = self.parts.held_out
        total = len(compared) * len(held_out)
        with progress_bar(total=total, desc="held out", unit="call") as bar:
            hits = {each: self.hits(each, held_out, "held out", bar) for each in compared}
        return Optimized(
            self.prompt(best.candidate),
            self._measured(best, hits[best.candidate]),
            self._measured(plain, hits[plain.candidate]),
            paired_difference(hits[best.candidate], hits[plain.candidate]),
            self.kind,
            len(self.tried),
            self.budget,
            (n_development, len(self.used) - n_development),
            sum(reply.n_prompt_tokens for reply in self.used),
            sum(reply.n_completion_tokens for reply in self.used),
        )

    def _measured(self, trial: Trial, held_out: Sequence[bool]) -> Measured:
        each = self.tried[trial.candidate]
        return Measured(
            each.instruction, len(each.examples), proportion(trial.hits), proportion(held_out)
        )


def _hash(cases: Sequence[Labelled]) -> str:
    content = json.dumps([[same_text(case.text), case.shown] for case in cases])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
