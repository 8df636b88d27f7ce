"""Tone and constraints that a system prompt asks for, each with an exact rule to check it."""

import random
import re

from adaptlab.messages import system, user
from adaptlab.world import words
from adaptlab.world.case import CONTEXT, WEIGHTS, Case
from adaptlab.world.entities import Fact, invent_fact, known_facts
from adaptlab.world.reading import compose, invent_groups
from adaptlab.world.wording import Wordings, combine

TONES = ("plain", "formal", "brief")
GREETING = "Dear customer,"
CLOSING = "Kind regards."

_FRAMES = [
    "~.",
    "You help customers of a shop. ~.",
    "House rule: ~.",
    "From now on, ~.",
    "In this chat, ~.",
]
ASK_TONE: dict[str, Wordings] = {
    "formal": combine(
        _FRAMES,
        [
            "be formal",
            "write formally",
            "use a formal tone",
            "answer in formal letters",
            "keep a formal style",
            "your tone is formal and polite",
        ],
    ),
    "brief": combine(
        _FRAMES,
        [
            "be brief",
            "answer briefly",
            "use as few words as you can",
            "keep every answer short",
            "keep a brief style",
            "your tone is brief",
        ],
    ),
    "plain": combine(
        _FRAMES,
        [
            "be plain",
            "write in plain sentences",
            "use a plain tone",
            "answer in one plain sentence",
            "keep a plain style",
            "your tone is plain",
        ],
    ),
}
ASK_ENDING = combine(
    _FRAMES,
    [
        "end every answer with the word {w}",
        "the last word is always {w}",
        "close each answer with {w}",
        "finish each reply with the word {w}",
        "let every answer end in {w}",
        "put {w} at the end of each answer",
    ],
)


def render(fact: Fact, tone: str) -> str:
    """Write the fact's value in the tone."""
    if tone == "brief":
        return fact.value
    sentence = f"The answer is {fact.value}."
    return (
        f"{GREETING} {sentence[0].lower()}{sentence[1:]} {CLOSING}"
        if tone == "formal"
        else sentence
    )


def keeps_tone(text: str, tone: str) -> bool:
    """Whether a text has the tone. Formal has greeting and closing; brief has at most three words;
    plain is one sentence without greeting and closing.
    """
    text = text.strip()
    formal = text.startswith(GREETING) and text.endswith(CLOSING)
    if tone == "formal":
        return formal
    n_words = len(text.split())
    if tone == "brief":
        return 0 < n_words <= 3
    return (
        n_words > 3
        and text.endswith(".")
        and GREETING not in text
        and CLOSING not in text
        and len(re.findall(r"[.!?]", text)) == 1
    )


def keeps_ending(text: str, word: str) -> bool:
    """Whether the last word of the text is the requested one."""
    found = re.findall(r"\w+", text)
    return bool(found) and found[-1] == word


def tone_case(
    rng: random.Random,
    split: str = "train",
    group: str = "fresh",
    tone: str | None = None,
    known: bool | None = None,
) -> Case:
    """Ask a question in a tone, about a known fact or about one in the user's message."""
    tone = tone or rng.choice(TONES)
    known = rng.random() < 0.4 if known is None else known
    fact = (
        rng.choice(known_facts("person", "known")) if known else invent_fact(rng, "person", group)
    )
    question = fact.ask(rng, split) if known else f"{fact.state(rng, split)} {fact.ask(rng, split)}"
    fields = {"tone": tone, "value": fact.value, "subject": fact.subject}
    return Case(
        "tone",
        (system(ASK_TONE[tone].pick(rng, split)), user(question)),
        render(fact, tone),
        WEIGHTS if known else CONTEXT,
        fields,
    )


def tone_reading_case(
    rng: random.Random,
    split: str = "train",
    group: str = "fresh",
    tone: str | None = None,
    n_chunks: int | None = None,
) -> Case:
    """Ask a question in a tone; the answer is in one of several numbered chunks."""
    tone = tone or rng.choice(TONES)
    passage = compose(rng, invent_groups(rng, n_chunks or rng.randint(1, 4), group), split)
    fact, chunk = rng.choice(passage.facts)
    prompt = (
        system(ASK_TONE[tone].pick(rng, split)),
        user(f"Context:\n{passage.numbered()}\n\nQuestion: {fact.ask(rng, split)}"),
    )
    return Case(
        "tone",
        prompt,
        render(fact, tone),
        CONTEXT,
        {
            "tone": tone,
            "value": fact.value,
            "subject": fact.subject,
            "chunk": chunk,
            "passage": passage,
        },
    )


def ending_case(
    rng: random.Random, split: str = "train", group: str = "fresh", word: str | None = None
) -> Case:
    """Ask a question whose answer must end with a word that the system prompt names."""
    word = word or rng.choice(words.LABELS)
    fact = invent_fact(rng, "person", group)
    prompt = system(ASK_ENDING.pick(rng, split).format(w=word))
    return Case(
        "ending",
        (prompt, user(f"{fact.state(rng, split)} {fact.ask(rng, split)}")),
        f"{fact.value} {word}",
        CONTEXT,
        {"word": word, "value": fact.value},
    )
