"""Three roles, one call each: the first notes the facts in the chunks, the second writes the
answer, the third checks it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adaptlab.messages import Messages
from adaptlab.models.chat import Chat, Reply
from adaptlab.rag.answer import INSTRUCTION, prompt
from adaptlab.rag.retrieve import Hit

ROLES = {
    "research": INSTRUCTION,
    "writer": f"A colleague noted what the chunks say. Write the answer. {INSTRUCTION}",
    "critic": (
        "A colleague wrote an answer. If it is right, repeat it. If it is wrong, give the right"
        f" one. {INSTRUCTION}"
    ),
}


@dataclass(frozen=True)
class Worked:
    """The output of each role for one question, in the order of ROLES; the last is the answer."""

    replies: dict[str, Reply]

    @property
    def text(self) -> str:
        return list(self.replies.values())[-1].text

    @property
    def n_tokens(self) -> int:
        """Tokens of all prompts and replies."""
        return sum(
            reply.n_prompt_tokens + reply.n_completion_tokens for reply in self.replies.values()
        )

    def changed(self) -> dict[str, bool]:
        """For each role after the first: whether its output differs from the previous role's."""
        names = list(self.replies)
        return {
            name: self.replies[name].text != self.replies[before].text
            for before, name in zip(names, names[1:])
        }


def _with_work(
    question: str, hits: Sequence[Hit], role: str, earlier: dict[str, Reply]
) -> Messages:
    """Return the prompt of a role: the chunks, then the previous role's output as data under its
    name.
    """
    messages = prompt(question, hits, ROLES[role])
    if earlier:
        name, reply = list(earlier.items())[-1]
        messages[1] = messages[1] | {
            "content": f"{messages[1]['content']}\nSaid by {name}: {reply.text}"
        }
    return messages


def work_through(
    chat: Chat, questions: Sequence[str], found: Sequence[Sequence[Hit]], max_new_tokens: int = 48
) -> list[Worked]:
    """Run all roles on each question with its chunks; a role's calls share batches."""
    done: list[dict[str, Reply]] = [{} for _ in questions]
    for role in ROLES:
        prompts = [
            _with_work(question, hits, role, earlier)
            for question, hits, earlier in zip(questions, found, done, strict=True)
        ]
        replies = chat.batch(prompts, max_new_tokens=max_new_tokens)
        done = [earlier | {role: reply} for earlier, reply in zip(done, replies)]
    return [Worked(replies) for replies in done]
