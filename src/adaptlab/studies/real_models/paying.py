"""F5 and H6 on any model: what a query costs with the best prompt and after fine-tuning."""

import random
from os.path import commonprefix

from adaptlab.decide.costs import Usage, query_cost
from adaptlab.decide.need import Lever
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean
from adaptlab.studies.real_models.experiment import Conditions, Experiment, Measurement, Model, N
from adaptlab.studies.real_models.fine_tuned import ALONE, bare
from adaptlab.studies.real_models.forms import Form, ask, build, task_shots
from adaptlab.studies.real_models.house_tasks import PROMPTED_RECORD, TUNED_RECORD, ticket_items
from adaptlab.studies.real_models.tuning import record_model

CACHED = 0.1  # of the price
FOUR = Form("user", 4, as_turns=True)


def _ids(model: Model, messages) -> list[int]:
    chat = model.store.base
    text = messages if isinstance(messages, str) else chat.render(messages)
    return chat.tokenizer(text, add_special_tokens=False)["input_ids"]


def f5(model: Model, seed: int) -> Measurement:
    """The prompt tokens of a record with four examples, cached as vendors bill, and after
    fine-tuning.
    """
    items = ticket_items(random.Random(f"F1:{seed}"), N)
    shots = task_shots(PROMPTED_RECORD)
    long = [_ids(model, build(PROMPTED_RECORD, FOUR, item, shots)) for item in items]
    short = [_ids(model, bare(TUNED_RECORD, item)) for item in items]
    shared = len(commonprefix(long))
    return Measurement(
        {
            "four examples: tokens": [float(len(ids)) for ids in long],
            "four examples: tokens as paid": [len(ids) - (1 - CACHED) * shared for ids in long],
            "tuned: tokens": [float(len(ids)) for ids in short],
        }
    )


def f5_effect(found: Conditions) -> Estimate:
    pairs = zip(found["four examples: tokens as paid"], found["tuned: tokens"])
    return mean([paid / short for paid, short in pairs])


def h6(model: Model, seed: int) -> Measurement:
    """The money for a query, from the tokens of prompts and replies of F1's records."""
    items = ticket_items(random.Random(f"F1:{seed}"), N)
    sides = {
        Lever.PROMPT: (model.store, PROMPTED_RECORD, model.form(PROMPTED_RECORD)),
        Lever.TUNE: (record_model(model, seed), TUNED_RECORD, ALONE),
    }
    found = {}
    for lever, (store, task, form) in sides.items():
        _, said = ask(store, task, form, items)
        usages = [Usage(reply.n_prompt_tokens, reply.n_completion_tokens) for reply in said]
        found[f"{lever}: money"] = [query_cost(lever, usage) for usage in usages]
    return Measurement(found)


def h6_effect(found: Conditions) -> Estimate:
    """Return the ratio of the mean costs: the middle seed, and the range of the seeds."""
    ratios = []
    for start in range(0, len(found["prompt: money"]), N):
        part = slice(start, start + N)
        prompt, tuned = (sum(found[f"{lever}: money"][part]) for lever in ("prompt", "fine-tune"))
        ratios.append(prompt / tuned if tuned else 0.0)
    ratios.sort()
    return Estimate(ratios[len(ratios) // 2], ratios[0], ratios[-1], len(ratios))


PAYING = {"F5": Experiment(f5, f5_effect), "H6": Experiment(h6, h6_effect)}
