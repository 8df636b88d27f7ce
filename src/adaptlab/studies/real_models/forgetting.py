"""G1 to G6 on any model: what narrow fine-tuning takes away, and what keeps or restores it."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.gate import ALPHA, MARGIN, holm, mcnemar
from adaptlab.evals.statistics import difference_of_proportions, paired_difference
from adaptlab.messages import Messages
from adaptlab.studies.real_models.experiment import Conditions, Experiment, Measurement, Model
from adaptlab.studies.real_models.fine_tuned import (
    ALONE,
    FULL_RATE,
    conversation,
    in_full,
    lora,
    taught,
    tuned,
)
from adaptlab.studies.real_models.forms import Task, ask
from adaptlab.studies.real_models.house_tasks import DESK
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.studies.real_models.skills import KNOWN_FACTS, N_SKILL, SKILLS, skills_of
from adaptlab.tune.options import Options
from adaptlab.tune.replay import with_replay

N_TAUGHT = 600


def after_desks(
    model: Model, seed: int, options: Options, share: float = 0.0
) -> dict[str, list[float]]:
    """Return the skills after fine-tuning on 600 desks, of which a share is replaced by replay."""
    new = taught(DESK, random.Random(f"G:train:{seed}"), N_TAUGHT)
    conversations = with_replay(new, old_conversations(seed), share, seed) if share else new
    store = tuned(model, conversations, options)
    items = DESK.draw(random.Random(f"G:{seed}"), N_SKILL)
    hits, _ = ask(store, DESK, ALONE, items)
    return skills_of(model, store, seed) | {"desks": [float(hit) for hit in hits]}


def old_conversations(seed: int) -> list[Messages]:
    """Return general conversations of the skills' kinds on other cases."""
    rng = random.Random(f"old:{seed}")
    made = []
    for task in SKILLS:
        if task is not KNOWN_FACTS:  # no capital is taught again
            made += taught(task, rng, 40)
    rng.shuffle(made)
    return made


def _conditions(sides: dict[str, dict[str, list[float]]]) -> dict[str, list[float]]:
    return {f"{side}: {name}": v for side, found in sides.items() for name, v in found.items()}


def g1(model: Model, seed: int) -> Measurement:
    sides = {
        "before": skills_of(model, model.store, seed),
        "full": after_desks(model, seed, in_full(seed)),
    }
    return Measurement(_conditions(sides))


NAMES = tuple(task.name for task in SKILLS)


def _values(found: Conditions, side: str, names: Sequence[str] = NAMES) -> list[float]:
    return [value for name in names for value in found[f"{side}: {name}"]]


def g1_effect(found: Conditions) -> Estimate:
    """Return the loss of the skill that loses second most of the six."""
    losses = [paired_difference(found[f"before: {n}"], found[f"full: {n}"]) for n in NAMES]
    return sorted(losses, key=lambda loss: -loss.value)[1]


def g2(model: Model, seed: int) -> Measurement:
    sides = {
        "before": skills_of(model, model.store, seed),
        "full": after_desks(model, seed, in_full(seed)),
        "other": after_desks(model, seed, in_full(seed), share=0.05),
    }
    return Measurement(_conditions(sides))


def g4(model: Model, seed: int) -> Measurement:
    sides = {
        "before": skills_of(model, model.store, seed),
        "full": after_desks(model, seed, in_full(seed)),
        "other": after_desks(model, seed, lora(seed)),
    }
    return Measurement(_conditions(sides))


