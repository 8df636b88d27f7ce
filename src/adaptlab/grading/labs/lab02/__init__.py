"""Lab 02: sentences and chunks with their places, an index that changes, a numbered prompt,
citations that are checked, and a threshold.
"""

from adaptlab.grading.labs.lab02.choose_threshold import choose_threshold
from adaptlab.grading.labs.lab02.chunk_spans import chunk_spans
from adaptlab.grading.labs.lab02.Index import Index
from adaptlab.grading.labs.lab02.numbered_prompt import numbered_prompt
from adaptlab.grading.labs.lab02.replacing_order import replacing_order
from adaptlab.grading.labs.lab02.sentence_spans import sentence_spans
from adaptlab.grading.labs.lab02.support import support

__all__ = [
    "sentence_spans",
    "chunk_spans",
    "Index",
    "numbered_prompt",
    "support",
    "choose_threshold",
    "replacing_order",
]
