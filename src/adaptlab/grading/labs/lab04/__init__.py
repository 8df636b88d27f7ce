"""Lab 04: adapters of low rank, counted, merged, shrunk and put beside an embedding."""

from adaptlab.grading.labs.lab04.adapter_output import adapter_output
from adaptlab.grading.labs.lab04.count_adapters import count_adapters
from adaptlab.grading.labs.lab04.LoRAEmbedding import LoRAEmbedding
from adaptlab.grading.labs.lab04.merge_adapters import merge_adapters
from adaptlab.grading.labs.lab04.same_strength import same_strength
from adaptlab.grading.labs.lab04.shipping_order import shipping_order
from adaptlab.grading.labs.lab04.shrink import shrink

__all__ = [
    "adapter_output",
    "count_adapters",
    "merge_adapters",
    "same_strength",
    "shrink",
    "LoRAEmbedding",
    "shipping_order",
]
