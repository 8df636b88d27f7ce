"""Log-probabilities for TRL's preference trainers, only for reply tokens.

TRL scores only replies on GPUs with Triton. Elsewhere it computes logits for every token of every
prompt: on two cores that is half of a step of the embedded model. The numbers and the gradients are
the same.
"""

import types
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache, PreTrainedModel

from adaptlab.tune.loss_mask import IGNORED


def pads_behind(mask: torch.Tensor) -> bool:
    """Whether every row of a mask, (B, T), is ones and then zeros.

    Padding then follows the row, and no token of the row attends to it.
    """
    return bool((mask.diff(dim=1) <= 0).all())


def score_replies_only(model: PreTrainedModel | PeftModel) -> None:
    """Give the model TRL's call for log-probabilities (`fused_lm_head=True`), with logits only at
    labels that are not ignored.

    A prompt with several replies in a batch is read once, if the model can continue from its cache.
    """
    base = _base(model)
    shares = _can_continue(base)

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        *,
        fused_lm_head: bool = False,
        labels: Any = None,
        **kwargs,
    ):
        if not fused_lm_head:
            return type(self).forward(
                self,
                input_ids,
                attention_mask,
                **kwargs if labels is None else kwargs | {"labels": labels},
            )
        learned: Any = labels != IGNORED
        rows = (
            _split(input_ids, attention_mask, learned)
            if shares and attention_mask is not None
            else None
        )
        if rows:
            hidden = _read_once(self.base_model, rows)
        else:
            if attention_mask is not None and pads_behind(attention_mask):
                attention_mask = None  # attention is faster without one
            # (B, T, d).
            whole = self.base_model(
                input_ids, attention_mask, **kwargs | {"use_cache": False}
            ).last_hidden_state
            hidden = whole[:, :-1][learned[:, 1:]]
        return _scored(self.get_output_embeddings()(hidden).float(), labels[:, 1:])

    base.forward = types.MethodType(forward, base)


class _Rows(NamedTuple):
    """A batch, split before the last token of each prompt.

    It has the different prompts, (B,) the prompt of each row, the following tokens, and the learned
    labels.
    """

    prompts: list[torch.Tensor]
    which: torch.Tensor
    replies: list[torch.Tensor]
    learned: list[torch.Tensor]


def _split(input_ids: torch.Tensor, mask: torch.Tensor, learned: torch.Tensor) -> _Rows | None:
    """Split the batch by its prompts; None if no prompt has two replies, or a row has no learned
    token or no prefix.
    """
    prompts: dict = {}
    which = []
    replies = []
    learned_of = []
    for ids, in_reply in (
        (ids[real], reply[real]) for ids, real, reply in zip(input_ids, mask.bool(), learned)
    ):
        places = in_reply.nonzero()[:, 0].tolist()
        if not places or places[0] < 2:
            return None
        cut = places[0] - 1
        end = places[-1] + 1
        which.append(prompts.setdefault(tuple(ids[:cut].tolist()), (len(prompts), ids[:cut]))[0])
        replies.append(ids[cut:end])
        learned_of.append(in_reply[cut:end])
    if len(prompts) == len(which):
        return None
    return _Rows(
        [prompt for _, prompt in prompts.values()],
        torch.tensor(which, device=input_ids.device),
        replies,
        learned_of,
    )


def _read_once(base: PreTrainedModel, rows: _Rows) -> torch.Tensor:
    """Return hidden states before each learned token, (n_learned, d), in the order of the rows."""
    lengths = torch.tensor([len(prompt) for prompt in rows.prompts], device=rows.which.device)
    prompts = pad_sequence(rows.prompts, batch_first=True, padding_side="left")
    replies = pad_sequence(rows.replies, batch_first=True)
    seen = (
        torch.arange(prompts.shape[1], device=lengths.device)
        >= (prompts.shape[1] - lengths)[:, None]
    )
    places = (
        (seen.cumsum(1) - 1).clamp(min=0),
        lengths[rows.which][:, None] + torch.arange(replies.shape[1], device=lengths.device),
    )
    masks = seen.long(), torch.cat([seen[rows.which].long(), torch.ones_like(replies)], dim=1)
    if seen.all():
        masks = None, None  # attention is faster without one
    cache = DynamicCache(config=base.config)
    base(prompts, masks[0], position_ids=places[0], past_key_values=cache, use_cache=True)
    cache.reorder_cache(rows.which)
    hidden = base(
        replies, masks[1], position_ids=places[1], past_key_values=cache, use_cache=True
    ).last_hidden_state
    return hidden[:, :-1][pad_sequence(rows.learned, batch_first=True)[:, 1:]]


@torch.no_grad()
def _can_continue(model: PreTrainedModel) -> bool:
    """Whether the model reads two tokens after three as it reads five.

    Not every architecture can, in every version of transformers.
    """
    base = model.base_model
    ids = torch.arange(1, 6, device=model.device)[None]
    cache = DynamicCache(config=model.config)
    was_training = model.training
    model.eval()
    try:
        base(ids[:, :3], past_key_values=cache, use_cache=True)
        apart = base(ids[:, 3:], past_key_values=cache, use_cache=True).last_hidden_state
        whole = base(ids, use_cache=False).last_hidden_state[:, 3:]
    # It has a cache of its own kind.
    except (
        AttributeError,
        IndexError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        TypeError,
        ValueError,
    ):
        return False
    finally:
        model.train(was_training)
    return torch.allclose(apart, whole, rtol=1e-2, atol=1e-2)


def strip_trainer(model: PreTrainedModel | PeftModel) -> None:
    """Remove what trainers leave on a model, so that it computes as before the training.

    TRL's forward pass would run the original in a copy of the model. Accelerate's forward pass
    computes in the training's number format. An adapter would inherit its mark that the model is
    prepared, and the next training would not compute in its own format.
    """
    for module in {model, _base(model)}:
        for name in ("forward", "_original_forward", "_is_accelerate_prepared"):
            module.__dict__.pop(name, None)


def in_float32(model: PreTrainedModel | PeftModel) -> PreTrainedModel | PeftModel:
    """Return the model with weights in float32; a model with quantized weights stays unchanged."""
    return model if getattr(_base(model), "is_quantized", False) else model.float()


def _base(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    return model.get_base_model() if isinstance(model, PeftModel) else model


def _scored(logits: torch.Tensor, labels: torch.Tensor) -> SimpleNamespace:
    """Return the fields that TRL reads from logits (n_learned, V), each (B, T - 1), zero for tokens
    that are not learned.
    """
    learned = labels != IGNORED
    log_probabilities = logits.log_softmax(-1)
    with torch.no_grad():
        entropy = -(log_probabilities.exp() * log_probabilities).sum(-1)
        average = logits.mean(-1)
        top = logits.argmax(-1) == labels[learned]
    chosen = log_probabilities.gather(-1, labels[learned][:, None])[:, 0]

    def placed(values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(learned.shape).masked_scatter(learned, values)

    return SimpleNamespace(
        log_probs=placed(chosen),
        entropy=placed(entropy),
        mean_logits=placed(average),
        is_top1=placed(top),
        label_mask=learned,
        log_sum_sq_probs=None,
        aux_loss=None,
    )
