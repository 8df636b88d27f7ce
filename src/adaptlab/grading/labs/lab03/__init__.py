"""Lab 03: rankings fused, graded, compared and spread; what an approximate index misses, and how
deep a reranker should look.
"""

from adaptlab.grading.labs.lab03.compare import compare
from adaptlab.grading.labs.lab03.diversify import diversify
from adaptlab.grading.labs.lab03.fair_order import fair_order
from adaptlab.grading.labs.lab03.fuse_rankings import fuse_rankings
from adaptlab.grading.labs.lab03.graded_ndcg import graded_ndcg
from adaptlab.grading.labs.lab03.index_recall import index_recall
from adaptlab.grading.labs.lab03.rerank_depth import rerank_depth

__all__ = [
    "fuse_rankings",
    "graded_ndcg",
    "index_recall",
    "rerank_depth",
    "compare",
    "diversify",
    "fair_order",
]
