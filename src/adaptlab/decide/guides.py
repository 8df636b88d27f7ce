"""The decision rules of four guides, each as a function of one need.

Guides use words, but functions need numbers. If a guide gives no number for a word ("large",
"frequent", "low"), the bounds below are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

from adaptlab.decide.need import Lever, Need, lever

# Our bounds, for words without numbers in the guides.
LARGE = 50  # documents: more than fit a prompt
FREQUENT = 4  # changes of facts a month
LOW_BUDGET = 50  # money a month
CRITICAL = 0.95  # accuracy
# A day; above it the cost per query outweighs the cost of building.
MANY_QUERIES = 100_000


def guide_a(need: Need) -> Lever:
    """Guide A's code, branch by branch: accuracy and stable data, volume and updates, budget;
    otherwise retrieval with a prompt.
    """
    if need.least >= CRITICAL and need.n_updates == 0:
        return Lever.TUNE
    if need.n_documents >= LARGE and need.n_updates >= FREQUENT:
        return Lever.RETRIEVE
    if need.budget < LOW_BUDGET and need.least < CRITICAL:
        return Lever.PROMPT
    return Lever.RETRIEVE


def guide_b(need: Need) -> Lever:
    """Guide B's tree: facts first, then behaviour, then speed and cost.

    Its three conditions for fine-tuning are a gap, 1,000 examples, and a budget.
    """
    may_tune = need.n_examples >= 1000 and need.budget >= LOW_BUDGET
    if need.lacks_facts:
        return Lever.RETRIEVE
    if (need.prompt_falls_short or need.n_queries >= MANY_QUERIES) and may_tune:
        return Lever.TUNE
    return Lever.PROMPT


def guide_c(need: Need) -> Lever:
    """Guide C's progression: a prompt, retrieval for facts, fine-tuning for behaviour that a prompt
    does not reach.

    Fine-tuning starts at a few hundred examples; the levers add up.
    """
    return lever(need.lacks_facts, need.prompt_falls_short and need.n_examples >= 300)


def guide_e(need: Need) -> Lever:
    """Guide E's two lists: fine-tune for form and tone, or in place of a prompt of 4,000 tokens.

    Do not fine-tune before prompts are exhausted, on changing data, or with fewer than 100
    examples.
    """
    wants = need.prompt_falls_short or need.prompt_tokens >= 4000
    return lever(need.lacks_facts, wants and need.n_updates < FREQUENT and need.n_examples >= 100)


@dataclass(frozen=True)
class Guide:
    """A guide's rules, and their place in the guide."""

    decide: Callable[[Need], Lever]
    place: str


GUIDES = {
    "A": Guide(guide_a, "Quick Decision Guide, the function recommendApproach"),
    "B": Guide(guide_b, "Quick Decision Tree, and The Right Order"),
    "C": Guide(guide_c, "Conclusion, and When it's the right choice"),
    "E": Guide(guide_e, "When to fine-tune, When NOT to fine-tune"),
}


def opinions(need: Need) -> dict[str, Lever]:
    """Return each guide's answer."""
    return {name: guide.decide(need) for name, guide in GUIDES.items()}
