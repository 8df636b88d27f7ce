"""L3, L5, L6 and F8 on any model: ranks, merging, and adapters against full fine-tuning."""

import copy
import random
from collections.abc import Sequence
from statistics import median

import torch
from peft import get_peft_model

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.statistics import mean, paired_difference
from adaptlab.messages import user
from adaptlab.models.chat import timed
from adaptlab.models.local import LocalChat
from adaptlab.studies.real_models.experiment import (
    Conditions,
    Experiment,
    Measurement,
    Model,
    N,
    difference,
)
from adaptlab.studies.real_models.fine_tuned import (
    ALONE,
    bare,
    in_full,
    lora,
    taught,
    tuned,
)
from adaptlab.studies.real_models.forms import Item, ask
from adaptlab.studies.real_models.house_tasks import DESK, by_heart
from adaptlab.studies.real_models.prompting import states_value
from adaptlab.tune.trainer import adapter_config
from adaptlab.world import house
from adaptlab.world.entities import Fact

N_PEOPLE = 14  # of five facts each: N facts
N_WORDINGS = 10
RANKS = (4, 64)


def questions(facts: Sequence[Fact], rng: random.Random) -> list[list[dict]]:
    """Return a question on each fact in a wording outside the training data."""
    return [[user(fact.ask(rng, "held_out"))] for fact in facts]


def l3(model: Model, seed: int) -> Measurement:
    facts = house.newcomers(seed, N_PEOPLE)
    shown = by_heart(facts, random.Random(f"L3:train:{seed}"), N_WORDINGS)
    asked = questions(facts, random.Random(f"L3:{seed}"))
    found = {}
    for rank in RANKS:
        store = tuned(model, shown, lora(seed, rank=rank, alpha=2 * rank, epochs=3))
        said = store.replies(asked, max_new_tokens=16, desc=f"rank {rank}")
        found[f"rank {rank}"] = [
            float(states_value(reply.text, fact.value, fact.relation))
            for reply, fact in zip(said, facts)
        ]
    return Measurement(found)


N_ROUNDS = 20
SHAPE = (4, 128)  # sequences and tokens of a timed pass


@torch.inference_mode()
def merged_speed(chat: LocalChat, seed: int) -> list[float]:
    """Return the speed of a forward pass with a merged adapter over that of the base model, round
    by round.
    """
    config = adapter_config(lora(seed), chat.model)
    model = get_peft_model(copy.deepcopy(chat.model), config)
    for name, weights in model.named_parameters():
        if "lora_B" in name:  # at its start B is 0, and the adapter would change nothing
            weights.normal_(std=0.02)
    merged = model.merge_and_unload().eval()
    ids = torch.randint(10, 1000, SHAPE, device=chat.model.device)
    ratios = []
    for number in range(N_ROUNDS + 1):
        sides = [chat.model, merged] if number % 2 else [merged, chat.model]
        seconds = {id(side): timed(lambda side=side: side(ids))[1] for side in sides}
        ratios.append(seconds[id(chat.model)] / seconds[id(merged)])
    return ratios[1:]  # the first round warms up


def l5(model: Model, seed: int) -> Measurement:
    ratios = model.store.value(lambda chat: merged_speed(chat, seed), "merged speed", seed)
    return Measurement({"merged over base": ratios})


def l5_effect(found: Conditions) -> Estimate:
    return mean(found["merged over base"])


# Four rates for each method, which overlap in two.
RATES = {"lora": (1e-4, 3e-4, 1e-3, 3e-3), "full": (1e-5, 3e-5, 1e-4, 3e-4)}
N_DESKS = 240


def losses(chat: LocalChat, items: Sequence[Item]) -> list[float]:
    """Return minus log p of each gold desk, in nats."""
    return [round(-sum(chat.log_probabilities(bare(DESK, item), item.answer)), 4) for item in items]


def rates(model: Model, seed: int) -> Measurement:
    """Sweep the learning rates of both methods: the same examples and steps."""
    shown = taught(DESK, random.Random(f"rates:train:{seed}"), N_DESKS)
    items = DESK.draw(random.Random(f"rates:{seed}"), N)
    found = {}
    for method, of_method in RATES.items():
        for rate in of_method:
            make = lora if method == "lora" else in_full
            store = tuned(model, shown, make(seed, learning_rate=rate))
            hits, _ = ask(store, DESK, ALONE, items)
            found[f"{method} {rate:g}: desks"] = [float(hit) for hit in hits]
            found[f"{method} {rate:g}: loss"] = store.value(
                lambda chat: losses(chat, items),
                "losses",
                seed,
            )
    return Measurement(found)


def _best_rate(found: Conditions, method: str, part: slice = slice(None)) -> float:
    """Return the rate of least mean loss."""
    return min(RATES[method], key=lambda rate: sum(found[f"{method} {rate:g}: loss"][part]))


def l6_effect(found: Conditions) -> Estimate:
    """Return the difference of adapters and full fine-tuning, each at its rate of least loss."""
    lora_hits, full_hits = (
        found[f"{method} {_best_rate(found, method):g}: desks"] for method in RATES
    )
    return paired_difference(lora_hits, full_hits)


def f8_effect(found: Conditions) -> Estimate:
    """Return the ratio of the two rates of least loss: the median and the range of the seeds."""
    n = len(found["full 1e-05: loss"])
    ratios = []
    for start in range(0, n, N):
        part = slice(start, start + N)
        ratios.append(_best_rate(found, "lora", part) / _best_rate(found, "full", part))
    return Estimate(median(ratios), min(ratios), max(ratios), len(ratios))


_DESKS = tuple(f"{method} {rate:g}: desks" for method in RATES for rate in RATES[method])
ADAPTERS = {
    "L3": Experiment(l3, difference("rank 4", "rank 64"), ("rank 4", "rank 64"), 0.1),
    "L5": Experiment(l5, l5_effect),
    "L6": Experiment(rates, l6_effect, _DESKS, 0.13),
    "F8": Experiment(rates, f8_effect, _DESKS, 0.13),
}
