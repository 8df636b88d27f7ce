"""X1 and X3: desks of reviews by the number of labelled examples, with and without a language
model.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from sklearn.linear_model import LogisticRegression

from adaptlab.evals import replies as judge
from adaptlab.messages import Messages
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.prompts.layouts import LAYOUTS
from adaptlab.prompts.nearest import nearest
from adaptlab.prompts.patterns import few_shot
from adaptlab.rag.embed import minilm
from adaptlab.studies.grid import Study, grid
from adaptlab.studies.real_tasks import STRENGTH, classify
from adaptlab.studies.tuning import judged, learn, test_cases, train_cases
from adaptlab.world.case import Case
from adaptlab.world.house import DESKS

N_ASKED = 100
N_SHOWN = 8
SIZES = (30, 100, 300)
DESK_NAMES = tuple(dict.fromkeys(DESKS.values()))


def review_of(case: Case) -> str:
    """Return the review in a case's question."""
    return case.messages[0]["content"].partition(": ")[2]


@cache
def vectors(kind: str, n: int, seed: int) -> np.ndarray:
    """Return the embeddings of the first n reviews of a "train" or "test" set, (n, d)."""
    cases = train_cases("desk", n, seed) if kind == "train" else test_cases("desk", n, seed)
    return minilm().encode([review_of(case) for case in cases])


def similar_to(seed: int, n: int, k: int = N_SHOWN) -> list[list[Case]]:
    """Return for each test case the k most similar of n examples, the most similar last."""
    examples = train_cases("desk", n, seed)
    return nearest(examples, vectors("train", n, seed), vectors("test", N_ASKED, seed), k)


def prompt(shown: Sequence[Case], case: Case) -> Messages:
    """Return a prompt with labelled examples and the review to label."""
    examples = [(review_of(one), one.answer) for one in shown]
    return few_shot("Sort the text.", examples, review_of(case), LAYOUTS["Text/Label"])


def _prompted(chat: LocalChat, cases: Sequence[Case], shown: Sequence[Sequence[Case]]) -> list:
    prompts = [prompt(examples, case) for examples, case in zip(shown, cases)]
    said = texts(chat, prompts, max_new_tokens=8)
    return [judge.label(reply, DESK_NAMES) == case.answer for reply, case in zip(said, cases)]


def by_examples(chat: LocalChat, seed: int, method: str, n: int) -> dict:
    """Count the correct desks: "TF-IDF" or "embeddings" with logistic regression, "examples" (the
    first 8 in the prompt), "retrieved" (the 8 most similar of n), or "LoRA" on all n.
    """
    examples, cases = train_cases("desk", n, seed), test_cases("desk", N_ASKED, seed)
    gold = [case.answer for case in cases]
    if method == "TF-IDF":
        reviews = [review_of(case) for case in examples]
        found = classify(reviews, [case.answer for case in examples], [review_of(c) for c in cases])
        hits = [label == answer for label, answer in zip(found, gold)]
    elif method == "embeddings":
        model = LogisticRegression(C=STRENGTH, max_iter=1000)
        model.fit(vectors("train", n, seed), [case.answer for case in examples])
        hits = list(model.predict(vectors("test", N_ASKED, seed)) == gold)
    elif method == "examples":
        hits = _prompted(chat, cases, [examples[:N_SHOWN]] * len(cases))
    elif method == "retrieved":
        hits = _prompted(chat, cases, similar_to(seed, n))
    else:
        hits = judged(learn(chat, examples, seed), "desk", cases)
    return {"right": int(sum(hits)), "of": len(hits)}


STUDIES = {
    "by_examples": Study(
        by_examples,
        grid(method=("TF-IDF", "embeddings", "retrieved", "LoRA"), n=SIZES)
        + grid(method=("examples",), n=(N_SHOWN,)),
        claims=("X1", "X3"),
    )
}
