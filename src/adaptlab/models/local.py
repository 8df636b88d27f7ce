"""LocalChat: any causal language model of `transformers`, with batches, seeds and streaming."""

from collections.abc import Callable, Iterator
from threading import Thread

import torch
from transformers import LogitsProcessor, LogitsProcessorList, TextIteratorStreamer
from transformers.cache_utils import DynamicCache

from adaptlab.checks import check_pairs
from adaptlab.errors import AdaptLabError
from adaptlab.messages import Messages, merge_data, merge_system
from adaptlab.models.chat import Reply, check_messages, check_options, check_text, timed
from adaptlab.models.finite import NOT_FINITE
from adaptlab.models.load_local import load_local
from adaptlab.models.shared_prefix import (
    can_share,
    for_batch,
    padded_rests,
    read_prefix,
    shared_length,
)
from adaptlab.models.template import ChatTemplate, stop_at_end_of_turn

# Of prompts that share a pass; on a processor reading more at once took up to a third longer.
BATCH_TOKENS = {"cpu": 4096, "cuda": 16_384}
LONG_REPLY = 32
# Where writing outweighs reading, more rows a step took a third less.
LONG_REPLY_BATCH_TOKENS = 16_384
# Of a pass that keeps no cache: what a layer makes is to stay in the processor's.
PASS_TOKENS = 1024
LEAST_TEMPERATURE = 1e-6  # below it only the likeliest token is left, and numbers may overflow


