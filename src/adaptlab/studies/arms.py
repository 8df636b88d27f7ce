"""The studies of lesson 09: a support assistant built in every way, all asked the same questions.

The questions are about a handbook that no model has seen. A row counts the replies, out of `of`
questions, with the correct value, the correct source, the required form and the required tone, and
with all four (`right`). It also has the costs of this condition: tokens and seconds of a query,
seconds and tokens of training, trained parameters.
"""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from adaptlab.messages import NOT_FOUND, Messages, assistant, system, user
from adaptlab.models.chat import Reply, timed
from adaptlab.models.local import LocalChat
from adaptlab.prompts.nearest import nearest
from adaptlab.prompts.patterns import STEP_BY_STEP
from adaptlab.rag.answer import prompt
from adaptlab.rag.chunk import Chunk, chunk
from adaptlab.rag.collection import Collection
from adaptlab.rag.embed import minilm
from adaptlab.rag.loaders import Document
from adaptlab.rag.retrieve import DenseRetriever, Hit
from adaptlab.studies.assistants import ARMS, N_ASKED, N_LOOKED_AT, N_WITHOUT, Arm
from adaptlab.studies.extractive import best_sentence, choose_threshold, reply, reply_from
from adaptlab.studies.forgetting import old_conversations
from adaptlab.studies.grid import Study, grid
from adaptlab.tune.dpo import prefer
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.world.handbook import Section, handbook, to_markdown
from adaptlab.world.questions import draw_questions
from adaptlab.world.support import aspects, support_reply

K = 3  # chunks of a prompt
N_HANDBOOKS = 12
N_OF_EACH = 60
REPLAY = 0.3  # old conversations for each new one: without them, the model forgot how to read
N_TIMES = 8  # questions on a fact to learn it by heart
N_TIMED = 12  # questions asked one at a time
SHORT = "You help customers of a shop. Be formal."
IN_FULL = (
    f"{SHORT} Use only the context and cite the chunk. If it does not hold the answer, say:"
    f' {NOT_FOUND} After the letter, write a JSON object with the field answered, "yes" or "no".'
)
MAX_NEW = 48
N_EXAMPLES = 2  # worked examples of a prompt
# Columns of a row, by the aspect that they count.
COUNTS = {"value": "right", "source": "cited", "form": "form", "tone": "tone", "right": "all_four"}


@dataclass(frozen=True)
class AssistantQuestion:
    """A question with its search hits.

    `gold` are the numbers, from 1, of the hits that state its `value`; None if no hit does.
    """

    question: str
    value: str | None
    hits: tuple[Hit, ...]
    gold: frozenset[int]

    @property
    def reply(self) -> str:
        """Return the required reply for these hits."""
        return support_reply(self.value, min(self.gold)) if self.gold else support_reply(None, None)

    def with_oracle(self) -> "AssistantQuestion":
        """Return the question with only a correct chunk, if there is one."""
        return (
            AssistantQuestion(
                self.question, self.value, (self.hits[min(self.gold) - 1],), frozenset({1})
            )
            if self.gold
            else self
        )

    def with_first(self) -> "AssistantQuestion":
        """Return the question with only the first chunk of the search."""
        return AssistantQuestion(self.question, self.value, self.hits[:1], self.gold & {1})

    def closed(self) -> "AssistantQuestion":
        """Return the question without any chunk."""
        return AssistantQuestion(self.question, self.value, (), frozenset())

    def messages(self, instruction: str) -> Messages:
        return (
            prompt(self.question, self.hits, instruction)
            if self.hits
            else [system(instruction), user(self.question)]
        )


def in_chunks(sections: tuple[Section, ...]) -> list[Chunk]:
    """Return a handbook's chunks; each section is one."""
    document = Document(to_markdown(sections), "handbook", "Handbook", date(2026, 1, 1))
    return chunk([document], size=1000, overlap=0)


@cache
def shelf(sections: tuple[Section, ...]) -> DenseRetriever:
    """Make a search in a handbook; each section is a chunk."""
    collection = Collection(minilm())
    collection.add(in_chunks(sections))
    return DenseRetriever(collection)


def asked_of(
    sections: tuple[Section, ...], n: int, n_without: int, split: str, rng: random.Random
) -> list[AssistantQuestion]:
    """Return n questions about a handbook with their hits; n_without of them have no answer in
    it.
    """
    drawn = draw_questions(rng, sections, "name", n - n_without, split) + draw_questions(
        rng, sections, "unanswerable", n_without, split
    )
    found = shelf(sections).search([question.text for question in drawn], K)
    titles = [
        {sections[i].title for i in question.gold[0]} if question.answerable else set()
        for question in drawn
    ]
    gold = [
        frozenset(i for i, hit in enumerate(hits, 1) if hit.chunk.section in right)
        for hits, right in zip(found, titles)
    ]
    return [
        AssistantQuestion(q.text, q.facts[0].value if q.answerable else None, tuple(hits), g)
        for q, hits, g in zip(drawn, found, gold)
    ]


