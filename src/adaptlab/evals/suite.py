"""The base suite: a model's skills before fine-tuning, measured again after every fine-tuning
run.
"""

import hashlib
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel

from adaptlab.errors import AdaptLabError
from adaptlab.evals.abilities import Ability, exact, exact_json, final_number, in_tone
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean, proportion
from adaptlab.files import read_text, reading, write_whole
from adaptlab.models.chat import texts
from adaptlab.models.finite import NOT_FINITE, FiniteScores
from adaptlab.models.local import PASS_TOKENS, LocalChat, groups
from adaptlab.progress import progress_bar
from adaptlab.tune.rows import tokenized_documents
from adaptlab.world.case import Case
from adaptlab.world.extraction import extraction_case
from adaptlab.world.prose import story
from adaptlab.world.reading import reading_case
from adaptlab.world.recall import recall_case
from adaptlab.world.sums import problem_case, sum_case
from adaptlab.world.tone import tone_case

# In the forms of the model's training, on new names and numbers: fine-tuning can only degrade what
# the model could do.
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
PROSE = "prose"  # bits per byte of a story: less is better, unlike accuracy
NAMES = (*(skill.name for skill in SKILLS), PROSE)
N_CASES = 500
SEED = 1
FOLDER = Path("build/suite")  # where commands keep measurements

# One value per case for each skill: 1 for a correct reply, 0 for a wrong one, bits per byte for a
# story.
Values = dict[str, list[float]]


def skill_cases(skill: Ability, n: int, seed: int) -> list[Case]:
    """Return the first n cases of a skill, a pure function of the seed."""
    rng = random.Random(f"suite:{seed}:{skill.name}")
    return [skill.draw(rng, "train") for _ in range(n)]


def stories(n: int, seed: int) -> list[str]:
    rng = random.Random(f"suite:{seed}:{PROSE}")
    return [story(rng) for _ in range(n)]


def replies_judged(chat: LocalChat, skill: Ability, cases: Sequence[Case]) -> list[float]:
    """Return 1 for each correct reply and 0 for each other reply.

    One forward pass shows whether the model would give the gold answer. If other answers may be
    correct too, the other replies are generated and judged.
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
            make_processor=lambda: FiniteScores(chat.name),
        )
    )
    return [
        float(skill.judge(case, case.answer if gold else next(made)))
        for case, gold in zip(cases, golden)
    ]


@torch.inference_mode()
def bits_per_byte(chat: LocalChat, documents: Sequence[str]) -> list[float]:
    """Return -log2 p of each text, including its end mark, divided by its length in UTF-8 bytes.

    Unlike the loss per token, it is comparable between tokenizers.
    """
    rows = [
        row["input_ids"]
        for row in tokenized_documents(
            chat, documents, max_length=chat.model.config.max_position_embeddings
        )
    ]
    values = [math.nan] * len(rows)
    for group in groups(list(map(len, rows)), PASS_TOKENS):
        # Padded on the right: no token of the text attends to it.
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
    """Return a hash of every bit of the weights, which distinguishes two models of the same
    name.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + str(tensor.dtype).encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def measure_skill(chat: LocalChat, name: str, n: int, seed: int) -> list[float]:
    """Measure one skill on its first n cases, one value per case."""
    if name == PROSE:
        return bits_per_byte(chat, stories(n, seed))
    skill = next(skill for skill in SKILLS if skill.name == name)
    return replies_judged(chat, skill, skill_cases(skill, n, seed))


def run_suite(
    chat: LocalChat, n: int = N_CASES, seed: int = SEED, folder: Path | None = None
) -> Values:
    """Measure all skills on n cases each, the same cases for every model.

    With a `folder`, each skill is stored there as soon as it is measured, in a file named after the
    weights and the suite. So an interrupted suite resumes, and a model is measured once.

    Raises:
        AdaptLabError: if the model computes NaN; nothing of it is stored.
    """
    kept = folder / f"{weights_hash(chat.model)}-{n}-{seed}.json" if folder else None
    values = _kept_values(kept) if kept and kept.exists() else {}
    # Prose first: one pass over it shows soonest whether the model's numbers are finite.
    left = [name for name in sorted(NAMES, key=PROSE.__ne__) if name not in values]
    for name in progress_bar(left, few=not left, desc=f"suite of {chat.name}", unit="skill"):
        values[name] = measure_skill(chat, name, n, seed)
        if kept:
            write_whole(kept, json.dumps(values) + "\n")
    return {name: values[name] for name in NAMES}


def _kept_values(kept: Path) -> Values:
    with reading(kept, "Remove it, then run the suite again."):
        return dict(json.loads(read_text(kept)))


def estimates(values: Values) -> dict[str, Estimate]:
    """Return each skill's score with its 95% interval: accuracy, or mean bits per byte."""
    return {
        name: mean(found) if name == PROSE else proportion([bool(hit) for hit in found])
        for name, found in values.items()
    }
