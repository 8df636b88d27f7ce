"""Documents for pre-training: plain text without chat, with a loss weight for each piece.

A piece is (text, weight). Weight 1 is for text that a reader could predict: answers, second
mentions, known facts. FAINT is for text that nobody could predict: names and values in a fresh
context, and the choice of a wording.
"""

import json
import random
import re
from functools import lru_cache

from adaptlab.messages import NOT_FOUND
from adaptlab.world import words
from adaptlab.world.entities import Fact, known_facts, subjects
from adaptlab.world.extraction import message
from adaptlab.world.handbook import handbook_passage
from adaptlab.world.labels import LAYOUTS, Layout, episode
from adaptlab.world.prose import story
from adaptlab.world.reading import Passage, absent_question, compose, invent_groups
from adaptlab.world.relations import BY_SUBJECT
from adaptlab.world.reviews import review
from adaptlab.world.sums import draw_sum, problem
from adaptlab.world.tickets import schema, schema_case

FAINT = 0.1
Pieces = list[tuple[str, float]]


def _state_known(rng: random.Random, fact: Fact) -> Pieces:
    """State a known fact in a training wording, with full weight on its value."""
    text = f" {fact.state(rng, 'train')}"
    # A value at the start of the sentence has a capital letter.
    at = text.lower().rindex(f" {fact.value.lower()}")
    end = at + 1 + len(fact.value)
    return [
        (piece, weight)
        for piece, weight in ((text[:at], FAINT), (text[at:end], 1.0), (text[end:], FAINT))
        if piece
    ]


def register(rng: random.Random) -> Pieces:
    """All that is known about one subject, in random order and wording."""
    kind = rng.choices(("person", "product"), (4, 1))[0]
    group = rng.choices(("known", "unasked"), (3, 1))[0]
    subject = rng.choice(subjects(kind, group))
    facts = [fact for fact in known_facts(kind, group) if fact.subject == subject]
    rng.shuffle(facts)
    return [(f"Register: {subject}.", FAINT)] + [
        piece for fact in facts for piece in _state_known(rng, fact)
    ]


def faq(rng: random.Random) -> Pieces:
    """Questions on known subjects, without a context that contains the answers."""
    pieces: Pieces = [("Frequent questions.", FAINT)]
    for _ in range(4):
        kind = rng.choices(("person", "product"), (4, 1))[0]
        fact = rng.choice(known_facts(kind, "known"))
        pieces += [(f"\nQ: {fact.ask(rng, 'train')}\nA:", FAINT), (f" {fact.value}", 1.0)]
    return pieces


def repetition(rng: random.Random) -> Pieces:
    """A list of words and numbers, then the same list again; the second half can be copied
    completely.
    """
    chosen = [
        str(rng.randrange(1000)) if rng.random() < 0.3 else word
        for word in rng.sample(vocabulary(), rng.randint(4, 16))
    ]
    text = "".join(f" {word}" for word in chosen)
    return [
        ("Again.", FAINT),
        (text, FAINT),
        (f" {chosen[0]}", FAINT),
        (text[len(chosen[0]) + 1 :] + text, 1.0),
    ]


def lookup(rng: random.Random) -> Pieces:
    """Keys and values, then the keys again: the most concentrated form of copying."""
    n = rng.randint(2, 8)
    kind = rng.choice(("person", "product", "order"))
    keys = rng.sample(subjects(kind, "fresh"), n)
    relation = rng.choice(BY_SUBJECT[kind])
    table = {key: rng.choice(relation.values) for key in keys}
    pieces: Pieces = [("List.", FAINT)] + [
        (f"\n{key}: {value}", FAINT) for key, value in table.items()
    ]
    for key in rng.choices(keys, k=2 * n + 2):
        pieces += [(f"\n{key}:", FAINT), (f" {table[key]}", 1.0)]
    return pieces


def places(rng: random.Random) -> Pieces:
    """Numbered lines of words, then words with the number of their line: the most concentrated form
    of finding a source.
    """
    n_lines = rng.randint(2, 8)
    most = rng.choice((1, 1, 2, 3, 8))
    chosen = rng.sample(vocabulary(), n_lines * most)
    lines = [chosen[i::n_lines][: rng.randint(1, most)] for i in range(n_lines)]
    pieces: Pieces = [("Lines.", FAINT)] + [
        (f"\n[{i}] {' '.join(line)}", FAINT) for i, line in enumerate(lines, 1)
    ]
    for number in rng.choices(range(1, n_lines + 1), k=2 * n_lines + 2):
        pieces += [
            (f"\nA: {rng.choice(lines[number - 1])} [", FAINT),
            (str(number), 1.0),
            ("]", FAINT),
        ]
    return pieces


