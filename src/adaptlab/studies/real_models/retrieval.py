"""R1, R2, R6 to R8 and R10 to R12 on any model: questions on a handbook that no model has seen."""

import random
import tempfile
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from adaptlab.evals import replies as judge
from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import difference_of_proportions, paired_difference, proportion
from adaptlab.messages import system, user
from adaptlab.models.load_model import PROFILES
from adaptlab.rag.answer import citations, without_citations
from adaptlab.rag.chunk import Chunk, chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.embed import LocalEmbedder
from adaptlab.rag.fuse import reciprocal_rank_fusion
from adaptlab.rag.loaders import load
from adaptlab.rag.retrieve import DenseRetriever
from adaptlab.studies.real_models.experiment import (
    Conditions,
    Experiment,
    Measurement,
    Model,
    N,
    difference,
    share,
)
from adaptlab.studies.real_models.forms import Item, Task, ask, n_cut
from adaptlab.studies.real_models.prompting import RULES, states_value
from adaptlab.world import handbook, reading
from adaptlab.world.entities import Fact
from adaptlab.world.questions import Question, draw_questions
from adaptlab.world.relations import RELATIONS

N_CHUNKS = 4
DEVELOPMENT = 1000  # a handbook of which no question is a test case
ABSENT = "The notes do not say."


@dataclass(frozen=True)
class Handbook:
    """A handbook, cut and indexed."""

    sections: tuple[handbook.Section, ...]
    chunks: tuple[Chunk, ...]
    retriever: DenseRetriever

    def ask(self, kind: str, n: int, key: str) -> list[Question]:
        return draw_questions(random.Random(key), self.sections, kind, n, "train")

    def right_chunk(self, question: Question) -> Chunk:
        title = self.sections[min(question.gold[0])].title
        return next(piece for piece in self.chunks if piece.section == title)


@lru_cache
def indexed(seed: int, group: str = "new") -> Handbook:
    """Return the handbook of a seed, about subjects of a group, with its index."""
    sections = handbook.handbook(seed, group=group)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "handbook.md"
        path.write_text(handbook.to_markdown(sections), encoding="utf-8")
        chunks = chunk([load(path)], size=1000, overlap=0)
    collection = Collection(LocalEmbedder(PROFILES["cpu"]["embedder"]))
    collection.add(chunks)
    return Handbook(sections, tuple(chunks), DenseRetriever(collection))


def notes(chunks) -> str:
    """Return chunks as numbered notes."""
    return "\n".join(
        f"[{i}] {' '.join(piece.in_context().split())}" for i, piece in enumerate(chunks, 1)
    )


def item_of(question: Question, chunks, answer: str = "") -> Item:
    text = f"{notes(chunks)}\nQuestion: {question.text}"
    if not question.facts:
        return Item(text, answer or ABSENT, {"relation": "", "absent": True})
    fact = question.facts[0]
    fields = {"value": fact.value, "relation": fact.relation, "absent": False}
    return Item(text, answer or fact.value, fields)


def found_chunks(book: Handbook, asked, k: int = N_CHUNKS) -> list[list[Chunk]]:
    hits = book.retriever.search([question.text for question in asked], k=k)
    return [[hit.chunk for hit in found] for found in hits]


def _reading_items(rng: random.Random, n: int) -> list[Item]:
    book = indexed(DEVELOPMENT)
    asked = book.ask("name", n, f"reading:{rng.random()}")
    return [item_of(question, chunks) for question, chunks in zip(asked, found_chunks(book, asked))]


def _abstaining_items(rng: random.Random, n: int) -> list[Item]:
    """Answerable and unanswerable questions in turn."""
    book = indexed(DEVELOPMENT)
    key = f"abstaining:{rng.random()}"
    answerable = book.ask("name", n, key)
    absent = book.ask("unanswerable", n, key)
    asked = [(absent if i % 2 else answerable)[i] for i in range(n)]
    items = []
    for question, chunks in zip(asked, found_chunks(book, asked)):
        items.append(item_of(question, chunks))
    return items


def _citing_items(rng: random.Random, n: int) -> list[Item]:
    book = indexed(DEVELOPMENT)
    asked = book.ask("name", n, f"citing:{rng.random()}")
    items = []
    for question, found in zip(asked, found_chunks(book, asked)):
        chunks = rng.sample(found, len(found))
        item = item_of(question, chunks)
        right = stating(chunks, question.facts[0])
        shown = f"{item.answer} [{min(right)}]" if right else ABSENT
        items.append(replace(item, answer=shown, fields=item.fields | {"stating": right}))
    return items


