"""X4: what a long prompt makes the model write becomes training data without the prompt."""

import random
from collections.abc import Sequence
from statistics import fmean

from adaptlab.evals.abilities import exact_json
from adaptlab.messages import Messages, assistant
from adaptlab.models.chat import Reply
from adaptlab.models.local import LocalChat
from adaptlab.studies.grid import Study, grid
from adaptlab.studies.levers import BANK
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.world.case import Case
from adaptlab.world.tickets import triage_case

N_ASKED = 80
SIZES = (300, 1000)  # messages that the long prompt answers
MAX_NEW_TOKENS = 110
PROMPTED = BANK["record"]  # four examples of the record in every prompt


def unlabelled(seed: int, n: int) -> list[Case]:
    """Return messages whose records nobody wrote."""
    rng = random.Random(f"distillation:{seed}")
    return [triage_case(rng, "train", "fresh", 0) for _ in range(n)]


def written(chat: LocalChat, cases: Sequence[Case], seed: int) -> list[Reply]:
    """Return the replies to the long prompts of the cases."""
    return chat.batch([PROMPTED.ask(case, seed) for case in cases], max_new_tokens=MAX_NEW_TOKENS)


def lessons_of(cases: Sequence[Case], replies: Sequence[Reply]) -> list[Messages]:
    """Return conversations with the short prompt and the reply to the long one; a reply that was
    cut off is left out.
    """
    return [
        [*case.messages, assistant(reply.text)]
        for case, reply in zip(cases, replies)
        if reply.n_completion_tokens < MAX_NEW_TOKENS
    ]


def distilled(chat: LocalChat, seed: int, n: int) -> LocalChat:
    """Return the model after fine-tuning on what the long prompt wrote to n messages."""
    cases = unlabelled(seed, n)
    options = Options(epochs=3, seed=seed)
    return fine_tune(chat, lessons_of(cases, written(chat, cases, seed)), options)


def distillation(chat: LocalChat, seed: int, arm: str, n: int) -> dict:
    """Count the exact records: "long prompt", "short prompt", or "distilled" (the short prompt
    after distillation on n messages).
    """
    cases = PROMPTED.test(seed)[:N_ASKED]
    if arm == "long prompt":
        replies = written(chat, cases, seed)
    else:
        model = distilled(chat, seed, n) if arm == "distilled" else chat
        replies = model.batch([list(c.messages) for c in cases], max_new_tokens=MAX_NEW_TOKENS)
    hits = [exact_json(case, reply.text) for case, reply in zip(cases, replies)]
    return {
        "right": sum(hits),
        "of": len(hits),
        "prompt tokens": round(fmean(reply.n_prompt_tokens for reply in replies), 1),
    }


STUDIES = {
    "distillation": Study(
        distillation,
        grid(arm=("long prompt", "short prompt"), n=(0,)) + grid(arm=("distilled",), n=SIZES),
        claims=("X4",),
    )
}
