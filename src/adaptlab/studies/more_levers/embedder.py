"""X12: a fine-tuned embedder against a reranker, on the handbook of the shop."""

import random
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path

from adaptlab.rag.collection import Collection
from adaptlab.rag.embed import LocalEmbedder, minilm, minilm_folder
from adaptlab.rag.metrics import ranking_metrics
from adaptlab.rag.rerank import CrossEncoder, Reranked
from adaptlab.rag.retrieve import DenseRetriever, Retriever
from adaptlab.studies.arms import in_chunks
from adaptlab.studies.grid import Study, grid
from adaptlab.world.handbook import Section, handbook
from adaptlab.world.questions import Question, draw_questions

N_ASKED = 60  # questions of each kind
N_TAUGHT = 400  # pairs of a question and its section, from other handbooks
KINDS = ("name", "paraphrase")
DEPTH = 30
OTHER_BOOKS = 5000  # the first handbook to learn from


def _questions(sections: tuple[Section, ...], seed: int, n: int, split: str) -> list[Question]:
    found = []
    for kind in KINDS:
        rng = random.Random(f"embedder:{split}:{kind}:{seed}")
        found += draw_questions(rng, sections, kind, n, split)
    return found


def pairs(seed: int, n: int = N_TAUGHT) -> list[tuple[str, str]]:
    """Return questions with the text of a section that answers each, from another handbook."""
    sections = handbook(OTHER_BOOKS + seed, group="fresh")
    asked = _questions(sections, seed, n // len(KINDS), "train")
    return [(question.text, sections[min(question.gold[0])].text) for question in asked]


def tuned_embedder(seed: int, folder: Path) -> LocalEmbedder:
    """Fine-tune MiniLM on the pairs, with the other sections of a batch as negatives."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    model = SentenceTransformer(str(minilm_folder()), device="cpu")
    data = Dataset.from_dict(dict(zip(("anchor", "positive"), map(list, zip(*pairs(seed))))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        arguments = SentenceTransformerTrainingArguments(
            output_dir=str(folder / "scratch"),
            per_device_train_batch_size=16,
            num_train_epochs=2,
            learning_rate=5e-5,
            warmup_steps=0.1,
            seed=seed,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            dataloader_pin_memory=False,
            disable_tqdm=True,
        )
        SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=data,
            loss=MultipleNegativesRankingLoss(model),
        ).train()
    model.save(str(folder / "embedder"))
    return LocalEmbedder(str(folder / "embedder"))


@cache
def _ranked(seed: int, arm: str) -> tuple[tuple[float, ...], float]:
    """Return nDCG@10 of each question, and the seconds per question of the search."""
    sections = handbook(seed)
    asked = _questions(sections, seed, N_ASKED, "held_out")
    with tempfile.TemporaryDirectory() as folder:
        embedder = tuned_embedder(seed, Path(folder)) if arm.startswith("tuned") else minilm()
        collection = Collection(embedder)
        collection.add(in_chunks(sections))
        search: Retriever = DenseRetriever(collection)
        if arm.endswith("reranker"):
            search = Reranked(search, CrossEncoder(), depth=DEPTH)
        began = time.perf_counter()
        found = search.search([question.text for question in asked], k=10)
        seconds = (time.perf_counter() - began) / len(asked)
    numbers = {section.title: i for i, section in enumerate(sections)}
    rankings = [[numbers[hit.chunk.section] for hit in hits] for hits in found]
    gold = [set().union(*question.gold) for question in asked]
    values = ranking_metrics(rankings, gold, k=10)["nDCG@k"]
    return tuple(values), seconds


def embedders(chat: object, seed: int, arm: str) -> dict:
    """Return nDCG@10 of every question with MiniLM, "tuned", with a "reranker", or with both."""
    values, seconds = _ranked(seed, arm)
    return {"ndcg": [round(value, 4) for value in values], "seconds": round(seconds, 5)}


ARMS = ("as it was", "tuned", "as it was, reranker", "tuned, reranker")
STUDIES = {"embedders": Study(embedders, grid(arm=ARMS), claims=("X12",))}