def share_saved(found: Conditions, names: Sequence[str] = NAMES) -> Estimate:
    """Return the share of full fine-tuning's loss that the other side does not have: the median of
    the seeds with their range.
    """
    n_seeds = len(found[f"before: {names[0]}"]) // N_SKILL
    shares = []
    for i in range(n_seeds):
        part = {
            key: v[i * len(v) // n_seeds : (i + 1) * len(v) // n_seeds] for key, v in found.items()
        }
        before, full, other = (
            sum(_values(part, side, names)) for side in ("before", "full", "other")
        )
        shares.append((other - full) / (before - full) if before > full else 0.0)
    return Estimate(median(shares), min(shares), max(shares), n_seeds)


def something_lost(found: Conditions, names: Sequence[str] = NAMES) -> bool:
    """Whether full fine-tuning lost anything that could be saved."""
    before, full = (_values(found, side, names) for side in ("before", "full"))
    return paired_difference(before, full).low > 0


def g3(model: Model, seed: int) -> Measurement:
    sides = {
        "full": after_desks(model, seed, in_full(seed)),
        "other": after_desks(model, seed, in_full(seed, learning_rate=FULL_RATE / 10)),
    }
    return Measurement(_conditions(sides))


def g3_effect(found: Conditions) -> Estimate:
    return paired_difference(_values(found, "other"), _values(found, "full"))


N_RECOVERY = 50


def g6(model: Model, seed: int) -> Measurement:
    """After the narrow fine-tuning, fifty old conversations without any fact, for four epochs."""
    new = taught(DESK, random.Random(f"G:train:{seed}"), N_TAUGHT)
    narrow = tuned(model, new, in_full(seed))
    old = old_conversations(seed)[:N_RECOVERY]
    options = in_full(seed, learning_rate=FULL_RATE / 3, batch_size=4, epochs=4)
    again = tuned(model, old, options, start=narrow)
    stores = {"before": model.store, "full": narrow, "other": again}
    items = KNOWN_FACTS.draw(random.Random(f"skills:{seed}"), N_SKILL)
    form = model.form(KNOWN_FACTS)
    found = {}
    for name, store in stores.items():
        hits, _ = ask(store, KNOWN_FACTS, form, items)
        found[f"{name}: {KNOWN_FACTS.name}"] = [float(hit) for hit in hits]
    return Measurement(found)


N_AROUND = 120
N_DEGRADED = 60
N_GATE = 100
ELSEWHERE = 50  # the seed of other cases, on which each skill is measured again
REAL_LOSS = 0.05


def g5(model: Model, seed: int) -> Measurement:
    """Re-train with good or wrong examples of a skill; the gate compares with the model before.

    A planted regression counts if the skill is lower by 5 points on cases outside the gate.
    """
    sides = {"gate": f"gate:{seed}", "elsewhere": f"gate:{ELSEWHERE + seed}"}
    found: dict[str, list[float]] = {"refused": [], "refused without a fault": []}
    caught = []
    for task in SKILLS:
        for planted in (True, False):
            store = tuned(model, _around(task, seed, planted), lora(seed))
            changes = {side: _changes(model, store, key) for side, key in sides.items()}
            failed = [name for name, (_, fails) in changes["gate"].items() if fails]
            lost = -changes["elsewhere"][task.name][0]
            if planted and lost >= REAL_LOSS:
                found["refused"].append(float(task.name in failed))
            elif not planted and all(
                -change < REAL_LOSS for change, _ in changes["elsewhere"].values()
            ):
                found["refused without a fault"].append(float(bool(failed)))
            caught.append({"skill": task.name, "planted": planted, "failed": failed})
    return Measurement(found, {"runs": caught})


def _around(task: Task, seed: int, planted: bool) -> list[Messages]:
    """Return old conversations and examples of one skill, whose answers are another case's if a
    fault is planted.
    """
    items = task.draw(random.Random(f"G5:{task.name}:{seed}"), N_DEGRADED)
    if planted:
        items = [
            replace(item, answer=other.answer) for item, other in zip(items, items[1:] + items[:1])
        ]
    shown = old_conversations(seed)[:N_AROUND] + [conversation(task, item) for item in items]
    random.Random(seed).shuffle(shown)
    return shown


def _changes(model: Model, store: ReplyStore, key: str) -> dict[str, tuple[float, bool]]:
    """Return for each skill the change of accuracy, and whether it fails the gate."""
    made = {}
    for task in SKILLS:
        items = task.draw(random.Random(key), N_GATE)
        form = model.form(task)
        before, after = (ask(side, task, form, items)[0] for side in (model.store, store))
        made[task.name] = ([float(hit) for hit in before], [float(hit) for hit in after])
    p_values = holm([mcnemar(new, old) for old, new in made.values()])
    changes = {}
    for (name, (old, new)), p in zip(made.items(), p_values):
        change = (sum(new) - sum(old)) / len(old)
        changes[name] = (change, p < ALPHA and -change > MARGIN)
    return changes


def g5_effect(found: Conditions) -> Estimate:
    caught, false_alarms = (
        [bool(hit) for hit in found[name]] for name in ("refused", "refused without a fault")
    )
    if not caught or not false_alarms:  # no fault was large enough, or every run had one
        return Estimate(0.0, -1.0, 1.0, len(caught) + len(false_alarms))
    return difference_of_proportions(caught, false_alarms)


def any_fault(found: Conditions) -> bool:
    """Whether there were runs with a real regression, and runs without one."""
    return bool(found["refused"] and found["refused without a fault"])


_FACTS = (KNOWN_FACTS.name,)
FORGETTING = {
    "G1": Experiment(g1, g1_effect),
    "G2": Experiment(g2, share_saved, reached=something_lost),
    "G3": Experiment(g3, g3_effect),
    "G4": Experiment(g4, share_saved, reached=something_lost),
    "G5": Experiment(g5, g5_effect, reached=any_fault),
    "G6": Experiment(
        g6,
        partial(share_saved, names=_FACTS),
        reached=partial(something_lost, names=_FACTS),
    ),
}
