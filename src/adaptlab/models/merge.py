"""Merge an adapter into the weights of its base model."""

import copy

from peft import PeftModel
from transformers import PreTrainedModel


def whole_model(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """Return a copy with the adapter in its weights, in float32: in bfloat16 a small change of a
    weight would be rounded away. A model without an adapter is returned itself.
    """
    if not isinstance(model, PeftModel):
        return model
    copied = copy.deepcopy(model)
    if not getattr(copied.get_base_model(), "is_quantized", False):
        copied = copied.float()
    whole = copied.merge_and_unload().eval()
    # The oldest PEFT leaves this attribute, though the model has no adapter.
    vars(whole).pop("peft_config", None)
    return whole
