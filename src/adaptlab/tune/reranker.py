"""Train a reranker: MiniLM as a cross-encoder, with a LoRA adapter, on lists of texts."""

import json
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from adaptlab.files import make_folder, write_whole
from adaptlab.models.load_model import name_base
from adaptlab.models.precision import number_format
from adaptlab.rag.embed import MINILM, minilm_folder
from adaptlab.rag.rerank import MAX_TOKENS

RANK = 16
LEARNING_RATE = 1e-3
LISTS_A_STEP = 8


def tune_reranker(folder: Path, lists: Sequence[dict], seed: int = 0, dtype: str = "") -> None:
    """Train the adapter and save it in `folder` with a record of the run, training.json.

    A list has a "query", its "docs" and their "labels": a higher label is a better answer.
    """
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from sentence_transformers.cross_encoder import (
        CrossEncoder,
        CrossEncoderTrainer,
        CrossEncoderTrainingArguments,
    )
    from sentence_transformers.cross_encoder.losses import ListNetLoss

    device = "cuda" if torch.cuda.is_available() else "cpu"
    is_bfloat16 = number_format(device, dtype).is_bfloat16
    make_folder(folder)
    model = CrossEncoder(str(minilm_folder()), num_labels=1, max_length=MAX_TOKENS)
    model.add_adapter(
        LoraConfig(
            r=RANK,
            lora_alpha=2 * RANK,
            target_modules=["query", "key", "value", "dense"],
            modules_to_save=["classifier"],
            task_type="SEQ_CLS",
        )
    )
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        arguments = CrossEncoderTrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=LISTS_A_STEP,
            num_train_epochs=1,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="cosine",
            warmup_steps=0.1,
            seed=seed,
            report_to="none",
            save_strategy="no",
            logging_steps=20,
            dataloader_pin_memory=False,
            bf16=is_bfloat16,
            use_cpu=device == "cpu",
        )
        CrossEncoderTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list(list(lists)),
            loss=ListNetLoss(model),
        ).train()
    model.transformers_model.save_pretrained(folder)
    name_base(folder, MINILM)
    record = {"lists": len(lists), "seed": seed, "seconds": round(time.perf_counter() - began)}
    write_whole(folder / "training.json", json.dumps(record, indent=1) + "\n")
