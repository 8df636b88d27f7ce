"""A model's chat template, checked before anything is believed of it: what it renders, what it leaves out, and where a reply ends."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from jinja2 import TemplateError
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from adaptlab.errors import AdaptLabError
from adaptlab.models.chat import Messages

ASKED, REPLY, SYSTEM = "adaptlab question", "adaptlab reply", "adaptlab instruction"  # words that no template holds
TOOL = "adaptlab_tool"
JOINER = "\u2060"  # WORD JOINER: invisible, and between two characters it keeps them from being read as one token
THINKS = re.compile(r".*</think>", re.DOTALL)  # templates of reasoning models drop an earlier turn's thoughts

NONE = "The tokenizer of {} has no chat template. Choose an instruction-tuned model, or set tokenizer.chat_template and save the tokenizer again."
OPENS_NO_REPLY = "The chat template of {} ignores add_generation_prompt, so a prompt does not open a reply. Use a template that does."


def _turns(*contents: str, system: str = "") -> Messages:
    """Turns of user and assistant by turns, after a system message if there is one."""
    roles = ("user", "assistant")
    turns = [{"role": roles[i % 2], "content": content} for i, content in enumerate(contents)]
    return ([{"role": "system", "content": system}] if system else []) + turns


@dataclass(frozen=True)
class ChatTemplate:
    """The template of a tokenizer; `name` is the model's, for messages."""

    name: str
    tokenizer: PreTrainedTokenizerBase

    def render(self, messages: Messages, prompt: bool = False, template: str | None = None) -> str:
        """The text of a conversation, and if it is a prompt the header of the reply that is asked for.

        Raises AdaptLabError if the template refuses the messages, or does not render one of them.
        """
        if not template:
            self.require()
        text = self._text(messages, prompt, template)
        self.check_rendered(messages, text)
        return text

    def require(self) -> None:
        """Raises AdaptLabError if the tokenizer has no template, or one with which a prompt does not open a reply."""
        if not self.tokenizer.chat_template:
            raise AdaptLabError(NONE.format(self.name))
        if not self._opens_replies:
            raise AdaptLabError(OPENS_NO_REPLY.format(self.name))

    def _text(self, messages: Messages, prompt: bool = False, template: str | None = None) -> str:
        try:
            # `enable_thinking`: templates of reasoning models would else open with thoughts that outlast a short reply; others ignore it.
            return self.tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=prompt, enable_thinking=False)
        except (TemplateError, TypeError, ValueError) as error:
            raise AdaptLabError(f"The chat template of {self.name} refuses these messages ({error}). Change their roles or order.") from error

    def check_rendered(self, messages: Messages, text: str) -> None:
        """Raises AdaptLabError if a message's words are missing in the text, or stand in another order."""
        place = 0
        for number, message in enumerate(messages, 1):
            content = message["content"].strip()
            found = text.find(content, place)
            if found < 0 and message["role"] == "assistant":
                content = THINKS.sub("", content).strip()
                found = text.find(content, place)
            if found < 0:
                raise AdaptLabError(
                    f"The chat template of {self.name} does not render message {number} ({message['role']}). Use a template that renders every message."
                )
            place = found + len(content)

    @cached_property
    def _opens_replies(self) -> bool:
        return len(self._text(_turns(ASKED), prompt=True)) > len(self._text(_turns(ASKED)))

    @cached_property
    def takes_system(self) -> bool:
        """Whether a system message is rendered. Some templates refuse it, others drop it without a word."""
        self.require()
        try:
            return SYSTEM in self._text(_turns(ASKED, system=SYSTEM))
        except AdaptLabError:
            return False

    @cached_property
    def takes_tools(self) -> bool:
        """Whether the template shows tools to the model."""
        tool = {"type": "function", "function": {"name": TOOL, "description": TOOL, "parameters": {"type": "object", "properties": {}}}}
        try:
            return TOOL in self.tokenizer.apply_chat_template(_turns(ASKED), tools=[tool], tokenize=False)
        except (TemplateError, TypeError, ValueError):
            return False

    @cached_property
    def end_ids(self) -> tuple[int, ...]:
        """The tokens that may follow a reply's last word: the end of its turn, or where a template has none, what opens the next turn."""
        found = []
        for turns in (_turns(ASKED, REPLY), _turns(ASKED, REPLY, ASKED)):
            try:
                _, rendered, after = self._text(turns).rpartition(REPLY)
            except AdaptLabError:  # a template may refuse a conversation that ends with the user
                continue
            if not rendered:
                continue
            ids = self.tokenizer(after, add_special_tokens=False)["input_ids"]
            found += [i for i in ids if i in self._control_ids][:1]
        return tuple(dict.fromkeys(found))

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        return frozenset(i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special) | set(self.tokenizer.all_special_ids)

    @cached_property
    def _controls(self) -> re.Pattern | None:
        words = [word for word in map(str, self.tokenizer.convert_ids_to_tokens(sorted(self._control_ids))) if len(word) > 1]
        return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True)))) if words else None

    def control_token(self, content: str) -> str:
        """The first control token that a text holds, or an empty string."""
        found = self._controls.search(content) if self._controls else None
        return found[0] if found else ""

    def as_text(self, content: str) -> str:
        """A text in which control tokens are plain characters: nobody ends a turn, or opens another, by writing its mark."""
        return self._controls.sub(lambda found: found[0][0] + JOINER + found[0][1:], content) if self._controls else content


def merge_system(messages: Sequence[dict]) -> Messages:
    """System messages put in front of the user turn that follows them, for templates that take none."""
    merged, pending = [], ""
    for message in messages:
        if message["role"] == "system":
            pending += f"{message['content']}\n\n"
        elif message["role"] == "user":
            merged.append(message | {"content": pending + message["content"]})
            pending = ""
        else:
            merged.append(dict(message))
    return [*merged, {"role": "user", "content": pending.strip()}] if pending else merged


def stop_at_end_of_turn(model: PreTrainedModel, template: ChatTemplate) -> None:
    """Let generation stop where the template ends a reply.

    The generation settings of a base model end at the mark of a document's end, which a conversation never holds: tuned, it would go on to the limit.
    """
    config = model.generation_config
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    ends = [end for end in ends if end is not None]
    if missing := [end for end in template.end_ids if end not in ends]:
        config.eos_token_id = ends + missing
