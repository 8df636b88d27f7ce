"""The cost of a prompt: tokens, and seconds of prefill with and without a cached prefix."""

import copy
from dataclasses import dataclass
from os.path import commonprefix

import torch

from adaptlab.models.chat import timed
from adaptlab.models.local import LocalChat


@dataclass(frozen=True)
class Prefill:
    """The prefill of one prompt: tokens in all, tokens in a cached prefix, median seconds without
    and with the cache.
    """

    n_tokens: int
    n_cached: int
    seconds: float
    seconds_cached: float


def token_ids(chat: LocalChat, prompt: str) -> list[int]:
    return chat.tokenizer(prompt, add_special_tokens=False)["input_ids"]


@torch.inference_mode()
def measure_prefill(
    chat: LocalChat, prompt: str, same_prefix_prompt: str, repeats: int = 3
) -> Prefill:
    """Time the forward pass over a prompt, and over the rest of it after a prefix shared with
    another prompt.
    """
    ids = token_ids(chat, prompt)
    n_cached = min(len(commonprefix([ids, token_ids(chat, same_prefix_prompt)])), len(ids) - 1)
    tensor = torch.tensor([ids], device=chat.model.device)  # (1, T)

    def seconds(**inputs) -> float:
        # The copy waits for a GPU to finish.
        return timed(lambda: chat.model(use_cache=True, logits_to_keep=1, **inputs).logits.cpu())[1]

    whole = _median([seconds(input_ids=tensor) for _ in range(repeats)])
    if not n_cached:
        return Prefill(len(ids), 0, whole, whole)
    cache = chat.model(tensor[:, :n_cached], use_cache=True).past_key_values
    rests = []
    for _ in range(repeats):
        kept = copy.deepcopy(cache)  # a real server shares it; the copy is not timed
        rests.append(seconds(input_ids=tensor[:, n_cached:], past_key_values=kept))
    return Prefill(len(ids), n_cached, whole, _median(rests))


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
