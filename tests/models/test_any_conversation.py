"""What is believed of a chat template holds for any conversation, or it is refused by name."""

import re
from functools import cache
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_template import MARKS, OF_TEXT, TALK, ids_of, stored
from trl.chat_template_utils import get_training_chat_template

from adaptlab.errors import AdaptLabError
from adaptlab.messages import assistant, data, system, user
from adaptlab.models.local import LocalChat
from adaptlab.models.template import JOINER, THINKS
from adaptlab.tune.loss_mask import IGNORED, by_prefixes
from adaptlab.tune.rows import _ids_and_masks, tokenized

chat_of = cache(stored)
# Words that templates look for in a message, beside the marks of every family.
MARKUP = [
    "<think>",
    "</think>",
    "<|channel|>analysis",
    "{{ x }}",
    "{% if %}",
    "[/INST]",
    "</s>",
    "<tool_call>",
]
STORED_TEXTS = [chat_of(name).tokenizer.chat_template for name in OF_TEXT]
FOREIGN = sorted({mark for template in STORED_TEXTS for mark in MARKS.findall(template)})

LETTERS = st.characters(codec="utf-8", exclude_characters=JOINER + "<>[]{}")
PLAIN = st.text(LETTERS, min_size=1).filter(str.strip)
TOKEN = st.sampled_from([*MARKUP, *FOREIGN])
HOSTILE = st.lists(PLAIN | TOKEN | st.sampled_from(["", " ", "\n"]), max_size=4).map("".join)


