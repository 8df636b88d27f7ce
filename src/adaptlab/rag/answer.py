"""Answer a question from retrieved chunks, with checked citations, or abstain."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from adaptlab.checks import check_number, check_pairs, check_whole
from adaptlab.messages import NOT_FOUND, Messages, data, system, user
from adaptlab.models.chat import Chat, Reply
from adaptlab.rag.filters import Where
from adaptlab.rag.retrieve import Hit, Retriever, checked_scores

INSTRUCTION = (
    f"Use only the context and cite the chunk. If it does not hold the answer, say: {NOT_FOUND}"
)

LEAST_BACKED = 0.5  # share of the words an answer adds to its question that must occur in the chunk


@dataclass(frozen=True)
class TokenPrices:
    """Money for a million tokens."""

    prompt: float
    completion: float


@dataclass(frozen=True)
class Answer:
    """`text` is the model's answer; `cited` are the cited hits, `invented_citations` the numbers of
    unknown chunks.

    `seconds` and tokens are this question's share of its batch.
    """

    question: str
    text: str
    hits: tuple[Hit, ...]
    cited: tuple[Hit, ...]
    invented_citations: tuple[int, ...]
    abstained: bool
    n_prompt_tokens: int
    n_completion_tokens: int
    seconds: dict[str, float]

    def cost(self, prices: TokenPrices) -> float:
        """Money for this answer's tokens."""
        return (
            self.n_prompt_tokens * prices.prompt + self.n_completion_tokens * prices.completion
        ) / 1e6


def prompt(question: str, hits: Sequence[Hit], instruction: str = INSTRUCTION) -> Messages:
    """Return the prompt: the chunks numbered from 1 in a turn of their own, as data, then the
    question.
    """
    numbered = "\n".join(f"[{i}] {hit.chunk.in_context()}" for i, hit in enumerate(hits, 1))
    return [system(instruction), data(numbered), user(question)]


_CITATION = re.compile(r"\[([\d, ]+)\]")


def citations(text: str) -> list[int]:
    """Return the numbers in square brackets, each once, in order."""
    return list(
        dict.fromkeys(
            int(number) for group in _CITATION.findall(text) for number in re.findall(r"\d+", group)
        )
    )


def without_citations(text: str) -> str:
    """Return the text without citations, and without white space at its ends."""
    return _CITATION.sub(" ", text).strip()


NOT_ASKED = Reply(NOT_FOUND, 0, 0, 0.0)


class Pipeline:
    """Retrieve, then answer. If the best hit is below `least_score`, the pipeline abstains without
    asking the model.
    """

    def __init__(
        self,
        retriever: Retriever,
        chat: Chat,
        k: int = 4,
        least_score: float | None = None,
        instruction: str = INSTRUCTION,
        max_new_tokens: int = 48,
    ):
        check_whole(k, "k", 1)
        if least_score is not None:
            check_number(least_score, "least_score")
        self.retriever = retriever
        self.chat = chat
        self.k = k
        self.least_score = least_score
        self.instruction = instruction
        self.max_new_tokens = max_new_tokens

    def _hits(self, questions: Sequence[str], where: Where | None) -> tuple[list[list[Hit]], float]:
        start = time.perf_counter()
        found = self.retriever.search(questions, min(self.k, len(self.retriever.collection)), where)
        return found, (time.perf_counter() - start) / max(len(questions), 1)

    def _worth_asking(self, hits: Sequence[Hit]) -> bool:
        return bool(hits) and (self.least_score is None or hits[0].score >= self.least_score)

    def answer(self, questions: Sequence[str], where: Where | None = None) -> list[Answer]:
        """Return one answer per question; the model is asked in batches."""
        found, search_seconds = self._hits(questions, where)
        return self.answer_from(questions, found, search_seconds)

    def answer_from(
        self, questions: Sequence[str], found: Sequence[Sequence[Hit]], search_seconds: float = 0.0
    ) -> list[Answer]:
        """Return answers from given chunks: those of another search, or of an oracle."""
        check_pairs(questions, found, "Questions and hits")
        asked = [i for i, hits in enumerate(found) if self._worth_asking(hits)]
        prompts = [prompt(questions[i], found[i], self.instruction) for i in asked]
        replies = dict(
            zip(
                asked,
                self.chat.batch(prompts, max_new_tokens=self.max_new_tokens) if prompts else [],
            )
        )
        answers = []
        for i, (question, hits) in enumerate(zip(questions, found, strict=True)):
            answers.append(check(question, hits, replies.get(i, NOT_ASKED), search_seconds))
        return answers

    def stream(self, question: str, where: Where | None = None) -> Iterator[str | Answer]:
        """Yield the answer's pieces, then the checked answer. Tokens are not counted in a
        stream.
        """
        (hits,), search_seconds = self._hits([question], where)
        start = time.perf_counter()
        pieces = []
        if self._worth_asking(hits):
            for piece in self.chat.stream(
                prompt(question, hits, self.instruction), max_new_tokens=self.max_new_tokens
            ):
                pieces.append(piece)
                yield piece
        else:
            pieces.append(NOT_FOUND)
            yield NOT_FOUND
        yield check(
            question,
            hits,
            Reply("".join(pieces), 0, 0, time.perf_counter() - start),
            search_seconds,
        )


def check(question: str, hits: Sequence[Hit], reply: Reply, search_seconds: float = 0.0) -> Answer:
    """Return a reply as an answer, with its citations resolved to hits."""
    text = reply.text.strip()
    numbers = citations(text)
    cited = tuple(hits[i - 1] for i in numbers if 1 <= i <= len(hits))
    invented = tuple(i for i in numbers if not 1 <= i <= len(hits))
    seconds = {"search": search_seconds, "answer": reply.seconds}
    return Answer(
        question,
        text,
        tuple(hits),
        cited,
        invented,
        NOT_FOUND in text,
        reply.n_prompt_tokens,
        reply.n_completion_tokens,
        seconds,
    )


def verified(
    answers: Sequence[Answer], score: Callable[[list[tuple[str, str]]], Sequence[float]]
) -> list[Answer]:
    """Return each answer with one verified citation: the best given chunk by `score`, if it
    contains the answer.

    Otherwise the answer has no citation: its words come from elsewhere, and a reader should know.
    The model's own citations are ignored.
    """
    spoken = [answer for answer in answers if answer.hits and not answer.abstained]
    pairs = [(answer.question, hit.chunk.in_context()) for answer in spoken for hit in answer.hits]
    scores = iter(checked_scores(score(pairs), len(pairs)))
    cited = iter(
        [
            _backed(answer, answer.hits[_first([next(scores) for _ in answer.hits])])
            for answer in spoken
        ]
    )
    return [
        replace(a, cited=next(cited) if a.hits and not a.abstained else (), invented_citations=())
        for a in answers
    ]


def _first(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=scores.__getitem__)


def _backed(answer: Answer, hit: Hit) -> tuple[Hit, ...]:
    added = _words(without_citations(answer.text)) - _words(answer.question)
    held = added & _words(hit.chunk.in_context())
    return (hit,) if added and len(held) / len(added) >= LEAST_BACKED else ()


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
