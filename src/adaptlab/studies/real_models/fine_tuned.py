"""Fine-tuned models whose replies are kept: a run whose replies are all kept is not made again."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from adaptlab.messages import Messages
from adaptlab.models.local import LocalChat
from adaptlab.studies.real_models.experiment import Model
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.tune.data_hash import data_hash
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options

# For a pretrained model; the embedded models, which are a hundred times smaller, take higher rates.
LORA_RATE = 5e-4
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


def tuned(
    model: Model,
    conversations: Sequence[Messages],
    options: Options,
    documents: Sequence[str] = (),
) -> ReplyStore:
    """Return the model after a fine-tuning run, which starts when the model is first asked.

    An adapter is kept and its run resumes; a fully fine-tuned model is not kept, only its replies.
    """
    base = model.store
    described = f"{sorted(asdict(options).items())}"
    data = data_hash(conversations, (), documents)
    keep_in: Path | str = base.path.parent / RUNS if options.method == "lora" else ""

    def make() -> LocalChat:
        # Weights as loaded for inference may be in bfloat16: training needs float32 masters.
        start = LocalChat(base.base.name, dtype="float32")
        made = fine_tune(
            start, conversations, replace(options, dtype=""), (), documents, keep_in=keep_in
        )
        made.model.to(base.base.model.dtype)
        return made

    texts = [*map(base.base.template.render, conversations), *documents]
    ids = base.base.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    n_tokens = round(sum(map(len, ids)) * options.epochs)
    return base.variant(f"{described} {data}", make, n_tokens)
