"""The real tasks on a language model: the prompt alone, fixed and retrieved examples, and LoRA."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from adaptlab.evals import replies as judge
from adaptlab.evals.real_tasks.tasks import SLOTS, Example, as_json
from adaptlab.messages import Messages, assistant, user
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.prompts.nearest import nearest
from adaptlab.studies.grid import Study, grid
from adaptlab.studies.real_models.fine_tuned import lora
from adaptlab.studies.real_tasks import SEEDS, sample, task, test_cases, vectors_of
from adaptlab.tune.fine_tune import fine_tune

N_ASKED = 200
N_SHOWN = 8
RATE = 5e-4  # of the adapters' runs that are recorded
LEAST_SEEN = 1500  # training examples of a run, counting repetitions
MAX_NEW_TOKENS = {True: 16, False: 48}  # of a label, and of slots


@cache
def instruction(name: str) -> str:
    """Return what a prompt says: the wanted form, and all labels if there are any."""
    if labels := task(name).labels:
        return (
            f"Name the intent of the message. Answer with one of these labels: {'; '.join(labels)}."
        )
    return (
        "Find the slots that the message states, and copy their words. Answer with a JSON object"
        f" whose keys are among: {', '.join(SLOTS)}."
    )


SHORT = "Name the intent of the message."  # for a model that learned the labels
SHORT_SLOTS = "Find the slots of the message."


def answer(example: Example) -> str:
    """Return the gold answer as a model is to write it."""
    return example.gold if isinstance(example.gold, str) else as_json(example.gold)


def prompt(lead: str, shown: Sequence[Example], text: str) -> Messages:
    """Return the instruction, the examples as turns, and the text."""
    turns = []
    for example in shown:
        turns += [user(f"Message: {example.text}"), assistant(answer(example))]
    turns.append(user(f"Message: {text}"))
    turns[0] = user(f"{lead}\n\n{turns[0]['content']}")
    return turns


def is_right(name: str, example: Example, reply: str) -> bool:
    """Whether a reply states the gold label and no other, or exactly the gold slots."""
    if isinstance(example.gold, str):
        return judge.label(reply, task(name).labels) == example.gold
    return judge.same_content(judge.json_object(reply), example.gold)


def retrieved(name: str, shown: Sequence[Example], text: str, k: int = N_SHOWN) -> list[Example]:
    """Return the k examples with the most similar embeddings, the most similar last."""
    vectors = vectors_of(name)
    learned = np.stack([vectors[example.text] for example in shown])
    (found,) = nearest(shown, learned, vectors[text][None], k)
    return found


def _n_right(chat: LocalChat, name: str, prompts: Sequence[Messages]) -> int:
    """Count the correct replies to the test cases' prompts."""
    asked = test_cases(name)[:N_ASKED]
    limit = MAX_NEW_TOKENS[bool(task(name).labels)]
    said = texts(chat, list(prompts), max_new_tokens=limit)
    return sum(is_right(name, example, reply) for example, reply in zip(asked, said))


@cache
def _zero_shot(chat: LocalChat, name: str) -> int:
    """Count the correct replies without examples: the same for every seed."""
    asked = test_cases(name)[:N_ASKED]
    return _n_right(chat, name, [prompt(instruction(name), [], e.text) for e in asked])


def _lora(chat: LocalChat, name: str, shown: Sequence[Example], seed: int) -> int:
    """Count the correct replies after fine-tuning an adapter on the examples."""
    lead = SHORT if task(name).labels else SHORT_SLOTS
    learned = [[*prompt(lead, [], e.text), assistant(answer(e))] for e in shown]
    options = lora(seed, learning_rate=RATE, epochs=max(1, math.ceil(LEAST_SEEN / len(shown))))
    tuned = fine_tune(chat, learned, options)
    asked = test_cases(name)[:N_ASKED]
    return _n_right(tuned, name, [prompt(lead, [], e.text) for e in asked])


def with_model(chat: LocalChat, seed: int, task: str, method: str, n: int) -> dict:
    """Count the correct answers of a model: "zero-shot", "few-shot", "retrieved examples" or
    "LoRA" with n training examples.
    """
    asked = test_cases(task)[:N_ASKED]
    shown = sample(task, n, seed) if n else []
    if method == "zero-shot":
        n_right = _zero_shot(chat, task)
    elif method == "LoRA":
        n_right = _lora(chat, task, shown, seed)
    else:
        retrieves = method == "retrieved examples"
        chosen = [retrieved(task, shown, e.text) if retrieves else shown[:N_SHOWN] for e in asked]
        prompts = [prompt(instruction(task), c, e.text) for c, e in zip(chosen, asked)]
        n_right = _n_right(chat, task, prompts)
    return {"right": n_right, "of": len(asked)}


SIZES = {"banking77": (300, 1000), "clinc150": (300, 1000), "hotel_slots": (50, 168)}


def _grid() -> list[dict]:
    """Return the settings, the cheap ones first: an interrupted study has something of each."""
    of_tasks: list[dict] = []
    for method, n in (("zero-shot", 0), ("few-shot", N_SHOWN)):
        of_tasks += grid(task=tuple(SIZES), method=(method,), n=(n,))
    for sizes in zip(*SIZES.values()):
        for method in ("LoRA", "retrieved examples"):
            for name, n in zip(SIZES, sizes):
                of_tasks += grid(task=(name,), method=(method,), n=(n,))
    return of_tasks


STUDIES = {"real_tasks": Study(with_model, _grid(), SEEDS, for_real_models=True)}
