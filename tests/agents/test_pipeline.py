"""Each role sees the chunks and what the role before it said; the last has the last word."""

from datetime import date

import pytest

from adaptlab.agents.pipeline import ROLES, work_through
from adaptlab.models.chat import ScriptedChat
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.retrieve import Hit


def hit(text):
    return Hit(Chunk(1, text, "s", "t", "The lamp", date(2026, 1, 1), 0, len(text)), 1.0)


def test_each_role_has_the_work_of_the_one_before():
    def reply(messages):
        role = next(
            name for name, instruction in ROLES.items() if messages[0]["content"] == instruction
        )
        return f"{role} on {messages[-1]['content']}"

    chat = ScriptedChat(reply)
    first, second = work_through(
        chat, ["price?", "colour?"], [[hit("It costs 5.")], [hit("It is red.")]]
    )
    assert (first.text, second.text) == ("critic on price?", "critic on colour?") and list(
        first.replies
    ) == list(ROLES)
    notes = [messages[1]["content"] for messages in chat.calls]
    assert (
        "Said by" not in notes[0]
        and notes[2].endswith("Said by research: research on price?")
        and notes[5].endswith("Said by writer: writer on colour?")
    )
    assert all("It costs 5." in note for note in notes[::2]) and all(
        "It is red." in note for note in notes[1::2]
    )
    assert (
        first.n_tokens
        == sum(
            reply.n_prompt_tokens + reply.n_completion_tokens for reply in first.replies.values()
        )
        > 0
    )


def test_changes_are_told_by_role():
    said = iter(["5", "5", "6"])
    (done,) = work_through(
        ScriptedChat(lambda messages: next(said)), ["price?"], [[hit("It costs 5.")]]
    )
    assert done.changed() == {"writer": False, "critic": True} and done.text == "6"


def test_questions_and_chunks_belong_together():
    with pytest.raises(ValueError, match="zip"):
        work_through(ScriptedChat(["a"]), ["price?"], [])
