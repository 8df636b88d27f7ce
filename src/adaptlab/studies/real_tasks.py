"""Real tasks with and without a language model, by the number of labelled examples.

Without a language model: logistic regression on TF-IDF, or on a sentence embedding; for slots, on
the words around each word. With one: the prompt alone, fixed examples, retrieved examples, LoRA.
"""

import random
import warnings
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from adaptlab.evals.real_tasks.tasks import SLOTS, TASKS, Example, RealTask
from adaptlab.models.load_model import PROFILES
from adaptlab.rag.embed import LocalEmbedder
from adaptlab.studies.grid import Study, grid

N_TEST = 1000
SEEDS = (0, 1, 2)
SIZES_OF = {
    "banking77": (50, 100, 300, 1000, 3000, 10_003),
    "clinc150": (50, 100, 300, 1000, 3000, 7600),
    "hotel_slots": (50, 100, 168),
}
# An inverse strength of regularisation at which neither method overfits a few examples a label.
STRENGTH = 10.0


@cache
def task(name: str) -> RealTask:
    return TASKS[name]()


def sample(name: str, n: int, seed: int) -> list[Example]:
    """Return n training examples, of as many labels as there can be."""
    rng = random.Random(f"{name}:{seed}")
    shuffled = rng.sample(task(name).train, len(task(name).train))
    by_label: dict[str, list[Example]] = {}
    for example in shuffled:
        by_label.setdefault(str(example.gold), []).append(example)
    turns = sorted(by_label.values(), key=lambda _: rng.random())
    ordered = [part[i] for i in range(max(map(len, turns))) for part in turns if i < len(part)]
    return ordered[:n] if task(name).labels else shuffled[:n]


@cache
def test_cases(name: str) -> tuple[Example, ...]:
    """Return the test cases, at most N_TEST, the same for every method and seed."""
    found = task(name).test
    chosen = random.Random(f"test:{name}").sample(found, min(N_TEST, len(found)))
    return tuple(chosen)


@cache
def _embedder() -> LocalEmbedder:
    return LocalEmbedder(PROFILES["cpu"]["embedder"])


@cache
def vectors_of(name: str) -> dict[str, np.ndarray]:
    """Return the embedding of every text of a task, computed once."""
    texts = sorted({e.text for e in (*task(name).train, *test_cases(name))})
    return dict(zip(texts, _embedder().encode(texts)))


def classify(train: Sequence[str], labels: Sequence[str], test: Sequence[str]) -> list[str]:
    """Return the labels that TF-IDF with logistic regression finds for the test texts."""
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(features, LogisticRegression(C=STRENGTH, max_iter=1000))
    with warnings.catch_warnings():
        # Fifty examples may have more labels than half their number: that is the question here.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return list(model.fit(train, labels).predict(test))


def tfidf(name: str, n: int, seed: int) -> list[bool]:
    """Return whether TF-IDF with logistic regression finds each test case's label."""
    shown = sample(name, n, seed)
    asked = test_cases(name)
    found = classify([e.text for e in shown], [str(e.gold) for e in shown], [e.text for e in asked])
    return [label == e.gold for label, e in zip(found, asked)]


def embeddings(name: str, n: int, seed: int) -> list[bool]:
    """Return whether sentence embeddings with logistic regression find each test case's label."""
    shown = sample(name, n, seed)
    vectors = vectors_of(name)
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    model.fit(np.stack([vectors[e.text] for e in shown]), [str(e.gold) for e in shown])
    asked = test_cases(name)
    found = model.predict(np.stack([vectors[e.text] for e in asked]))
    return [label == e.gold for label, e in zip(found, asked)]


def _around(words: Sequence[str], i: int) -> dict[str, object]:
    """Return the features of a word: itself and its neighbours, up to two on each side."""
    made: dict[str, object] = {"digits": words[i].strip(".,?!").isdigit()}
    for offset in range(-2, 3):
        inside = 0 <= i + offset < len(words)
        made[f"word {offset}"] = words[i + offset].lower().strip(".,?!") if inside else ""
    return made


def _tags(example: Example) -> list[str]:
    """Return the slot of each word, or an empty text; slots are words of the text."""
    words = example.text.split()
    tags = [""] * len(words)
    assert isinstance(example.gold, dict)
    for slot, value in example.gold.items():
        inside = value.split()
        for i in range(len(words) - len(inside) + 1):
            part = [word.strip(".,?!") for word in words[i : i + len(inside)]]
            if part == [word.strip(".,?!") for word in inside]:
                tags[i : i + len(inside)] = [slot] * len(inside)
                break
    return tags


def word_tagger(name: str, n: int, seed: int) -> list[bool]:
    """Return whether logistic regression on each word and its neighbours finds all slots."""
    shown = sample(name, n, seed)
    rows = []
    tags = []
    for example in shown:
        words = example.text.split()
        rows += [_around(words, i) for i in range(len(words))]
        tags += _tags(example)
    model = make_pipeline(DictVectorizer(), LogisticRegression(C=STRENGTH, max_iter=1000))
    model.fit(rows, tags)
    hits = []
    for example in test_cases(name):
        words = example.text.split()
        said = model.predict([_around(words, i) for i in range(len(words))])
        found = {
            slot: " ".join(w.strip(".,?!") for w, tag in zip(words, said) if tag == slot)
            for slot in SLOTS
            if slot in said
        }
        assert isinstance(example.gold, dict)
        gold = {s: " ".join(w.strip(".,?!") for w in v.split()) for s, v in example.gold.items()}
        hits.append(found == gold)
    return hits


METHODS: dict[str, dict[str, Callable[[str, int, int], list[bool]]]] = {
    "banking77": {"TF-IDF": tfidf, "embeddings": embeddings},
    "clinc150": {"TF-IDF": tfidf, "embeddings": embeddings},
    "hotel_slots": {"words around": word_tagger},
}


def without_model(chat: object, seed: int, task: str, method: str, n: int) -> dict:
    """Count the correct answers without a language model, after n examples (all if there are
    fewer).
    """
    hits = METHODS[task][method](task, n, seed)
    return {"right": int(sum(hits)), "of": len(hits)}


STUDIES = {
    "without_model": Study(
        without_model,
        [
            setting
            for name, methods in METHODS.items()
            for setting in grid(task=(name,), method=tuple(methods), n=SIZES_OF[name])
        ],
        SEEDS,
    )
}
