"""The course's explanatory pictures, each a `plots.Figure` with a text alternative."""

from adaptlab.course.pictures.levers import course_map, levers, stack
from adaptlab.course.pictures.measuring import gate, interval, paired_cases
from adaptlab.course.pictures.retrieval import hybrid_search, rag_pipeline
from adaptlab.course.pictures.serving import agent_loop, kv_cache, prompt_injection
from adaptlab.course.pictures.training import (
    forgetting,
    label_mask,
    lora,
    preference_training,
    rank_approximation,
    reward_loop,
)

__all__ = [
    "agent_loop",
    "course_map",
    "forgetting",
    "gate",
    "hybrid_search",
    "interval",
    "kv_cache",
    "label_mask",
    "levers",
    "lora",
    "paired_cases",
    "preference_training",
    "prompt_injection",
    "rag_pipeline",
    "rank_approximation",
    "reward_loop",
    "stack",
]