def stating(chunks, fact: Fact) -> set[int]:
    """Return the numbers of the chunks that name the subject and state the value."""
    return {
        i
        for i, piece in enumerate(chunks, 1)
        if fact.subject in piece.in_context() and judge.stated(piece.in_context(), [fact.value])
    }


def reads(item: Item, reply: str) -> bool:
    """Whether a reply states the value and no other value of its relation."""
    return states_value(reply, item.fields["value"], item.fields["relation"])


def says_absent(item: Item, reply: str) -> bool:
    """Whether a reply abstains, and states no value of the relation."""
    text = without_citations(reply)
    candidates = _values(item)
    if "notes do not" in judge.normalise(text):
        return not judge.stated(text, candidates)
    return judge.abstains(text, candidates)


def _reads_or_abstains(item: Item, reply: str) -> bool:
    return says_absent(item, reply) if item.fields["absent"] else reads(item, reply)


def _cites(item: Item, reply: str) -> bool:
    cited = set(citations(reply))
    return reads(item, reply) and bool(cited) and cited <= item.fields["stating"]


READING = Task(
    "reading notes",
    "Answer the question from the notes. Answer with the value only.",
    _reading_items,
    reads,
    max_new_tokens=24,
    input_name="Notes",
    ks=(0, 2),
)
ABSTAINING = Task(
    "reading notes or abstaining",
    "Answer the question from the notes. Answer with the value only. If the notes do not state it,"
    f" answer: {ABSENT}",
    _abstaining_items,
    _reads_or_abstains,
    max_new_tokens=24,
    input_name="Notes",
    ks=(0, 2, 4),
    group=lambda item: item.fields["absent"],
)
CITING = Task(
    "reading notes and citing",
    "Answer the question from the notes. Answer with the value and the number of the note that"
    " states it, for example: blue [3]",
    _citing_items,
    _cites,
    max_new_tokens=24,
    input_name="Notes",
    ks=(0, 2),
)


def r1(model: Model, seed: int) -> Measurement:
    book = indexed(seed)
    asked = book.ask("name", N, f"R1:{seed}")
    form = model.form(READING)
    closed = model.store.replies(
        [[user(f"{q.text} Answer with the value only.")] for q in asked],
        max_new_tokens=24,
        desc="closed book",
    )
    retrieved = [item_of(q, chunks) for q, chunks in zip(asked, found_chunks(book, asked))]
    oracle = [item_of(q, [book.right_chunk(q)]) for q in asked]
    open_hits, said = ask(model.store, READING, form, retrieved)
    oracle_hits, _ = ask(model.store, READING, form, oracle)
    found = {
        "closed book": [
            float(states_value(r.text, q.facts[0].value, q.facts[0].relation))
            for r, q in zip(closed, asked)
        ],
        "retrieved": [float(hit) for hit in open_hits],
        "the right section": [float(hit) for hit in oracle_hits],
    }
    return Measurement(found, {"form": form.name, "cut off": n_cut(said, READING.max_new_tokens)})


def r2(model: Model, seed: int) -> Measurement:
    """The only note is about another subject; the instruction lets the model abstain."""
    book = indexed(seed)
    asked = book.ask("name", N, f"R1:{seed}")
    form = model.form(ABSTAINING)
    wrong = []
    for question, chunks in zip(asked, found_chunks(book, asked, 12)):
        subject = question.facts[0].subject
        wrong.append(next(c for c in chunks if subject not in c.in_context()))
    items = [item_of(q, [piece]) for q, piece in zip(asked, wrong)]
    right = [item_of(q, [book.right_chunk(q)]) for q in asked]
    _, said = ask(model.store, ABSTAINING, form, items)
    hits, _ = ask(model.store, replace(ABSTAINING, judge=reads, name="the right note"), form, right)
    found = {
        "states a value": [
            float(bool(judge.stated(without_citations(r.text), _values(i))))
            for r, i in zip(said, items)
        ],
        "abstains": [float(says_absent(i, r.text)) for r, i in zip(said, items)],
        "right note: correct": [float(hit) for hit in hits],
    }
    return Measurement(found, {"form": form.name})


def _values(item: Item) -> tuple[str, ...]:
    """Return the candidates: the values of the relation that is asked for, or of all relations."""
    if item.fields["relation"]:
        return RELATIONS[item.fields["relation"]].values
    return tuple({value for relation in RELATIONS.values() for value in relation.values})


