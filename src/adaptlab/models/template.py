"""Check a model's chat template before use: what it renders, what it omits, and where a reply
ends.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from jinja2 import TemplateError, TemplateSyntaxError
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages

ASKED = "adaptlab question"
REPLY = "adaptlab reply"
SYSTEM = "adaptlab instruction"  # words that no template contains
TOOL = "adaptlab_tool"
# WORD JOINER: invisible, and between two characters it keeps them from being read as one token.
JOINER = "\u2060"
# Templates of reasoning models drop an earlier turn's thoughts.
THINKS = re.compile(r".*</think>", re.DOTALL)

NONE = (
    "The tokenizer of {} has no chat template. Choose an instruction-tuned model, or set"
    " tokenizer.chat_template and save the tokenizer again."
)
SEVERAL = "The tokenizer of {} has the chat templates {} but no default one. {}."
CHOOSE = "Set tokenizer.chat_template to one of them and save the tokenizer again"
NO_TEXT = "The chat template of {} is not a text. Set tokenizer.chat_template to one."
FAILURES: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
FAILURES += (TemplateError,)
OPENS_NO_REPLY = (
    "The chat template of {} ignores add_generation_prompt, so a prompt does not open a reply. Use"
    " a template that does."
)


def _turns(*contents: str, system: str = "") -> Messages:
    """Return alternating turns of user and assistant, after a system message if there is one."""
    roles = ("user", "assistant")
    turns = [{"role": roles[i % 2], "content": content} for i, content in enumerate(contents)]
    return ([{"role": "system", "content": system}] if system else []) + turns


# Templates of reasoning models would otherwise start with thoughts that use up a short reply;
# other templates ignore it.
NO_THOUGHTS = {"enable_thinking": False}


def _spellings(message: dict) -> set[str]:
    """Return the texts that a template may render for a message: an earlier reply may lose its
    thoughts.
    """
    content = message["content"].strip()
    said = THINKS.sub("", content).strip() if message["role"] == "assistant" else content
    return {content, said}


@dataclass(frozen=True)
class ChatTemplate:
    """The template of a tokenizer; `name` is the model's name, for messages."""

    name: str
    tokenizer: PreTrainedTokenizerBase

    def render(self, messages: Messages, prompt: bool = False, template: str | None = None) -> str:
        """Return the text of a conversation; a prompt ends with the header of the reply.

        Raises:
            AdaptLabError: if the template rejects the messages, or does not render one of them.
        """
        if not template:
            self.require()
        text = self._text(messages, prompt, template)
        self.check_rendered(messages, text)
        return text

    def require(self) -> None:
        """Check that the tokenizer has a template with which a prompt opens a reply.

        Raises:
            AdaptLabError: if it does not.
        """
        if not self.tokenizer.chat_template:
            raise AdaptLabError(NONE.format(self.name))
        stored = self.tokenizer.chat_template
        if isinstance(stored, dict) and "default" not in stored:
            raise AdaptLabError(SEVERAL.format(self.name, ", ".join(map(str, stored)), CHOOSE))
        if not isinstance(stored, str | dict):
            raise AdaptLabError(NO_TEXT.format(self.name))
        if not self._opens_replies:
            raise AdaptLabError(OPENS_NO_REPLY.format(self.name))

    def _text(self, messages: Messages, prompt: bool = False, template: str | None = None) -> str:
        try:
            return self.tokenizer.apply_chat_template(
                messages,
                chat_template=template,
                tokenize=False,
                add_generation_prompt=prompt,
                **NO_THOUGHTS,
            )
        except TemplateSyntaxError as error:
            says = f"The chat template of {self.name} is not valid Jinja in line {error.lineno}"
            fix = "Correct tokenizer.chat_template"
            raise AdaptLabError(f"{says} ({error.message}). {fix}.") from error
        except FAILURES as error:
            says = f"The chat template of {self.name} refuses these messages ({error})"
            if type(error) is TemplateError:  # raised by the template itself
                raise AdaptLabError(f"{says}. Change their roles or order.") from error
            fix = "Use a template that needs only messages, or change their roles or order"
            raise AdaptLabError(f"{says}. {fix}.") from error

    def check_rendered(self, messages: Messages, text: str) -> None:
        """Check that the text contains every message in order.

        Raises:
            AdaptLabError: if it does not.
        """
        place = 0
        for number, message in enumerate(messages, 1):
            places = ((text.find(content, place), len(content)) for content in _spellings(message))
            ends = [start + length for start, length in places if start >= 0]
            if not ends:
                raise AdaptLabError(
                    f"The chat template of {self.name} does not render message {number}"
                    f" ({message['role']}). Use a template that renders every message."
                )
            place = min(ends)

    @cached_property
    def _opens_replies(self) -> bool:
        """Whether a reply may follow a prompt: a header is added, or the user's turn ends the
        prompt.
        """
        prompt = self._text(_turns(ASKED), prompt=True)
        asked = self._text(_turns(ASKED))
        if len(prompt) > len(asked):
            return True
        try:
            whole = self._text(_turns(ASKED, REPLY))
        except AdaptLabError:
            return False
        return whole.startswith(prompt) and whole[len(prompt) :].lstrip().startswith(REPLY)

    @cached_property
    def takes_system(self) -> bool:
        """Whether a system message is rendered first. Some templates reject, drop or move it."""
        self.require()
        talks = (_turns(ASKED, system=SYSTEM), _turns(ASKED, REPLY, ASKED, system=SYSTEM))
        try:
            texts = [self._text(turns) for turns in talks]
        except AdaptLabError:
            return False
        # Some put it into the last question, and not before the first.
        return all(0 <= text.find(SYSTEM) < text.find(ASKED) for text in texts)

    @cached_property
    def takes_tools(self) -> bool:
        """Whether the template shows tools to the model."""
        tool = {
            "type": "function",
            "function": {
                "name": TOOL,
                "description": TOOL,
                "parameters": {"type": "object", "properties": {}},
            },
        }
        try:
            return TOOL in self.tokenizer.apply_chat_template(
                _turns(ASKED), tools=[tool], tokenize=False
            )
        except FAILURES:
            return False

    def _after_reply(self, turns: Messages) -> str:
        """Return the text after REPLY; nothing if the template rejects these turns."""
        try:
            return self._text(turns).rpartition(REPLY)[2]
        except AdaptLabError:  # a template may reject a conversation that ends with the user
            return ""

    @cached_property
    def ending(self) -> str:
        """Return the text that the template renders after the last reply of a conversation."""
        return self._after_reply(_turns(ASKED, REPLY))

    @cached_property
    def end_ids(self) -> tuple[int, ...]:
        """Return the tokens that may follow a reply's last word: the end of its turn.

        If a template has no such token, they are the tokens that open the next turn.
        """
        found = []
        for turns in (_turns(ASKED, REPLY), _turns(ASKED, REPLY, ASKED)):
            ids = self.tokenizer(self._after_reply(turns), add_special_tokens=False)["input_ids"]
            found += [i for i in ids if i in self._control_ids][:1]
        return tuple(dict.fromkeys(found))

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        return frozenset(
            i for i, token in self.tokenizer.added_tokens_decoder.items() if token.special
        ) | set(self.tokenizer.all_special_ids)

    @cached_property
    def _controls(self) -> re.Pattern | None:
        words = [
            word
            for word in map(str, self.tokenizer.convert_ids_to_tokens(sorted(self._control_ids)))
            if len(word) > 1
        ]
        return (
            re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))
            if words
            else None
        )

    def control_token(self, content: str) -> str:
        """Return the first control token in a text, or an empty string."""
        found = self._controls.search(content) if self._controls else None
        return found[0] if found else ""

    def as_text(self, content: str) -> str:
        """Return a text in which control tokens are plain characters: no text can end a turn by its
        mark.

        Raises:
            AdaptLabError: if the tokenizer still reads a control token in it.
        """
        if not self._may_hold_controls(content):
            return content
        for joiner in (JOINER, " "):  # a tokenizer that normalizes its text may remove the first
            text = self._apart(content, joiner)
            if not (found := self._read_as_control(text)):
                return text
        says = (
            f"A message contains the control token {found}, which {self.name} cannot read as text"
        )
        raise AdaptLabError(f"{says}. Remove it from the message.")

    def _apart(self, content: str, joiner: str) -> str:
        """Insert a joiner inside each control token of a text."""
        if not self._controls:
            return content
        return self._controls.sub(lambda found: found[0][0] + joiner + found[0][1:], content)

    def _may_hold_controls(self, content: str) -> bool:
        found = bool(self._controls and self._controls.search(content))
        return found or self._finds_normalized or any(map(content.__contains__, self._letters))

    @cached_property
    def _finds_normalized(self) -> bool:
        """Whether control tokens are also found in spellings that the tokenizer normalizes."""
        added = self.tokenizer.added_tokens_decoder
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None or backend.normalizer is None:
            return False
        return any(added[i].normalized for i in self._control_ids if i in added)

    @cached_property
    def _letters(self) -> tuple[str, ...]:
        """Return the one-letter control tokens that start or end a text or a turn."""
        ends = {*self.end_ids, self.tokenizer.bos_token_id, self.tokenizer.eos_token_id} - {None}
        words = map(str, self.tokenizer.convert_ids_to_tokens(sorted(ends)))
        return tuple(word for word in words if len(word) == 1 and not word.isspace())

    def _read_as_control(self, text: str) -> str:
        """Return the first control token that the tokenizer reads in a text, or an empty string."""
        words = self.tokenizer.convert_ids_to_tokens(sorted(self._control_ids))
        controls = {word for word in map(str, words) if len(word) > 1}.union(self._letters)
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        read = self.tokenizer.convert_ids_to_tokens(ids)
        return next((word for word in read if word in controls), "")


def stop_at_end_of_turn(model: PreTrainedModel, template: ChatTemplate) -> None:
    """Make generation stop at the template's end of a reply.

    The generation settings of a base model end at the mark of a document's end, which a
    conversation never contains. After fine-tuning it would generate up to the limit.
    """
    config = model.generation_config
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    ends = [end for end in ends if end is not None]
    if missing := [end for end in template.end_ids if end not in ends]:
        config.eos_token_id = ends + missing