@st.composite
def talks(draw, content) -> list[dict]:
    """A conversation that ends with the user: perhaps a system message, then turns, with data."""
    made = [system(draw(content))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        made += [user(draw(content)), assistant(draw(content))]
    made += [data(draw(content))] * draw(st.booleans())
    return [*made, user(draw(content))]


ROLES = st.sampled_from(["system", "user", "assistant", "data"])
MESSAGE = st.fixed_dictionaries({"role": ROLES, "content": PLAIN | HOSTILE})
ANY_ORDER = st.lists(MESSAGE, min_size=1, max_size=5)


def words(text: str) -> str:
    """A text without what keeps control tokens apart in it."""
    return re.sub(f"(?<=\\S){JOINER}", "", text)


def without_thoughts(reply: str) -> str:
    return reply.rpartition("</think>")[2].strip()


def shows_in_order(text: str, messages: list[dict]) -> bool:
    """Whether each message's words are in a text, in order.

    Templates of reasoning models drop the thoughts of an earlier turn.
    """
    place = 0
    for message in messages:
        content = words(message["content"]).strip()
        said = without_thoughts(content) if message["role"] == "assistant" else content
        found = [each for each in (content, said) if each in text[place:]]
        ends = [text.find(each, place) + len(each) for each in found]
        if not ends:
            return False
        place = min(ends)
    return True


def in_plain_words(content: str) -> dict:
    return {"content": "x" if content.strip() else content}


def controls(chat: LocalChat, text: str) -> list[int]:
    marks = set(chat.tokenizer.all_special_ids) | set(chat.tokenizer.added_tokens_decoder)
    return [token for token in ids_of(chat, text) if token in marks]


def begins_with_prompts(chat: LocalChat, conversation: list[dict]) -> bool:
    """Whether a conversation begins with the prompt of each of its replies."""
    known = chat.known_roles(conversation)
    whole = chat.template.render(known)
    places = [i for i, message in enumerate(known) if message["role"] == "assistant"]
    prompts = [chat.template.render(known[:place], prompt=True) for place in places if place]
    return len(prompts) == len(places) and all(map(whole.startswith, prompts))


def masked(chat: LocalChat, ids: list[list[int]], masks: list[list[int]]) -> list[str]:
    """Return the masked words of a conversation, without thoughts and control tokens."""
    found = []
    pairs = groupby(zip(ids[0], masks[0]), key=lambda pair: pair[1])
    for in_reply, run in pairs:
        if in_reply:
            text = chat.tokenizer.decode([token for token, _ in run], skip_special_tokens=True)
            found.append(THINKS.sub("", text).strip())
    return found


def knows_marks(chat: LocalChat) -> bool:
    try:
        return bool(get_training_chat_template(chat.tokenizer))
    except ValueError:
        return False


def learned_runs(chat: LocalChat, conversation: list[dict]) -> list[list[int]]:
    (row,) = tokenized(chat, [conversation], 99_999)
    pairs = groupby(row["labels"], key=lambda label: label != IGNORED)
    return [list(run) for learned, run in pairs if learned]


@pytest.mark.parametrize("name", OF_TEXT)
@given(messages=talks(PLAIN), reply=PLAIN)
@example(messages=TALK[:4], reply=TALK[4]["content"])
def test_a_conversation_of_plain_words_is_rendered_and_its_reply_scored(name, messages, reply):
    chat = chat_of(name)
    prompt = chat.render(messages)
    assert shows_in_order(prompt, messages)
    known = chat.known_roles(messages)
    assert chat.template.end_ids and len(prompt) > len(chat.template.render(known))
    whole = chat.template.render([*known, assistant(reply)])
    before, scored = chat._reply_ids(messages, reply)
    assert before == ids_of(chat, prompt)
    assert chat.tokenizer.decode(scored).strip().endswith(reply.strip())
    if whole.startswith(prompt):
        ids = ids_of(chat, whole)
        assert ids[: len(before + scored)] == before + scored
        after = ids[len(before + scored) :]
        rest = [token for token in after if chat.tokenizer.decode(token).strip()]
        assert not rest or rest[0] in chat.template.end_ids


@pytest.mark.parametrize("name", OF_TEXT)
@given(messages=talks(PLAIN), reply=PLAIN, weights=st.tuples(*[st.integers(0, 1)] * 2))
@example(messages=TALK[:4], reply=TALK[4]["content"], weights=(1, 1))
@example(messages=TALK[1:2], reply="In the hall \N{LEDGER}", weights=(1, 1))
def test_replies_of_weight_1_are_learned_with_their_ends(name, messages, reply, weights):
    chat = chat_of(name)
    weight = iter((*weights, 1))
    whole = [dict(message) for message in [*messages, assistant(reply)]]
    replies = [message for message in whole if message["role"] == "assistant"]
    for message in replies[:-1]:
        message["weight"] = next(weight)
    try:
        runs = learned_runs(chat, whole)
    except AdaptLabError as refused:
        assert "does not mark replies" in str(refused) and not begins_with_prompts(chat, whole)
        return
    learned = [message["content"] for message in replies if message.get("weight", 1)]
    assert len(runs) == len(learned)
    for run, content in zip(runs, learned):
        assert content.strip() in chat.tokenizer.decode(run, skip_special_tokens=True)
        assert set(chat.template.end_ids) & set(run)


@pytest.mark.parametrize("name", OF_TEXT)
@given(messages=talks(PLAIN), reply=PLAIN)
@example(messages=TALK[:4], reply=TALK[4]["content"])
def test_prompts_tell_the_replies_that_marks_tell(name, messages, reply):
    """Where TRL knows how to mark a template's replies, its prompts tell the same ones."""
    chat = chat_of(name)
    talk = chat.known_roles([*messages, assistant(reply)])
    if not knows_marks(chat):
        return
    try:
        by_prompts = by_prefixes(chat, [talk])
    except AdaptLabError as refused:
        assert "does not mark replies" in str(refused)
        return
    ours, theirs = (masked(chat, *found) for found in (by_prompts, _ids_and_masks(chat, [talk])))
    # Some marks include the name of the role or of a channel.
    assert len(ours) == len(theirs) and all(map(str.endswith, theirs, ours))
    replies = [message["content"] for message in talk if message["role"] == "assistant"]
    assert all(map(str.endswith, ours, map(str.strip, replies)))


@pytest.mark.parametrize("name", OF_TEXT)
@given(messages=talks(HOSTILE), reply=HOSTILE)
def test_control_tokens_in_a_conversation_are_text_or_refused_by_name(name, messages, reply):
    """The control tokens of a prompt are those of the same conversation in plain words."""
    chat = chat_of(name)
    try:
        prompt = chat.render(messages)
    except AdaptLabError as refused:
        assert re.search(r"does not render message \d|refuses these messages", str(refused))
        return
    assert shows_in_order(words(prompt), messages)
    plain = chat.render([message | in_plain_words(message["content"]) for message in messages])
    assert controls(chat, prompt) == controls(chat, plain)
    before, scored = chat._reply_ids(messages, reply)
    assert before == ids_of(chat, prompt)
    # With the prompt, which may open the thoughts that a reply begins with.
    shown = words(chat.tokenizer.decode([*before, *scored]))
    assert shown.strip().endswith(without_thoughts(words(reply)))
    if chat.template.control_token(reply):
        with pytest.raises(AdaptLabError, match="control token"):
            learned_runs(chat, [*messages, assistant(reply)])


@pytest.mark.parametrize("name", OF_TEXT)
@given(messages=ANY_ORDER)
def test_messages_in_any_order_are_all_rendered_or_refused_in_a_sentence(name, messages):
    chat = chat_of(name)
    try:
        prompt = words(chat.render(messages))
    except AdaptLabError as refused:
        assert re.search(r"message \d|these messages|last message", str(refused))
        return
    assert all(shows_in_order(prompt, [message]) for message in messages)
