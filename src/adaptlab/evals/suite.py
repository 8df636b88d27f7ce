"""The base suite: what a model could do before it was tuned, to be asked again after
every tuning.
"""

import hashlib
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import LogitsProcessor, PreTrainedModel

from adaptlab.errors import AdaptLabError
from adaptlab.evals.abilities import Ability, exact, exact_json, final_number, in_tone
from adaptlab.evals.statistics import Estimate, mean, proportion
from adaptlab.files import read_text, reading, write_whole
from adaptlab.models.chat import texts
from adaptlab.models.local import NOT_FINITE, PASS_TOKENS, LocalChat, groups
from adaptlab.progress import progress_bar
from adaptlab.tune.rows import tokenized_documents
from adaptlab.world.case import Case
from adaptlab.world.extraction import extraction_case
from adaptlab.world.prose import story
from adaptlab.world.reading import reading_case
from adaptlab.world.recall import recall_case
from adaptlab.world.sums import problem_case, sum_case
from adaptlab.world.tone import tone_case

# As the model was taught them, on names and numbers that it was not: what a tuning can spoil is
# what it could do.
SKILLS = (
    Ability(
        "arithmetic",
        lambda rng, split: sum_case(rng, split, new=True),
        exact,
        (None, None),
        max_new_tokens=6,
    ),
    Ability(
        "reasoning",
        lambda rng, split: problem_case(rng, split, rng.choice((3, 4)), "steps"),
        final_number,
        (None, None),
        max_new_tokens=60,
    ),
    Ability(
        "reading",
        lambda rng, split: reading_case(rng, split, "new", n_chunks=3, answerable=True),
        exact,
        (None, None),
        max_new_tokens=10,
    ),
    Ability(
        "known facts",
        lambda rng, split: recall_case(rng, split, "known", "person"),
        exact,
        (None, None),
        max_new_tokens=8,
    ),
    Ability(
        "formats",
        lambda rng, split: extraction_case(rng, split, "new"),
        exact_json,
        (None, None),
        max_new_tokens=48,
    ),
    Ability(
        "tones",
        lambda rng, split: tone_case(rng, split, "new", known=False),
        in_tone,
        (None, None),
        max_new_tokens=20,
    ),
)
PROSE = "prose"  # bits per byte of a story: less is better, unlike the shares of right replies
NAMES = (*(skill.name for skill in SKILLS), PROSE)
N_CASES = 500
SEED = 1
FOLDER = Path("build/suite")  # where commands keep what was measured

# For each skill one value a case: 1 or 0 for a right or wrong reply, bits per byte for a story.
Values = dict[str, list[float]]


def skill_cases(skill: Ability, n: int, seed: int) -> list[Case]:
    """The first n cases of a skill, a pure function of the seed."""
    rng = random.Random(f"suite:{seed}:{skill.name}")
    return [skill.draw(rng, "train") for _ in range(n)]


def stories(n: int, seed: int) -> list[str]:
    rng = random.Random(f"suite:{seed}:{PROSE}")
    return [story(rng) for _ in range(n)]


class _Finite(LogitsProcessor):
    """Ends a generation whose scores are not numbers: greedy decoding would go on in silence, and
    every reply would just be wrong.
    """

    def __init__(self, name: str):
        self.name = name

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        if not scores.isfinite().all():
            raise AdaptLabError(NOT_FINITE.format(self.name))
        return scores


def replies_judged(chat: LocalChat, skill: Ability, cases: Sequence[Case]) -> list[float]:
    """1 for each right reply and 0 for each other. Whether the model would give the gold answer,
    one pass shows; where another one may be right too, the other replies are made and judged.
    """
    asked = [list(case.messages) for case in cases]
    golden = chat.would_say(asked, [case.answer for case in cases])
    if skill.judge is exact:
        return [float(gold) for gold in golden]
    made = iter(
        texts(
            chat,
            [messages for messages, gold in zip(asked, golden) if not gold],
            max_new_tokens=skill.max_new_tokens,
            make_processor=lambda: _Finite(chat.name),
        )
    )
    return [
        float(skill.judge(case, case.answer if gold else next(made)))
        for case, gold in zip(cases, golden)
    ]


@torch.inference_mode()
def bits_per_byte(chat: LocalChat, documents: Sequence[str]) -> list[float]:
    """-log2 p of each text, the mark of its end included, over its length in UTF-8 bytes:
    comparable between tokenizers, as the loss a token is not.
    """
    rows = [
        row["input_ids"]
        for row in tokenized_documents(
            chat, documents, max_length=chat.model.config.max_position_embeddings
        )
    ]
    values = [math.nan] * len(rows)
    for group in groups(list(map(len, rows)), PASS_TOKENS):
        # Padded on the right, where no token of the text looks.
        # (B, T).
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(rows[i]) for i in group], batch_first=True
        ).to(chat.model.device)
        # (B · (T - 1), V).
        logits = chat.model(ids, use_cache=False).logits[:, :-1].flatten(0, 1).float()
        # (B, T - 1).
        nats = (
            torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten(), reduction="none")
            .view(len(group), -1)
            .cpu()
        )
        for i, surprise in zip(group, nats):
            values[i] = (
                float(surprise[: len(rows[i]) - 1].sum()) / math.log(2) / len(documents[i].encode())
            )
    if not all(map(math.isfinite, values)):
        raise AdaptLabError(NOT_FINITE.format(chat.name))
    return values


def weights_hash(model: PreTrainedModel) -> str:
    """A hash of every bit of the weights: two models of the same name are never taken for each
    other.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + str(tensor.dtype).encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def measure_skill(chat: LocalChat, name: str, n: int, seed: int) -> list[float]:
    """One skill on its first n cases, one value a case."""
    if name == PROSE:
        return bits_per_byte(chat, stories(n, seed))
    skill = next(skill for skill in SKILLS if skill.name == name)
    return replies_judged(chat, skill, skill_cases(skill, n, seed))


def run_suite(
    chat: LocalChat, n: int = N_CASES, seed: int = SEED, folder: Path | None = None
) -> Values:
    """All skills on n cases each, the same cases for every model.

    With a `folder`, each skill is kept there as soon as it is measured, in a file named after the
    weights and the suite: an interrupted suite goes on, and a model is measured once. A model that
    makes NaN is an AdaptLabError, and nothing of it is kept.
    """
    kept = folder / f"{weights_hash(chat.model)}-{n}-{seed}.json" if folder else None
    values = _kept_values(kept) if kept and kept.exists() else {}
    # Prose first: one pass over it tells soonest whether a model makes numbers at all.
    left = [name for name in sorted(NAMES, key=PROSE.__ne__) if name not in values]
    for name in progress_bar(left, few=not left, desc=f"suite of {chat.name}", unit="skill"):
        values[name] = measure_skill(chat, name, n, seed)
        if kept:
            write_whole(kept, json.dumps(values) + "\n")
    return {name: values[name] for name in NAMES}


def _kept_values(kept: Path) -> Values:
    with reading(kept, "Remove it, and the suite is measured again."):
        return dict(json.loads(read_text(kept)))


def estimates(values: Values) -> dict[str, Estimate]:
    """Each skill's score with its 95% interval: share of right replies, or mean bits per byte."""
    return {
        name: mean(found) if name == PROSE else proportion([bool(hit) for hit in found])
        for name, found in values.items()
    }
