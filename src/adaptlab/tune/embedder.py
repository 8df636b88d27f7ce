"""Train an embedder: MiniLM on pairs of a question and the text that answers it."""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.models.precision import number_format
from adaptlab.rag.embed import minilm_folder

LEARNING_RATE = 5e-5
PAIRS_A_STEP = 16
EPOCHS = 2


def tune_embedder(
    folder: Path, pairs: Sequence[tuple[str, str]], seed: int = 0, dtype: str = ""
) -> None:
    """Train on pairs (question, text), the other texts of a batch as negatives, and save the model
    in `folder`.

    The loss is cross-entropy over the cosine similarities in the batch (Henderson et al. 2017).

    Raises:
        AdaptLabError: if there are fewer than two pairs.
    """
    if len(pairs) < 2:
        raise AdaptLabError(
            f"The training data of an embedder has {len(pairs)} pairs. Give at least 2, since the"
            " other texts of a batch are the negatives."
        )
    import torch
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = SentenceTransformer(str(minilm_folder()), device=device)
    questions, texts = map(list, zip(*pairs))
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        arguments = SentenceTransformerTrainingArguments(
            output_dir=scratch,
            per_device_train_batch_size=PAIRS_A_STEP,
            num_train_epochs=EPOCHS,
            learning_rate=LEARNING_RATE,
            warmup_steps=0.1,
            seed=seed,
            report_to="none",
            save_strategy="no",
            logging_steps=20,
            dataloader_pin_memory=False,
            bf16=number_format(device, dtype).is_bfloat16,
            use_cpu=device == "cpu",
        )
        SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict({"anchor": questions, "positive": texts}),
            loss=MultipleNegativesRankingLoss(model),
        ).train()
    model.save(str(folder))
