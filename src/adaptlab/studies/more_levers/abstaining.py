"""X8: abstention before and after fine-tuning, by the share of abstentions in the data."""

import random

from adaptlab.evals.abilities import says_absent
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.studies.grid import Study, grid
from adaptlab.studies.tuning import conversation
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.world.case import Case
from adaptlab.world.reading import reading_case

N_ASKED = 100
N_TAUGHT = 300
SHARES = (0.0, 0.05, 0.2)  # of the training examples
UNTRAINED = -1.0


def reading_cases(rng: random.Random, n: int, split: str, answerable: bool) -> list[Case]:
    """Return questions on three chunks; none of the chunks answers an unanswerable one."""
    group = "fresh" if split == "train" else "new"
    return [
        reading_case(rng, split, group, n_chunks=3, answerable=answerable, use_data_role=True)
        for _ in range(n)
    ]


def training_cases(seed: int, share: float) -> list[Case]:
    """Return N_TAUGHT questions, of which a share has an abstention as its answer."""
    rng = random.Random(f"abstention:{seed}")
    n_absent = round(share * N_TAUGHT)
    cases = reading_cases(rng, N_TAUGHT - n_absent, "train", True)
    cases += reading_cases(rng, n_absent, "train", False)
    rng.shuffle(cases)
    return cases


def abstention(chat: LocalChat, seed: int, share: float) -> dict:
    """Count the abstentions on unanswerable questions (`right`) and the correct answers on
    answerable ones; a `share` below 0 is the model before training.
    """
    model = chat
    if share >= 0:
        examples = [conversation(case) for case in training_cases(seed, share)]
        model = fine_tune(chat, examples, Options(epochs=3, seed=seed))
    rng = random.Random(f"abstention asked:{seed}")
    absent = reading_cases(rng, N_ASKED, "held_out", False)
    present = reading_cases(rng, N_ASKED, "held_out", True)
    said = texts(model, [list(c.messages) for c in [*absent, *present]], max_new_tokens=16)
    correct = [reply == case.answer for case, reply in zip(present, said[N_ASKED:])]
    return {
        "right": sum(says_absent(case, reply) for case, reply in zip(absent, said)),
        "of": N_ASKED,
        "answered": sum(correct),
        "of answerable": N_ASKED,
    }


STUDIES = {"abstention": Study(abstention, grid(share=(UNTRAINED, *SHARES)), claims=("X8",))}
