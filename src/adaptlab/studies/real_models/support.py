"""H2 on any model: the support assistant by a prompt, with retrieval, tuned, and all together."""

import random
from collections.abc import Sequence
from dataclasses import astuple

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import paired_difference
from adaptlab.messages import Messages, assistant
from adaptlab.studies.arms import SHORT, VIEWS, AssistantQuestion, asks, test_questions, transcripts
from adaptlab.studies.assistants import ARMS
from adaptlab.studies.real_models.experiment import Conditions, Experiment, Measurement, Model
from adaptlab.studies.real_models.fine_tuned import lora, n_tokens_of, tuned
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.world.handbook import handbook
from adaptlab.world.support import aspects, support_reply

STACK = "the stack"
PARTS = (
    "prompt",
    "prompt, two examples",
    "retrieval",
    "retrieval, two examples",
    "tuned on facts",
    "the stack without retrieval",
)
N_ASKED = 70
N_TRANSCRIPTS = 300
N_TIMES = 3  # questions on a fact
MAX_NEW_TOKENS = 64
ASPECTS = ("value", "source", "form", "tone")


def _on_transcripts(seed: int) -> list[Messages]:
    shown = transcripts(seed)[:N_TRANSCRIPTS]
    return [[*one.messages(SHORT), assistant(one.reply)] for one in shown]


def _on_facts(seed: int) -> list[Messages]:
    rng = random.Random(f"facts:{seed}")
    stated = dict.fromkeys(fact for section in handbook(seed) for fact in section.facts)
    made = []
    for fact in stated:
        for _ in range(N_TIMES):
            question = AssistantQuestion(fact.ask(rng, "train"), fact.value, (), frozenset())
            made.append([*question.messages(SHORT), assistant(support_reply(fact.value, 1))])
    rng.shuffle(made)
    return made


TUNINGS = {"lora": _on_transcripts, "facts": _on_facts}


def stores(model: Model, seed: int) -> dict[str, ReplyStore]:
    """Return each fine-tuned model by its method; "" is the model before fine-tuning."""
    return {"": model.store} | {
        how: tuned(model, shown(seed), lora(seed)) for how, shown in TUNINGS.items()
    }


def _questions(seed: int) -> Sequence[AssistantQuestion]:
    """Return a fixed sample of a seed's questions, with and without an answer in the handbook."""
    return random.Random(f"H2:{seed}").sample(test_questions(seed), N_ASKED)


def h2(model: Model, seed: int) -> Measurement:
    asked = _questions(seed)
    by_tuning = stores(model, seed)
    found: dict[str, list[float]] = {}
    for name in (*PARTS, STACK):
        arm = ARMS[name]
        known = model.store.base.known_roles
        prompts = [list(known(asks(arm, one, seed))) for one in asked]
        said = by_tuning[arm.tuning].replies(prompts, max_new_tokens=MAX_NEW_TOKENS, desc=name)
        shown = [VIEWS[arm.shows](one) for one in asked]
        judged = [aspects(r.text, one.value, one.gold) for r, one in zip(said, shown)]
        found[f"{name}: all four"] = [float(one.all_four) for one in judged]
        for i, aspect in enumerate(ASPECTS):
            found[f"{name}: {aspect}"] = [float(astuple(one)[i]) for one in judged]
        found[f"{name}: prompt tokens"] = [float(reply.n_prompt_tokens) for reply in said]
        found[f"{name}: reply tokens"] = [float(reply.n_completion_tokens) for reply in said]
        learned = TUNINGS[arm.tuning](seed) if arm.tuning else []
        found[f"{name}: training tokens"] = [float(n_tokens_of(model.store.base, learned))]
    return Measurement(found)


def h2_effect(found: Conditions) -> Estimate:
    """Return the stack minus its best part."""
    best = max(PARTS, key=lambda name: sum(found[f"{name}: all four"]))
    return paired_difference(found[f"{STACK}: all four"], found[f"{best}: all four"])


SUPPORT = {
    "H2": Experiment(h2, h2_effect, tuple(f"{name}: all four" for name in (*PARTS, STACK))),
}