@cache
def test_questions(seed: int) -> tuple[AssistantQuestion, ...]:
    """Return the frozen test set of a seed, in held-out wordings, about names that no training data
    contain.
    """
    return tuple(
        asked_of(handbook(seed), N_ASKED, N_WITHOUT, "held_out", random.Random(f"support:{seed}"))
    )


@cache
def transcripts(seed: int) -> tuple[AssistantQuestion, ...]:
    """Return earlier replies about other goods; chunks are in random order, so the first is not
    always correct.
    """
    rng = random.Random(f"transcripts:{seed}")
    made = []
    for number in range(N_HANDBOOKS):
        made += asked_of(
            handbook(1000 + 100 * seed + number, group="fresh"), N_OF_EACH, 24, "train", rng
        )
    return tuple(_shuffled(asked, rng) for asked in rng.sample(made, len(made)))


def _shuffled(asked: AssistantQuestion, rng: random.Random) -> AssistantQuestion:
    order = rng.sample(range(len(asked.hits)), len(asked.hits))
    return AssistantQuestion(
        asked.question,
        asked.value,
        tuple(asked.hits[i] for i in order),
        frozenset(new for new, old in enumerate(order, 1) if old + 1 in asked.gold),
    )


def few_shot(
    asked: AssistantQuestion,
    examples: Sequence[AssistantQuestion],
    view: Callable[[AssistantQuestion], AssistantQuestion],
) -> Messages:
    """Return worked examples as turns of the conversation before the question."""
    shown = [
        turn
        for example in map(view, examples)
        for turn in (*example.messages(IN_FULL)[1:], assistant(example.reply))
    ]
    instruction, *question = asked.messages(IN_FULL)
    return [instruction, *shown, *question]


@cache
def _questions_as_vectors(seed: int) -> np.ndarray:
    return minilm().encode([one.question for one in transcripts(seed)])


def similar_transcripts(asked: AssistantQuestion, seed: int) -> list[AssistantQuestion]:
    """Return the transcripts with the most similar questions, the most similar last."""
    vector = minilm().encode([asked.question])
    return nearest(transcripts(seed), _questions_as_vectors(seed), vector, N_EXAMPLES)[0]


@cache
def threshold(seed: int) -> tuple[float, float]:
    """Return the least cosine of a sentence that answers, chosen on transcripts, and the seconds
    that this takes.
    """

    def chosen() -> float:
        shown = [one for one in transcripts(seed)[:N_LOOKED_AT] if one.hits]
        found = [best_sentence(one.question, one.hits) for one in shown]
        right = []
        for one, sentence in zip(shown, found):
            value = one.value if one.gold else None
            right.append(aspects(reply_from(sentence, 0.0), value, one.gold).all_four)
        return choose_threshold(found, right)

    return timed(chosen)


@cache
def tuned(chat: LocalChat, seed: int, how: str) -> tuple[LocalChat, float, int]:
    """Fine-tune and return (the model, seconds, tokens).

    "lora" and "full" use transcripts with their chunks. "facts" uses the statements of the test
    handbook, asked without chunks. "dpo" uses the wrong answers of the model after "lora", paired
    with the required replies.
    """
    if how == "dpo":
        start, seconds, n_tokens = tuned(chat, seed, "lora")
        pairs = _mistakes(start, transcripts(seed)[:N_LOOKED_AT])
        (model, _), more = timed(
            lambda: prefer(
                start, pairs, PreferenceOptions(batch_size=8, learning_rate=2e-4, seed=seed)
            )
        )
        return (
            model,
            seconds + more,
            n_tokens
            + _n_tokens(
                chat,
                [
                    pair.conversation(reply)
                    for pair in pairs
                    for reply in (pair.chosen, pair.rejected)
                ],
            ),
        )
    if how == "facts":
        rng = random.Random(f"facts:{seed}")
        stated = dict.fromkeys(fact for section in handbook(seed) for fact in section.facts)
        learned = [
            (AssistantQuestion(fact.ask(rng, "train"), fact.value, (), frozenset()), fact.value)
            for fact in stated
            for _ in range(N_TIMES)
        ]
        examples = [
            [*asked.messages(SHORT), assistant(support_reply(value, 1))] for asked, value in learned
        ]
    else:
        examples = [[*one.messages(SHORT), assistant(one.reply)] for one in transcripts(seed)]
    examples += old_conversations(round(REPLAY * len(examples)), seed)
    rate = {"method": "full", "learning_rate": 3e-4} if how == "full" else {"learning_rate": 1e-3}
    model, seconds = timed(
        lambda: fine_tune(chat, examples, Options(batch_size=8, seed=seed, **rate))
    )
    return model, seconds, _n_tokens(chat, examples)


