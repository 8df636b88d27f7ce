"""The three levers on one question: facts about new customers, by a prompt, by retrieval and by
fine-tuning.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import proportion
from adaptlab.messages import Messages, assistant, data, system, user
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.rag.embed import embed
from adaptlab.rag.faiss_index import FaissIndex
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.world import entities, recall, relations

CITY = relations.RELATIONS["city"]
INSTRUCTION = system("Answer from the context and give the number of the chunk.")


@dataclass(frozen=True)
class Customers:
    """New customers, whom no model has read about: a fact about each, a note that states it, and
    the question in two wordings.

    `asked_again` has wordings that fine-tuning does not train on. `other_notes` are about other
    customers.
    """

    facts: tuple[entities.Fact, ...]
    notes: tuple[str, ...]
    questions: tuple[str, ...]
    asked_again: tuple[str, ...]
    other_notes: tuple[str, ...]


def new_customers(n: int = 24, n_others: int = 300, seed: int = 7) -> Customers:
    rng = random.Random(seed)
    names = rng.sample(entities.subjects("person", "new"), n)
    facts = tuple(entities.Fact(name, "city", rng.choice(CITY.values)) for name in names)
    questions = tuple(fact.ask(rng, "train") for fact in facts)
    notes = tuple(fact.state(rng, "train") for fact in facts)
    others = [entities.invent_fact(rng, "person", "fresh") for _ in range(n_others)]
    other_notes = tuple(fact.state(rng, "train") for fact in others)
    asked_again = tuple(fact.ask(rng, "held_out") for fact in facts)
    return Customers(facts, notes, questions, asked_again, other_notes)


@dataclass(frozen=True)
class Answers:
    """The replies to the questions, and the seconds of the whole: training or indexing included."""

    replies: tuple[str, ...]
    correct: tuple[bool, ...]
    seconds: float

    @property
    def accuracy(self) -> Estimate:
        return proportion(list(self.correct))

    @property
    def errors(self) -> list[int]:
        """The numbers of the questions with a wrong answer."""
        return [i for i, correct in enumerate(self.correct) if not correct]


def _answers(customers: Customers, replies: Sequence[str], began: float) -> Answers:
    correct = tuple(fact.value in reply for fact, reply in zip(customers.facts, replies))
    return Answers(tuple(replies), correct, time.perf_counter() - began)


def by_prompt(chat: LocalChat, customers: Customers, instruction: str) -> Answers:
    """Ask with a system prompt and nothing else."""
    began = time.perf_counter()
    prompts = [[system(instruction), user(question)] for question in customers.questions]
    return _answers(customers, texts(chat, prompts), began)


def by_retrieval(chat: LocalChat, customers: Customers, k: int = 4) -> tuple[Answers, list[str]]:
    """Ask with the k most similar notes in the prompt; returns the notes of each question, too."""
    began = time.perf_counter()
    notes = [*customers.notes, *customers.other_notes]
    vectors = embed(notes)
    index = FaissIndex(dimension=vectors.shape[1])
    index.add(range(len(notes)), vectors)
    nearest, _ = index.search(embed(customers.questions), k=k)
    contexts = []
    for row in nearest:
        contexts.append("\n".join(f"[{i}] {notes[n]}" for i, n in enumerate(row, 1)))
    prompts = [
        [INSTRUCTION, data(context), user(question)]
        for context, question in zip(contexts, customers.questions)
    ]
    return _answers(customers, texts(chat, prompts), began), contexts


def lessons_about(customers: Customers, n_each: int) -> list[Messages]:
    """Return training conversations: n_each wordings of each question, with the answer."""
    wordings = CITY.questions.train
    return [
        [user(wordings[i % len(wordings)].format(n=fact.subject)), assistant(fact.value)]
        for fact in customers.facts
        for i in range(n_each)
    ]


def by_fine_tuning(
    chat: LocalChat,
    customers: Customers,
    n_each: int = 30,
    epochs: int = 2,
    keep_in: str = "",
) -> tuple[Answers, LocalChat]:
    """Train a LoRA adapter on the facts, then ask in wordings that are not in its data; returns
    the fine-tuned model, too.

    `keep_in`: a folder from which a finished training run is taken.
    """
    began = time.perf_counter()
    options = Options(epochs=epochs, batch_size=32)
    tuned = fine_tune(chat, lessons_about(customers, n_each), options, keep_in=keep_in)
    replies = texts(tuned, [[user(question)] for question in customers.asked_again])
    return _answers(customers, replies, began), tuned


def about_known_people(chat: LocalChat, n: int = 100, seed: int = 8) -> Estimate:
    """Return the accuracy on facts that were in the model's pretraining data."""
    rng = random.Random(seed)
    cases = [recall.recall_case(rng, "train", "known", "person") for _ in range(n)]
    replies = texts(chat, [list(case.messages) for case in cases])
    return proportion([case.answer in reply for case, reply in zip(cases, replies)])
