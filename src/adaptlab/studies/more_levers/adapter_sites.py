"""X11: where the adapter is: on query and value matrices, or on all linear layers, with equally
many parameters.
"""

import random

from torch import nn

from adaptlab.lora.adapter import dimensions, targets
from adaptlab.models.local import LocalChat
from adaptlab.studies.grid import Study, grid
from adaptlab.studies.tuning import (
    conversation,
    facts_known,
    judged,
    test_cases,
    train_cases,
)
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import Options
from adaptlab.world.house import fact_case, newcomers

RANK = 8  # of the adapters on all linear layers
N_PEOPLE = 24
QUERY_AND_VALUE = "q_proj,v_proj"


def equal_rank(model: nn.Module, names: str = QUERY_AND_VALUE, rank: int = RANK) -> int:
    """Return the rank at which adapters on the named modules have about as many parameters as
    adapters of `rank` on all linear layers.

    An adapter of rank r on a layer (d_in, d_out) has r (d_in + d_out) parameters.
    """
    sizes = {name: sum(dimensions(layer)) for name, layer in targets(model).items()}
    chosen = [size for name, size in sizes.items() if name.rpartition(".")[2] in names.split(",")]
    return max(1, round(rank * sum(sizes.values()) / sum(chosen)))


def adapter_site(chat: LocalChat, seed: int, task: str, site: str) -> dict:
    """Count the correct replies after learning "facts" by heart or "desk" from examples; `site` is
    an option `targets`.
    """
    rank = RANK if site == "all-linear" else equal_rank(chat.model, site)
    rng = random.Random(f"sites:{seed}")
    facts = newcomers(seed, N_PEOPLE)
    if task == "facts":
        cases = [fact_case(rng, fact) for fact in facts for _ in range(20)]
    else:
        cases = train_cases("desk", 100, seed)
    options = Options(
        rank=rank, alpha=2 * rank, targets=site, epochs=1 if task == "facts" else 5, seed=seed
    )
    tuned = fine_tune(chat, [conversation(case) for case in cases], options)
    if task == "facts":
        hits = facts_known(tuned, [fact_case(rng, fact, "held_out") for fact in facts])
    else:
        hits = judged(tuned, "desk", test_cases("desk", 120, seed))
    n_trained = sum(p.numel() for p in tuned.model.parameters() if p.requires_grad)
    return {"right": sum(hits), "of": len(hits), "rank": rank, "parameters": n_trained}


STUDIES = {
    "adapter_site": Study(
        adapter_site,
        grid(task=("facts", "desk"), site=("all-linear", QUERY_AND_VALUE)),
        claims=("X11",),
    )
}
