"""Log-probabilities for TRL's trainers on preferences, only where a reply stands.

TRL scores replies alone on GPUs that run Triton. Elsewhere it makes logits for every token of every prompt: on two cores that is half of a step of the
embedded model. The numbers, and the gradients, are the same.
"""

import types
from types import SimpleNamespace

import torch
from peft import PeftModel
from transformers import PreTrainedModel


def pads_behind(mask: torch.Tensor) -> bool:
    """Whether every row of a mask, (B, T), is ones and then zeros: what pads a row then stands after it, where no token of it looks."""
    return bool((mask.diff(dim=1) <= 0).all())


def score_replies_only(model: PreTrainedModel | PeftModel) -> None:
    """Give the model TRL's call for log-probabilities (`fused_lm_head=True`) in a form that reads logits only at labels that are not ignored."""

    def forward(self, *args, fused_lm_head: bool = False, labels: torch.Tensor | None = None, **kwargs):
        if not fused_lm_head:
            return type(self).forward(self, *args, **kwargs if labels is None else kwargs | {"labels": labels})
        if "attention_mask" in kwargs and pads_behind(kwargs["attention_mask"]):
            del kwargs["attention_mask"]  # attention is faster without one
        hidden = self.base_model(*args, **kwargs | {"use_cache": False}).last_hidden_state[:, :-1]  # (B, T - 1, d)
        labels = labels[:, 1:]
        return _scored(self.get_output_embeddings()(hidden[labels != -100]).float(), labels)

    base = _base(model)
    base.forward = types.MethodType(forward, base)


def plain_forward(model: PreTrainedModel | PeftModel) -> None:
    """Take away the forward pass that a trainer has put on the model: TRL's stays with the original when the model is copied, and runs that one."""
    _base(model).__dict__.pop("forward", None)


def _base(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    return model.get_base_model() if isinstance(model, PeftModel) else model


def _scored(logits: torch.Tensor, labels: torch.Tensor) -> SimpleNamespace:
    """What TRL reads, each (B, T - 1) and zero where nothing is learned, from logits (n_learned, V)."""
    learned = labels != -100
    log_probabilities = logits.log_softmax(-1)
    with torch.no_grad():
        entropy, average, top = -(log_probabilities.exp() * log_probabilities).sum(-1), logits.mean(-1), logits.argmax(-1) == labels[learned]
    chosen = log_probabilities.gather(-1, labels[learned][:, None])[:, 0]

    def placed(values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(learned.shape).masked_scatter(learned, values)

    return SimpleNamespace(log_probs=placed(chosen), entropy=placed(entropy), mean_logits=placed(average), is_top1=placed(top), label_mask=learned,
                           log_sum_sq_probs=None, aux_loss=None)  # fmt: skip
