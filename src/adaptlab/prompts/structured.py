"""Structured output: asking for it, repairing it, and constraining the decoder so that nothing else can come out."""

import json
from dataclasses import dataclass

import numpy as np
import torch
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer
from pydantic import BaseModel, ValidationError
from transformers import LogitsProcessor

from adaptlab.models.chat import Messages


def validation_error(text: str, schema: type[BaseModel]) -> str | None:
    """What is wrong with a reply as an instance of the schema, in one line, or None."""
    try:
        schema.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'reply'}: {first['msg']}"
    return None


@dataclass(frozen=True)
class Repaired:
    """The first and the last reply, the number of calls up to it, and whether it is valid."""

    first: str
    text: str
    n_calls: int
    valid: bool


def ask_and_repair(chat, conversations: list[Messages], schema: type[BaseModel], max_calls: int = 3, **options) -> list[Repaired]:
    """Ask; where the reply does not validate, show the model its reply with the error and ask again, max_calls times in all."""
    conversations = [list(messages) for messages in conversations]
    results: list[Repaired] = [Repaired("", "", 0, False)] * len(conversations)
    open_ones = list(range(len(conversations)))
    for n_calls in range(1, max_calls + 1):
        replies = chat.batch([conversations[i] for i in open_ones], **options)
        still_open = []
        for i, reply in zip(open_ones, replies):
            error = validation_error(reply.text, schema)
            results[i] = Repaired(results[i].first if n_calls > 1 else reply.text, reply.text, n_calls, error is None)
            if error:
                repair = f"That is not valid ({error}). Write the record again."
                conversations[i] += [{"role": "assistant", "content": reply.text}, {"role": "user", "content": repair}]
                still_open.append(i)
        open_ones = still_open
        if not open_ones:
            break
    return results


class JsonConstraint(LogitsProcessor):
    """Lets a batch generate only what a pydantic schema allows (llguidance). Use one instance for one call of generate."""

    def __init__(self, schema: type[BaseModel], tokenizer):
        spaced = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
        described = json.dumps(schema.model_json_schema() | {"x-guidance": spaced})
        # A space may come first: some models, ours among them, open every reply with one, and are thrown off course without.
        self.grammar = LLMatcher.grammar_from_lark(f"start: / ?/ record\nrecord: %json {described}")
        self.tokenizer = from_tokenizer(tokenizer)
        self.matchers: list[LLMatcher] = []
        self.n_prompt = 0

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Mask (B, V) scores so that each row stays inside the grammar."""
        if not self.matchers:
            self.matchers = [LLMatcher(self.tokenizer, self.grammar) for _ in range(len(input_ids))]
            self.n_prompt = input_ids.shape[1]
            self.only_end = np.zeros(len(self.matchers[0].compute_bitmask()), np.uint8)
            self.only_end[self.tokenizer.eos_token // 8] = 1 << self.tokenizer.eos_token % 8
        tokens = input_ids[:, -1].tolist() if input_ids.shape[1] > self.n_prompt else None
        bits = np.stack([self._allowed(matcher, tokens and tokens[row]) for row, matcher in enumerate(self.matchers)])
        allowed = np.unpackbits(bits, axis=1, count=scores.shape[1], bitorder="little").astype(bool)  # (B, V); what the tokenizer lacks stays forbidden
        return scores.masked_fill(~torch.from_numpy(allowed).to(scores.device), -torch.inf)

    def _allowed(self, matcher: LLMatcher, token: int | None) -> np.ndarray:
        """Which tokens may come after `token`, a bit each."""
        if token is not None and not matcher.is_stopped():
            matcher.consume_token(token)
        if matcher.is_stopped():
            return self.only_end
        return np.frombuffer(matcher.compute_bitmask(), np.uint8)
