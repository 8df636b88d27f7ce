"""Constrained decoding: a model can only generate JSON that a schema allows."""

import json

import numpy as np
import torch
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer
from pydantic import BaseModel
from transformers import LogitsProcessor

from adaptlab.errors import AdaptLabError


class JsonConstraint(LogitsProcessor):
    """Restrict a batch to text that a schema allows (llguidance). Use one instance per call of
    generate.

    `schema` is a pydantic model or a JSON schema.

    Raises:
        AdaptLabError: if llguidance does not support the JSON schema.
    """

    def __init__(self, schema: type[BaseModel] | dict, tokenizer):
        if not isinstance(schema, dict) and not hasattr(schema, "model_json_schema"):
            given = f"The schema is {type(schema).__name__}"
            raise AdaptLabError(f"{given}. Give a pydantic model or a JSON schema.")
        spaced = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
        described = json.dumps(
            (schema if isinstance(schema, dict) else schema.model_json_schema())
            | {"x-guidance": spaced}
        )
        # A space may come first: some models, ours among them, open every reply with one, and are
        # degraded without it.
        self.grammar = LLMatcher.grammar_from_lark(f"start: / ?/ record\nrecord: %json {described}")
        self.tokenizer = from_tokenizer(tokenizer)
        if reason := LLMatcher.validate_grammar(self.grammar, self.tokenizer):
            raise AdaptLabError(
                "The JSON schema is not supported for constrained decoding"
                f" ({reason.strip().splitlines()[0]}). Simplify it."
            )
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
        bits = np.stack(
            [
                self._allowed(matcher, tokens[row] if tokens else None)
                for row, matcher in enumerate(self.matchers)
            ]
        )
        # (B, V); ids outside the tokenizer stay forbidden.
        allowed = np.unpackbits(bits, axis=1, count=scores.shape[1], bitorder="little").astype(bool)
        return scores.masked_fill(~torch.from_numpy(allowed).to(scores.device), -torch.inf)

    def _allowed(self, matcher: LLMatcher, token: int | None) -> np.ndarray:
        """Return the tokens that may follow `token`, one bit each."""
        if token is not None and not matcher.is_stopped():
            matcher.consume_token(token)
        if matcher.is_stopped():
            return self.only_end
        return np.frombuffer(matcher.compute_bitmask(), np.uint8)