def r6(model: Model, seed: int) -> Measurement:
    """The section among the first three, by the question and by three versions of it."""
    book = indexed(seed)
    asked = book.ask("paraphrase", N, f"R6:{seed}")
    prompt = "Write this question in other words, in one line. Answer with the new question only."
    versions: list[list[str]] = [[q.text] for q in asked]
    for number in range(2):
        said = model.store.replies(
            [[user(f"{prompt}\n\n{q.text}")] for q in asked],
            max_new_tokens=40,
            temperature=0.7,
            seed=1000 * seed + number,
            desc="in other words",
        )
        for row, reply in zip(versions, said):
            lines = reply.text.strip().splitlines()
            row.append(lines[0] if lines else row[0])
    found: dict[str, list[float]] = {"the question": [], "three versions": []}
    for question, row in zip(asked, versions):
        hits = book.retriever.search(row, k=10)
        gold = {book.sections[i].title for i in question.gold[0]}
        alone = [hit.chunk.section for hit in hits[0][:3]]
        fused = [hit.chunk.section for hit in reciprocal_rank_fusion(hits)[:3]]
        found["the question"].append(float(bool(gold & set(alone))))
        found["three versions"].append(float(bool(gold & set(fused))))
    return Measurement(found, {"first rewriting": versions[0][1]})


def r7(model: Model, seed: int) -> Measurement:
    book = indexed(seed)
    form = model.form(ABSTAINING)
    found = {}
    for name, kind in {"unanswerable": "unanswerable", "answerable": "name"}.items():
        asked = book.ask(kind, N, f"R7:{seed}")
        items = [item_of(q, chunks) for q, chunks in zip(asked, found_chunks(book, asked))]
        _, said = ask(model.store, ABSTAINING, form, items)
        found[f"{name}: abstains"] = [float(says_absent(i, r.text)) for i, r in zip(items, said)]
        if name == "answerable":
            found["answerable: correct"] = [float(reads(i, r.text)) for i, r in zip(items, said)]
    return Measurement(found, {"form": form.name})


def r7_effect(found: Conditions) -> Estimate:
    """Return the difference of two independent shares."""
    lost, kept = (
        [bool(hit) for hit in found[f"{name}: abstains"]] for name in ("unanswerable", "answerable")
    )
    return difference_of_proportions(lost, kept)


def r8(model: Model, seed: int) -> Measurement:
    """A changed file, indexed again, and the answer from the new text."""
    rng = random.Random(f"R8:{seed}")
    sections = handbook.handbook(seed)
    collection = Collection(LocalEmbedder(PROFILES["cpu"]["embedder"]))
    form = model.form(READING)
    found: dict[str, list[float]] = {"answered anew": [], "within a second": []}
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "handbook.md"
        text = handbook.to_markdown(sections)
        path.write_text(text, encoding="utf-8")
        collection.add(chunk([load(path)], 1000, 0))
        retriever = DenseRetriever(collection)
        products = [section for section in sections if section.kind == "product"]
        for section in rng.sample(products, 25):
            old = next(fact for fact in section.facts if fact.relation == "colour")
            others = [c for c in RELATIONS["colour"].values if c != old.value]
            new = Fact(old.subject, old.relation, rng.choice(others))
            question = Question(old.ask(rng, "train"), "name", (new,), (frozenset(),))
            began = time.perf_counter()
            changed = section.text.replace(f" {old.value}", f" {new.value}")
            changed = changed.replace(old.value.capitalize(), new.value.capitalize())
            text = text.replace(section.text, changed)
            path.write_text(text, encoding="utf-8")
            collection.update(chunk([load(path)], 1000, 0))
            chunks = [hit.chunk for hit in retriever.search([question.text], k=N_CHUNKS)[0]]
            indexing = time.perf_counter() - began
            hits, said = ask(model.store, READING, form, [item_of(question, chunks)])
            took = indexing + said[0].seconds  # a kept reply has its seconds with it
            seconds.append(took)
            found["answered anew"].append(float(hits[0]))
            found["within a second"].append(float(hits[0] and took < 1))
    return Measurement(found, {"form": form.name, "median seconds": sorted(seconds)[12]})