def _n_tokens(chat: LocalChat, conversations: Sequence[Messages]) -> int:
    texts = chat.tokenizer.apply_chat_template(
        [chat.known_roles(messages) for messages in conversations], tokenize=False
    )
    return sum(len(ids) for ids in chat.tokenizer(texts, add_special_tokens=False)["input_ids"])


def _mistakes(chat: LocalChat, asked: Sequence[AssistantQuestion]) -> list[Pair]:
    """Return pairs of the required reply and the model's own reply, if that is not fully correct.

    If the model makes no mistakes, the pair has a reply against silence.
    """
    replies = [
        reply.text
        for reply in chat.batch([one.messages(SHORT) for one in asked], max_new_tokens=MAX_NEW)
    ]
    wrong = [
        (one, text)
        for one, text in zip(asked, replies)
        if not aspects(text, one.value if one.gold else None, one.gold).all_four
    ]
    return [Pair(one.messages(SHORT), one.reply, text) for one, text in wrong or [(asked[0], "")]]


def _as_found(asked: AssistantQuestion) -> AssistantQuestion:
    return asked


VIEWS = {
    "nothing": AssistantQuestion.closed,
    "found": _as_found,
    "first": AssistantQuestion.with_first,
    "right": AssistantQuestion.with_oracle,
}
PROMPTS = {"full": IN_FULL, "steps": f"{IN_FULL} {STEP_BY_STEP}", "short": SHORT, "bare": SHORT}


def asks(arm: Arm, asked: AssistantQuestion, seed: int) -> Messages:
    """Return the prompt of a condition."""
    view = VIEWS[arm.shows]
    if arm.prompt == "examples":
        return few_shot(view(asked), transcripts(seed)[:N_EXAMPLES], view)
    if arm.prompt == "similar":
        return few_shot(view(asked), similar_transcripts(asked, seed), view)
    messages = view(asked).messages(PROMPTS[arm.prompt])
    return messages[1:] if arm.prompt == "bare" else messages


def answers(
    model: LocalChat, asked: Sequence[AssistantQuestion], arm: Arm, seed: int
) -> list[Reply]:
    """Return the replies of a condition."""
    if not arm.has_model:
        least, _ = threshold(seed)
        return [reply(one.question, one.hits, least) for one in asked]
    return model.batch([asks(arm, one, seed) for one in asked], max_new_tokens=MAX_NEW)


def arms(chat: LocalChat, seed: int, arm: str) -> dict:
    """Measure one condition on the test set of a seed."""
    built = ARMS[arm]
    asked = test_questions(seed)
    model, build_seconds, training_tokens = (
        tuned(chat, seed, built.tuning) if built.tuning else (chat, 0.0, 0)
    )
    if not built.has_model:
        build_seconds = threshold(seed)[1]
    shown = [VIEWS[built.shows](one) for one in asked]
    replies = answers(model, asked, built, seed)
    found = [aspects(reply.text, one.value, one.gold) for one, reply in zip(shown, replies)]
    declined = [NOT_FOUND in reply.text for reply in replies]
    row = {name: sum(getattr(one, aspect) for one in found) for name, aspect in COUNTS.items()} | {
        "of": len(asked)
    }
    row |= {
        "declined, of answerable": sum(
            no and one.value is not None for no, one in zip(declined, asked)
        ),
        "invented, of unanswerable": sum(
            not no and one.value is None for no, one in zip(declined, asked)
        ),
    }
    row |= {
        "prompt tokens": round(statistics.mean(reply.n_prompt_tokens for reply in replies), 1),
        "completion tokens": round(
            statistics.mean(reply.n_completion_tokens for reply in replies), 1
        ),
    }
    alone = sorted(_seconds_alone(model, one, built, seed) for one in asked[:N_TIMED])
    row |= {
        "p50": round(statistics.median(alone), 3),
        "p95": round(alone[-1], 3),
        "build seconds": round(build_seconds, 1),
    }
    return row | {
        "training tokens": training_tokens,
        "trained": _n_trained(model) if built.tuning else 0,
    }


def _n_trained(chat: LocalChat) -> int:
    """Count the parameters of the adapter, or of the whole model without an adapter."""
    adapter = [
        parameter.numel() for name, parameter in chat.model.named_parameters() if "lora_" in name
    ]
    return sum(adapter) or chat.model.num_parameters()


def _seconds_alone(model: LocalChat, asked: AssistantQuestion, arm: Arm, seed: int) -> float:
    """Measure the seconds of a single query, including its search if chunks are shown."""
    search = (
        timed(lambda: shelf(handbook(seed)).search([asked.question], K))[1]
        if arm.shows_chunks
        else 0.0
    )
    return search + timed(lambda: answers(model, [asked], arm, seed))[1]


STUDIES = {"arms": Study(arms, grid(arm=tuple(ARMS)), claims=("H2", "H5"))}