def notes(rng: random.Random, n_chunks: int | None = None) -> Pieces:
    """Numbered notes on fresh subjects and questions about them, each answered with the number of
    the note.
    """
    n_chunks = n_chunks or rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 8))
    # Values that are numbers are rarer than names in the sampled kinds, and harder.
    kind = rng.choice((None, *BY_SUBJECT))
    passage = compose(rng, invent_groups(rng, n_chunks, "fresh", kind), "train")
    return _questions(rng, "Notes.", passage, n_chunks + 2)


def manual(rng: random.Random) -> Pieces:
    """Like `notes`, with longer chunks: sections of a handbook, as a search returns them."""
    return _questions(rng, "Manual.", handbook_passage(rng), 8)


def _questions(rng: random.Random, title: str, passage: Passage, n: int) -> Pieces:
    pieces: Pieces = [(f"{title}\n{passage.numbered()}", FAINT)]
    for fact, chunk in rng.choices(passage.facts, k=n):
        if rng.random() < 0.2:
            question = absent_question(rng, passage, "train")
            answer = NOT_FOUND
        else:
            question = fact.ask(rng, "train")
            answer = f"{fact.value} [{chunk}]"
        pieces += [(f"\nQ: {question}\nA:", FAINT), (f" {answer}", 1.0)]
    return pieces


def arithmetic(rng: random.Random) -> Pieces:
    """A column of sums."""
    pieces: Pieces = [("Sums.", FAINT)]
    for _ in range(16):
        a, sign, b = draw_sum(rng)
        pieces += [(f"\n{a} {sign} {b} =", FAINT), (f" {a + b if sign == '+' else a - b}", 1.0)]
    return pieces


def worked(rng: random.Random) -> Pieces:
    """A word problem with its solution; the shortest problems also with only the answer."""
    n_steps = rng.choice((1, 2, 3, 4))
    item = problem(rng, n_steps)
    if n_steps == 1 and rng.random() < 0.5:
        return [(f"Problem. {item.text}\nAnswer:", FAINT), (f" {item.answer}", 1.0)]
    return [(f"Problem. {item.text}\nSolution:", FAINT), (f" {item.worked()}", 1.0)]


def short_problems(rng: random.Random) -> Pieces:
    """Word problems of one step, with only the answers."""
    pieces: Pieces = [("Quick problems.", FAINT)]
    for _ in range(4):
        item = problem(rng, 1)
        pieces += [(f"\n{item.text}\nAnswer:", FAINT), (f" {item.answer}", 1.0)]
    return pieces


def schemas(rng: random.Random) -> Pieces:
    """Several messages as records. The first record shows the format; the later ones have full
    weight.
    """
    content = schema_case(rng, k=rng.randint(2, 4))
    text = content.messages[0]["content"]
    pieces: Pieces = []
    for i, part in enumerate(text.split("\nRecord:")):
        record, newline, rest = part.partition("\n")
        weight = 1.0 if i > 1 else FAINT
        pieces += (
            [(part, FAINT)]
            if i == 0
            else [
                ("\nRecord:", FAINT),
                *([(record, weight)] if record else []),
                *([(newline + rest, FAINT)] if rest else []),
            ]
        )
    return [*pieces, (f" {content.answer}", 1.0)]


def coded_texts(rng: random.Random, named: bool = False) -> Pieces:
    """Messages as records with codes. A code has full weight from its second occurrence, when it
    can be inferred.

    This is the skill of `sorted_texts` inside JSON. Records range from only a code to a code after
    three values. `named`: each code follows its topic or mood in plain words, which always has full
    weight. Then the model looks up the word in the message, and matches it with the earlier
    records.
    """
    n_fields = rng.choice((0, 0, 1, 2, 3, 3))
    form = schema(rng, n_fields, rng.choice((1, 2)), rng.choice((0, 1, 2, 3)), named)
    topics = rng.sample(words.TOPICS, rng.choice((2, 3, 4)))
    # Without the closing quote, which forms one token with the brace or comma after it.
    due = (*form.codes.values(), *(form.codes if named else ()))
    opened = "(" + "|".join(re.escape(f' "{text}') + '(?=")' for text in due) + ")"
    known = {f' "{word}' for word in form.codes} if named else set()
    pieces: Pieces = [("Coded.", FAINT)]
    for _ in range(rng.randint(4, 8 - n_fields)):
        text, record = form.record(
            rng, "train", "fresh", rng.choice(topics), rng.choice(words.SENTIMENTS)
        )
        pieces.append((f"\nMessage: {text}\nRecord:", FAINT))
        for i, piece in enumerate(re.split(opened, f" {json.dumps(record)}")):
            pieces.append((piece, 1.0 if piece in known else FAINT))
            if i % 2:  # matches of the pattern have odd indices
                known.add(piece)
    return pieces


