"""Prompts that begin alike: their common beginning is read once, not once a prompt."""

import copy
from collections.abc import Sequence
from os.path import commonprefix

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer

LEAST_TOKENS = 64  # below it, reading the beginning again costs less than copying its cache


def shared_length(prompts: Sequence[list[int]]) -> int:
    """Return the number of tokens with which all prompts begin, or 0 if too few to share.

    Every prompt keeps at least one token of its own.
    """
    if len(prompts) < 2:
        return 0
    shared = min(len(commonprefix(list(prompts))), min(map(len, prompts)) - 1)
    return shared if shared >= LEAST_TOKENS else 0


def can_share(model: PreTrainedModel) -> bool:
    """Whether the cache of a model is that of plain attention, whose beginning can be copied."""
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    plain = kinds is None or set(kinds) == {"full_attention"}
    return plain and all(
        type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers
    )


@torch.inference_mode()
def read_prefix(model: PreTrainedModel, prefix: list[int]) -> DynamicCache:
    """Return the cache of a prefix of P tokens: keys and values (1, heads, P, d)."""
    cache = DynamicCache(config=model.config)
    ids = torch.tensor([prefix], device=model.device)  # (1, P)
    model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return cache


def for_batch(cache: DynamicCache, n: int) -> DynamicCache:
    """Return a copy of a prefix's cache for n prompts, (n, heads, P, d), which they extend."""
    copied = copy.deepcopy(cache)
    copied.batch_repeat_interleave(n)
    return copied


def padded_rests(
    prompts: Sequence[list[int]], shared: int, padding: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and attention mask, (B, T): the shared tokens, padding, and each prompt's rest.

    Padding lies between, so that every prompt ends at the last column.
    """
    width = max(map(len, prompts))
    ids = []
    mask = []
    for prompt in prompts:
        gap = width - len(prompt)
        ids.append(prompt[:shared] + [padding] * gap + prompt[shared:])
        mask.append([1] * shared + [0] * gap + [1] * (len(prompt) - shared))
    return torch.tensor(ids), torch.tensor(mask)