def r10(model: Model, seed: int) -> Measurement:
    """The same rule of the system prompt with one sentence and with four notes."""
    book = indexed(seed)
    asked = book.ask("name", N, f"R10:{seed}")
    rules = [list(RULES)[i % len(RULES)] for i in range(N)]
    contexts = {
        "one sentence": [f"[1] {_statement(book, q)}" for q in asked],
        "four notes": [notes(chunks) for chunks in found_chunks(book, asked)],
    }
    found: dict[str, list[float]] = {}
    for name, given in contexts.items():
        prompts = [
            [
                system(f"Answer the question from the notes. {RULES[rule][0]}"),
                user(f"Notes: {text}\nQuestion: {q.text}"),
            ]
            for rule, text, q in zip(rules, given, asked)
        ]
        said = model.store.replies(prompts, max_new_tokens=40, desc=name)
        found[f"{name}: kept"] = [float(RULES[rule][1](r.text)) for rule, r in zip(rules, said)]
        found[f"{name}: correct"] = [
            float(states_value(r.text.lower(), q.facts[0].value, q.facts[0].relation))
            for q, r in zip(asked, said)
        ]
    return Measurement(found)


def _statement(book: Handbook, question: Question) -> str:
    section = book.sections[min(question.gold[0])]
    return section.sentences[section.facts.index(question.facts[0])]


def r10_effect(found: Conditions) -> Estimate:
    """Of the replies that keep the rule with one sentence, those that keep it with four notes."""
    pairs = zip(found["four notes: kept"], found["one sentence: kept"])
    return proportion([bool(after) for after, before in pairs if before])


def r11(model: Model, seed: int) -> Measurement:
    """The notes are shuffled: a model that always cites the first note is right by chance only."""
    book = indexed(seed)
    rng = random.Random(f"R11:{seed}")
    asked = book.ask("name", N, f"R11:{seed}")
    form = model.form(CITING)
    found: dict[str, list[float]] = {}
    given = [rng.sample(chunks, len(chunks)) for chunks in found_chunks(book, asked)]
    items = [item_of(q, chunks) for q, chunks in zip(asked, given)]
    hits, said = ask(model.store, replace(CITING, judge=reads), form, items)
    right, cited_any = [], []
    for question, chunks, reply in zip(asked, given, said):
        cited = set(citations(reply.text))
        cited_any.append(float(bool(cited)))
        right.append(float(bool(cited) and cited <= stating(chunks, question.facts[0])))
    found["cites right notes only"] = right
    found["cites"] = cited_any
    found["value correct"] = [float(hit) for hit in hits]
    return Measurement(found, {"form": form.name})


def r12(model: Model, seed: int) -> Measurement:
    rng = random.Random(f"R12:{seed}")
    form = model.form(READING)
    cases = [
        reading.reading_case(rng, "train", "new", n_chunks=8, answerable=True, position=1)
        for _ in range(N)
    ]
    found = {}
    for place in (1, 4, 5, 8):
        items = []
        for case in cases:
            first, *others = case.fields["chunks"]
            moved = (*others[: place - 1], first, *others[place - 1 :])
            lines = "\n".join(f"[{i}] {text}" for i, text in enumerate(moved, 1))
            fields = {key: case.fields[key] for key in ("value", "relation")}
            text = f"{lines}\nQuestion: {case.fields['question']}"
            items.append(Item(text, case.fields["value"], fields))
        hits, _ = ask(model.store, READING, form, items)
        found[f"place {place}"] = [float(hit) for hit in hits]
    return Measurement(found, {"form": form.name})


def r12_effect(found: Conditions) -> Estimate:
    ends = [*found["place 1"], *found["place 8"]]
    middle = [*found["place 4"], *found["place 5"]]
    return paired_difference(ends, middle)


RETRIEVAL = {
    "R1": Experiment(r1, difference("retrieved", "closed book"), ("retrieved",)),
    "R2": Experiment(r2, share("states a value"), ("right note: correct",)),
    "R6": Experiment(r6, difference("three versions", "the question"), ()),
    # A model that always abstains has not left the floor: it has to answer something.
    "R7": Experiment(r7, r7_effect, ("answerable: correct",)),
    "R8": Experiment(r8, share("within a second"), ("answered anew",)),
    "R10": Experiment(r10, r10_effect, ("one sentence: kept",)),
    "R11": Experiment(
        r11, share("cites right notes only"), ("cites right notes only",), 1 / N_CHUNKS
    ),
    "R12": Experiment(r12, r12_effect, tuple(f"place {place}" for place in (1, 4, 5, 8))),
}