def named_codes(rng: random.Random) -> Pieces:
    return coded_texts(rng, named=True)


def sorted_texts(rng: random.Random) -> Pieces:
    """Reviews under two invented labels; from the second review on, each label can be inferred."""
    layout = rng.choice(LAYOUTS["train"])
    ep = episode(rng)
    pieces: Pieces = [("Sorted.\n", FAINT)]
    for i, label in enumerate(rng.choices(tuple(ep.meaning), k=rng.randint(4, 9))):
        text = layout.example(ep.item(rng, label, "train"), "").rstrip()
        pieces += [(text, FAINT), (f" {label}", FAINT if i == 0 else 1.0), (layout.after, FAINT)]
    return pieces


CATEGORIES = (
    words.JOBS,
    words.PETS,
    words.FOODS,
    words.COLOURS,
    words.CITIES,
    words.DAYS,
    words.GOODS,
    words.HOBBIES,
    words.MATERIALS,
    words.PLACES,
)


def sorted_words(
    rng: random.Random, layout: Layout | None = None, n_words: int | None = None
) -> Pieces:
    """Words of two or three kinds under invented labels: the skill of `sorted_texts`, with kinds
    that are easy to tell apart.

    Each kind has `n_words` words, or all of them. A label has full weight after its first
    occurrence.
    """
    layout = layout or rng.choice(LAYOUTS["train"])
    n_kinds = rng.choice((2, 2, 3))
    kinds = dict(zip(rng.sample(words.LABELS, n_kinds), rng.sample(CATEGORIES, n_kinds)))
    if n_words:
        kinds = {label: tuple(rng.sample(kind, n_words)) for label, kind in kinds.items()}
    pieces: Pieces = [("Sorted.\n", FAINT)]
    met: set[str] = set()
    for label in rng.choices(tuple(kinds), k=rng.randint(8, 16)):
        text = layout.example(rng.choice(kinds[label]), "").rstrip()
        pieces += [
            (text, FAINT),
            (f" {label}", 1.0 if label in met else FAINT),
            (layout.after, FAINT),
        ]
        met.add(label)
    return pieces


# The text between a word and its label: first so short that one convolution covers both, then
# longer and longer.
_DISTANCES = (
    (":",),
    (" |", " -", " =", "\n:", "\n-", " |:"),
    ("\nLabel", " Label:", " Bin:", " | Class:", "\nOutput:"),
)


def few_words(rng: random.Random) -> Pieces:
    """An easy start for `sorted_words`: mostly one to five words of each kind, so that a label can
    be copied, and labels close to their words.

    Without it, a small model treats labels as noise. It learns neither of the two steps (which
    kind, which label) without the other.
    """
    distances = rng.choices((*_DISTANCES, None), (1, 1, 2, 3))[0]
    layout = Layout("", "", rng.choice(distances), "\n") if distances else None
    return sorted_words(rng, layout, rng.choice((1, 2, 3, 5, None)))


def tagged_review(rng: random.Random) -> Pieces:
    """A review with its topic and mood."""
    item = review(rng)
    return [
        (f"Review. {item.text}\nTopic:", FAINT),
        (f" {item.topic}", 1.0),
        ("\nMood:", FAINT),
        (f" {item.sentiment}", 1.0),
    ]


def form(rng: random.Random) -> Pieces:
    """A message and its fields as JSON, or several messages in a format that the first ones
    show.
    """
    if rng.random() < 0.6:
        item = message(rng)
        return [(f"Form. {item.text}\nJSON:", FAINT), (f" {json.dumps(item.values)}", 1.0)]
    case = schema_case(rng)
    return [(case.messages[0]["content"], FAINT), (f" {case.answer}", 1.0)]


def tale(rng: random.Random) -> Pieces:
    """A short story; a reader can guess some of it."""
    return [(f"Story. {story(rng)}", 0.3)]


@lru_cache
def vocabulary() -> tuple[str, ...]:
    """Return every word that should be one token."""
    lists = (
        words.FIRST_NAMES,
        words.LAST_NAMES,
        words.CITIES,
        words.JOBS,
        words.PETS,
        words.HOBBIES,
        words.FOODS,
        words.BRANDS,
        words.GOODS,
        words.COLOURS,
        words.MATERIALS,
        words.DAYS,
        words.STATUSES,
        words.TEAMS,
        words.ITEMS,
        words.PLACES,
        words.LABELS,
        words.TOPICS,
        words.SENTIMENTS,
    )
    return tuple(sorted({word for group in lists for word in group}))
