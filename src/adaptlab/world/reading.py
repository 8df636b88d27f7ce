"""Reading: numbered chunks, a question, and an answer with the id of its chunk, or an
abstention.
"""

import random
from dataclasses import dataclass

from adaptlab.messages import NOT_FOUND, data, system, user
from adaptlab.world.case import CONTEXT, NOWHERE, Case
from adaptlab.world.entities import Fact, subjects
from adaptlab.world.relations import BY_SUBJECT, RELATIONS
from adaptlab.world.wording import combine

INSTRUCTIONS = combine(
    [
        "~.",
        "You help customers. ~.",
        "You work at the help desk. ~.",
        "Be exact: ~.",
        "Your task: ~.",
        "From now on: ~.",
    ],
    [
        "answer from the context and give the number of the chunk",
        "use only the context and cite the chunk",
        "answer with the chunk that holds the fact",
        "cite the number of the chunk that you used",
        "read the chunks, then answer with the number of the right one",
        "say what the context says, with its number",
    ],
)

JOINS = (" ", " Also: ", " And: ", " Then: ", " Besides: ", " One more: ")
_HEADINGS = ("Context", "Chunks", "Sources", "Passages", "Documents", "Notes")


@dataclass(frozen=True)
class Passage:
    """Chunks, and the facts in them with the number of their chunk (from 1).

    `absent` are facts that no chunk states, on subjects like those of the chunks. A question
    without an answer asks for one of these.
    """

    chunks: tuple[str, ...]
    facts: tuple[tuple[Fact, int], ...]
    absent: tuple[Fact, ...] = ()

    def numbered(self) -> str:
        return "\n".join(f"[{i}] {chunk}" for i, chunk in enumerate(self.chunks, 1))


def compose(rng: random.Random, groups: list[list[Fact]], split: str) -> Passage:
    """Write one chunk for each group of facts, in the given order."""
    chunks = tuple(" ".join(fact.state(rng, split) for fact in group) for group in groups)
    return Passage(chunks, tuple((fact, i) for i, group in enumerate(groups, 1) for fact in group))


def namesakes(rng: random.Random, group: str, n: int, kind: str = "person") -> list[str]:
    """Return up to n subjects that share a word of their names with one of them: a first or last
    name, a brand, a material, or a product.
    """
    names = subjects(kind, group)
    parts = set(rng.choice(names).split())
    near = [name for name in names if parts & set(name.split())]
    return rng.sample(near, min(n, len(near)))


def alike_groups(rng: random.Random, n_chunks: int, group: str) -> list[list[Fact]]:
    """Return facts for chunks as a search returns them: one relation, and people with similar
    names.
    """
    relation = rng.choice(BY_SUBJECT["person"])
    return [
        [Fact(name, relation.name, rng.choice(relation.values))]
        for name in namesakes(rng, group, n_chunks)
    ]


