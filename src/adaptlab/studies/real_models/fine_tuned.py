"""Fine-tuned models whose replies are kept: a run whose replies are all kept is not made again."""

import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from adaptlab.messages import Messages, assistant
from adaptlab.models.local import LocalChat
from adaptlab.studies.real_models.experiment import Model
from adaptlab.studies.real_models.forms import Form, Item, Task, build
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.tune.data_hash import data_hash
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import DEFAULTS, Options

# Chosen with SmolLM2 on development cases of the desks (300 examples, 4 epochs: 91 of 100 correct;
# with 5e-4 and 2 epochs the model learned the labels' names, and which is correct stayed a guess).
LORA_RATE = 2e-3
FULL_RATE = 5e-5
RUNS = "runs"  # where adapters are kept, so that a killed run resumes


def lora(seed: int, **options) -> Options:
    """Return the ordinary options of an adapter on a real model."""
    defaults = {"learning_rate": LORA_RATE, "batch_size": 8, "rank": 16, "alpha": 32}
    return Options(**{**defaults, "seed": seed, **options})


def in_full(seed: int, **options) -> Options:
    """Return the ordinary options of full fine-tuning on a real model."""
    defaults = {"method": "full", "learning_rate": FULL_RATE, "batch_size": 8}
    return Options(**{**defaults, "seed": seed, **options})


ALONE = Form("user", 0)  # the form in which a fine-tuned model learns its task


def bare(task: Task, item: Item) -> Messages:
    """Return the prompt of a fine-tuned model: the instruction and the text, without examples."""
    prompt = build(task, ALONE, item, ())
    assert not isinstance(prompt, str)
    return prompt


def conversation(task: Task, item: Item) -> Messages:
    return [*bare(task, item), assistant(item.answer)]


def taught(task: Task, rng: random.Random, n: int) -> list[Messages]:
    """Return n training conversations of a task."""
    return [conversation(task, item) for item in task.draw(rng, n)]


def n_tokens_of(base: LocalChat, talks: Sequence[Messages]) -> int:
    """Return the number of tokens of conversations in the model's template."""
    texts = [base.template.render(base.known_roles(talk)) for talk in talks]
    ids = base.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    return sum(map(len, ids))


def tuned(
    model: Model,
    conversations: Sequence[Messages],
    options: Options,
    documents: Sequence[str] = (),
    validation: Sequence[Messages] = (),
    start: ReplyStore | None = None,
) -> ReplyStore:
    """Return the model after a fine-tuning run, which starts when the model is first asked.

    `start` is a model of an earlier run. An adapter is kept and its run resumes; a fully fine-tuned
    model is not kept, only its replies.
    """
    base = start or model.store
    settings = asdict(options)
    if options.targets == DEFAULTS.targets:  # replies kept before there was this option stay valid
        del settings["targets"]
    described = f"{sorted(settings.items())}"
    data = data_hash(conversations, validation, documents)
    keep_in: Path | str = base.path.parent / RUNS if options.method == "lora" else ""

    def make() -> LocalChat:
        # Weights as loaded for inference may be in bfloat16: training needs float32 masters.
        first = start.chat if start else LocalChat(base.base.name, dtype="float32")
        made = fine_tune(
            first, conversations, replace(options, dtype=""), validation, documents, keep_in
        )
        made.model.to(base.base.model.dtype)
        return made

    read = base.base.tokenizer(list(documents), add_special_tokens=False) if documents else {}
    n_read = sum(map(len, read.get("input_ids", ())))
    n_tokens = n_read + n_tokens_of(base.base, conversations)
    return base.variant(f"{described} {data}", make, round(n_tokens * options.epochs))