class LocalChat:
    """A model on this machine. `model` and `tokenizer` are the real objects; lessons may use them
    directly.
    """

    def __init__(self, model_id: str, model=None, tokenizer=None, dtype: str = ""):
        check_text(model_id, "The model's id")
        self.name = model_id
        self.model, self.tokenizer = (
            (model, tokenizer) if model is not None else load_local(model_id, dtype)
        )
        self._has_data_role = "<|data|>" in self.tokenizer.get_vocab()
        self.template = ChatTemplate(model_id, self.tokenizer)
        if self.tokenizer.chat_template:
            stop_at_end_of_turn(self.model, self.template)
            if self.tokenizer.pad_token_id is None and (ends := self.template.end_ids):
                self.tokenizer.pad_token_id = ends[0]

    def known_roles(self, messages: Messages) -> Messages:
        """Convert messages to the roles of the model's template, with control tokens in contents as
        plain text.

        Retrieved text becomes part of the user's turn for models without a data role. So does a
        system message for templates without one.
        """
        known = list(messages) if self._has_data_role else merge_data(messages)
        if any(message["role"] == "system" for message in known) and not self.template.takes_system:
            known = merge_system(known)
        return [
            message | {"content": self.template.as_text(message["content"])} for message in known
        ]

    def render(self, messages: Messages) -> str:
        """Return the prompt text.

        Raises:
            AdaptLabError: if the template does not render every message.
        """
        check_messages(messages)
        return self.template.render(self.known_roles(messages), prompt=True)

    def batch(
        self,
        conversations: list[Messages],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        make_processor: Callable[[], LogitsProcessor] | None = None,
    ) -> list[Reply]:
        """Return replies in the order of the prompts.

        Prompts of similar length share a forward pass, and each such pass gets its own processor.
        """
        prompts = [self.render(messages) for messages in conversations]
        return self.complete(
            prompts,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            seed=seed,
            make_processor=make_processor,
        )

    def complete(
        self,
        prompts: list[str],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        make_processor: Callable[[], LogitsProcessor] | None = None,
    ) -> list[Reply]:
        """Return continuations of texts as they are, without the chat template, in their order."""
        check_options(max_new_tokens, temperature, seed)
        ids = self.tokenizer(prompts, add_special_tokens=False)["input_ids"] if prompts else []
        lengths = list(map(len, ids))
        shared = shared_length(ids) if can_share(self.model) else 0
        prefix, prefix_seconds = timed(
            lambda: read_prefix(self.model, ids[0][:shared]) if shared else None
        )
        replies: dict[int, Reply] = {}
        with torch.random.fork_rng(
            devices=[self.model.device] if self.model.device.type == "cuda" else []
        ):
            torch.manual_seed(seed)
            for group in groups(
                [length - shared for length in lengths],
                (
                    LONG_REPLY_BATCH_TOKENS
                    if max_new_tokens >= LONG_REPLY
                    else BATCH_TOKENS[self.model.device.type]
                ),
            ):
                texts, seconds = timed(
                    lambda group=group: self._generate(
                        [ids[i] for i in group], prefix, max_new_tokens, temperature, make_processor
                    )
                )
                for i, (text, n_tokens) in zip(group, texts):
                    took = seconds / len(group) + prefix_seconds / len(prompts)
                    replies[i] = Reply(text, lengths[i], n_tokens, took)
        return [replies[i] for i in range(len(prompts))]

    @torch.inference_mode()
    def _generate(
        self,
        prompts: list[list[int]],
        prefix: DynamicCache | None,
        max_new_tokens: int,
        temperature: float,
        make_processor,
    ) -> list[tuple[str, int]]:
        """Return (text, tokens) of each reply; `prefix` is the cache of what all prompts begin
        with.
        """
        if self.tokenizer.pad_token_id is None:
            says = f"The tokenizer of {self.name} has no padding token"
            raise AdaptLabError(f"{says}. Set tokenizer.pad_token and save the tokenizer again.")
        shared = 0 if prefix is None else prefix.get_seq_length()
        ids, mask = padded_rests(prompts, shared, self.tokenizer.pad_token_id)
        inputs = {"input_ids": ids, "attention_mask": mask}
        inputs = {name: tensor.to(self.model.device) for name, tensor in inputs.items()}
        options = self._options(max_new_tokens, temperature, make_processor)
        if prefix is not None:
            options["past_key_values"] = for_batch(prefix, len(prompts))
        output = self.model.generate(**inputs, **options)
        new = output[:, inputs["input_ids"].shape[1] :]  # (B, n_new)
        n_tokens = (new != self.tokenizer.pad_token_id).sum(-1).tolist()
        return [
            (text.strip(), n)
            for text, n in zip(self.tokenizer.batch_decode(new, skip_special_tokens=True), n_tokens)
        ]

    def _options(self, max_new_tokens: int, temperature: float, make_processor=None) -> dict:
        samples = temperature >= LEAST_TEMPERATURE
        padding = self.tokenizer.pad_token_id
        options = {"max_new_tokens": max_new_tokens, "do_sample": samples, "pad_token_id": padding}
        if samples:
            options |= {"temperature": temperature, "top_k": 0, "top_p": 1.0}
        if make_processor is not None:
            options["logits_processor"] = LogitsProcessorList([make_processor()])
        return options

    def _reply_ids(self, messages: Messages, reply: str) -> tuple[list[int], list[int]]:
        """Return the token ids of the prompt and of a reply, as the template renders the reply.

        The template may trim it, or put a space before it.
        """
        check_text(reply, "The reply")
        prompt = self.render(messages)
        reply = self.template.as_text(reply)
        whole = self.template.render(
            [*self.known_roles(messages), {"role": "assistant", "content": reply}]
        )
        # Otherwise the prompt has text that no finished turn has, such as an empty thought.
        follows = whole.startswith(prompt)
        rendered = whole[len(prompt) :].removesuffix(self.template.ending) if follows else reply
        before, tokens = (
            self.tokenizer(text, add_special_tokens=False)["input_ids"]
            for text in (prompt, rendered)
        )
        return before, tokens

    @torch.inference_mode()
    def log_probabilities(self, messages: Messages, reply: str) -> list[float]:
        """Return the natural logarithms of the model's probabilities for the tokens of a reply,
        (n_tokens,).
        """
        before, tokens = self._reply_ids(messages, reply)
        ids = torch.tensor([before + tokens], device=self.model.device)  # (1, n)
        logits = self.model(ids).logits[0, len(before) - 1 : -1].float()  # (n_tokens, V)
        return logits.log_softmax(-1).gather(1, ids[0, len(before) :, None])[:, 0].tolist()

    @torch.inference_mode()
    def would_say(self, conversations: list[Messages], replies: list[str]) -> list[bool]:
        """Return for each reply whether greedy decoding would generate it, to its end.

        One forward pass over the reply is enough, where generating needs one per token. The result
        is also False if the model would write the same letters in other tokens than the
        tokenizer's.

        Raises:
            AdaptLabError: if the model computes NaN.
        """
        known = self.model.generation_config.eos_token_id  # one, several or none
        ends = torch.tensor([] if known is None else known, device=self.model.device).flatten()
        check_pairs(conversations, replies, "Conversations and replies")
        pairs = [
            self._reply_ids(messages, reply) for messages, reply in zip(conversations, replies)
        ]
        is_greedy = [False] * len(pairs)
        for group in groups([len(before) + len(tokens) for before, tokens in pairs], PASS_TOKENS):
            rows = [torch.tensor(pairs[i][0] + pairs[i][1]) for i in group]
            # Padded on the right, where no token looks.
            # (B, T).
            ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(self.model.device)
            hidden = self.model.get_decoder()(ids, use_cache=False).last_hidden_state  # (B, T, d)
            for row, i in enumerate(group):
                before, tokens = pairs[i]
                # (n_tokens + 1, V).
                logits = self.model.lm_head(
                    hidden[row, len(before) - 1 : len(before) + len(tokens)]
                )
                if not logits.isfinite().all():
                    raise AdaptLabError(NOT_FINITE.format(self.name))
                guesses = logits.argmax(-1)
                is_greedy[i] = bool(
                    (guesses[:-1] == ids[row, len(before) : len(before) + len(tokens)]).all()
                    and (guesses[-1] == ends).any()
                )
        return is_greedy

    def stream(
        self,
        messages: Messages,
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """Yield the reply in pieces, as they are generated."""
        check_options(max_new_tokens, temperature, seed)
        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        inputs = self.tokenizer(
            self.render(messages), return_tensors="pt", add_special_tokens=False
        ).to(self.model.device)
        inputs.pop("token_type_ids", None)

        failures: list[Exception] = []

        def produce() -> None:
            try:
                with torch.inference_mode(), torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed)
                    self.model.generate(
                        **inputs, **self._options(max_new_tokens, temperature), streamer=streamer
                    )
            except Exception as error:  # raised again where the reader waits
                failures.append(error)
                streamer.end()

        worker = Thread(target=produce, daemon=True)
        worker.start()
        yield from (piece for piece in streamer if piece)
        worker.join()
        if failures:
            raise failures[0]


def groups(lengths: list[int], batch_tokens: int) -> Iterator[list[int]]:
    """Group indices of similar lengths, with at most `batch_tokens` tokens per group including
    padding.
    """
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if group and (len(group) + 1) * lengths[i] > batch_tokens:
            yield group
            group = []
        group.append(i)
    if group:
        yield group