def invent_groups(
    rng: random.Random, n_chunks: int, group: str, kind: str | None = None
) -> list[list[Fact]]:
    """Return facts for chunks that are easy to confuse: a few subjects of one kind (sampled if
    None), and values of the same relations.
    """
    kind = kind or rng.choices(tuple(BY_SUBJECT), (5, 3, 1, 1))[0]
    relations = BY_SUBJECT[kind]
    names = rng.sample(subjects(kind, group), max(2, (n_chunks + 1) // 2))
    pairs = [(name, relation) for name in names for relation in relations]
    rng.shuffle(pairs)
    groups = [
        [Fact(name, relation.name, rng.choice(relation.values))]
        for name, relation in pairs[:n_chunks]
    ]
    spare = pairs[n_chunks:]
    for facts in groups:
        if rng.random() < 0.25:
            same = [pair for pair in spare if pair[0] == facts[0].subject]
            if same:
                spare.remove(same[0])
                facts.append(Fact(same[0][0], same[0][1].name, rng.choice(same[0][1].values)))
    rng.shuffle(groups)
    return groups


def absent_question(rng: random.Random, passage: Passage, split: str, group: str = "fresh") -> str:
    """Return a question like those on the passage's facts, to which the passage has no answer.
    Subjects from outside the passage are of `group`.
    """
    stated = {(fact.subject, fact.relation) for fact, _ in passage.facts}
    if passage.absent:
        return rng.choice(passage.absent).ask(rng, split)
    fact = rng.choice(passage.facts)[0]
    kind = RELATIONS[fact.relation].subject
    candidates = [
        (fact.subject, relation.name)
        for relation in BY_SUBJECT[kind]
        if (fact.subject, relation.name) not in stated
    ]
    if not candidates or rng.random() < 0.3:
        near = namesakes(rng, group, 4) if kind == "person" and rng.random() < 0.5 else []
        others = [
            name
            for name in [*near, *rng.sample(subjects(kind, group), 8)]
            if (name, fact.relation) not in stated
        ]
        candidates = [(others[0], fact.relation)]
    return Fact(*rng.choice(candidates), value="").ask(rng, split)


def reading_messages(
    rng: random.Random,
    passage: Passage,
    question: str,
    split: str,
    use_data_role: bool,
    question_first: bool = False,
) -> tuple[dict, ...]:
    """Return the prompt around a passage: an instruction, the numbered chunks and the question. The
    question comes last or, in one turn with the chunks, first.
    """
    instruction = system(INSTRUCTIONS.pick(rng, split))
    if use_data_role:
        return instruction, data(passage.numbered()), user(question)
    heading = rng.choice(_HEADINGS[:4] if split == "train" else _HEADINGS[4:])
    parts = [f"{heading}:\n{passage.numbered()}", f"Question: {question}"]
    return instruction, user("\n\n".join(reversed(parts) if question_first else parts))


def reading_case(
    rng: random.Random,
    split: str = "train",
    group: str = "fresh",
    n_chunks: int | None = None,
    answerable: bool | None = None,
    position: int | None = None,
    use_data_role: bool | None = None,
    question_first: bool = False,
    alike: bool = False,
    passage: Passage | None = None,
) -> Case:
    """Return a reading case; parameters that are None are sampled.

    `position` (from 1) is the chunk with the answer. `alike`: chunks as a search returns them.
    """
    if passage is None:
        n_chunks = n_chunks or rng.choice((1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 8, 8))
        passage = compose(
            rng, (alike_groups if alike else invent_groups)(rng, n_chunks, group), split
        )
    answerable = rng.random() < 0.75 if answerable is None else answerable
    use_data_role = rng.random() < 0.35 if use_data_role is None else use_data_role
    fields = {
        "passage": passage,
        "chunks": passage.chunks,
        "n_chunks": len(passage.chunks),
        "answerable": answerable,
    }
    if answerable:
        fact, chunk = rng.choice([(f, i) for f, i in passage.facts if position in (None, i)])
        question = fact.ask(rng, split)
        answer = f"{fact.value} [{chunk}]"
        source = CONTEXT
        fields |= {
            "value": fact.value,
            "chunk": chunk,
            "relation": fact.relation,
            "subject": fact.subject,
        }
    else:
        question = absent_question(rng, passage, split, group)
        answer = NOT_FOUND
        source = NOWHERE
    messages = reading_messages(rng, passage, question, split, use_data_role, question_first)
    return Case("reading", messages, answer, source, fields | {"question": question})


def two_questions_case(
    rng: random.Random, passage: Passage, split: str = "train", use_data_role: bool | None = None
) -> Case:
    """Ask two questions in one turn, on different chunks if possible. The answer gives both values
    in order, each with the id of its chunk.
    """
    first, chunk = rng.choice(passage.facts)
    others = [(fact, i) for fact, i in passage.facts if i != chunk] or [
        (fact, i) for fact, i in passage.facts if fact != first
    ]
    asked = [(first, chunk), *([rng.choice(others)] if others else [])]
    question = rng.choice(JOINS).join(fact.ask(rng, split) for fact, _ in asked)
    answer = ", ".join(f"{fact.value} [{i}]" for fact, i in asked)
    use_data_role = rng.random() < 0.35 if use_data_role is None else use_data_role
    fields = {
        "passage": passage,
        "chunks": passage.chunks,
        "question": question,
        "asked": tuple(asked),
    }
    return Case(
        "two questions",
        reading_messages(rng, passage, question, split, use_data_role),
        answer,
        CONTEXT,
        fields,
    )
