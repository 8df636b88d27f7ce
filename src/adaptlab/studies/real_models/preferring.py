"""D1 and D5 on any model: a model that imitates people's replies, then DPO on pairs of them."""

import random
from functools import lru_cache, partial

from adaptlab.evals.judge import wins
from adaptlab.evals.statistics import Estimate, mean
from adaptlab.models.local import LocalChat
from adaptlab.studies.preferences import demonstrations, pairs_of, preferences
from adaptlab.studies.real_models.experiment import Conditions, Experiment, Measurement, Model, N
from adaptlab.studies.real_models.fine_tuned import in_full
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.tune.dpo import prefer
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import PreferenceOptions
from adaptlab.world.preferences import preference_case, quality

N_NEW_TOKENS = 48
N_LOOKED_AT = 60  # training pairs whose likelihoods are compared
DPO_RATE = 2e-4
BATCH = 8


@lru_cache(maxsize=1)
def _imitator(name: str, seed: int) -> LocalChat:
    """Return the first stage in float32, which the second starts from."""
    start = LocalChat(name, dtype="float32")
    return fine_tune(start, demonstrations(seed), in_full(seed, epochs=2))


def _preferred(name: str, seed: int) -> LocalChat:
    options = PreferenceOptions(learning_rate=DPO_RATE, batch_size=BATCH, seed=seed)
    return prefer(_imitator(name, seed), pairs_of(preferences(seed)), options)[0]


def stages(model: Model, seed: int) -> dict[str, ReplyStore]:
    """Return the imitating model and the one after DPO; each is trained when it is first asked."""
    base = model.store
    pairs = preferences(seed)
    chats = [*demonstrations(seed), *([*p.case.messages] for p in pairs)]
    texts = [base.base.template.render(base.base.known_roles(chat)) for chat in chats]
    ids = base.base.tokenizer(texts, add_special_tokens=False)["input_ids"]
    n_tokens = sum(map(len, ids))
    name = base.base.name

    def imitating() -> LocalChat:
        return _imitator(name, seed)

    def preferring() -> LocalChat:
        return _preferred(name, seed)

    return {
        "imitation": base.variant(f"imitation {seed}", imitating, 2 * n_tokens),
        "DPO": base.variant(f"imitation {seed}, DPO {DPO_RATE}", preferring, 2 * n_tokens),
    }


def d1(model: Model, seed: int) -> Measurement:
    rng = random.Random(f"D1:{seed}")
    cases = [preference_case(rng, "held_out", "new") for _ in range(N)]
    found = {}
    for name, store in stages(model, seed).items():
        said = store.replies(
            [list(case.messages) for case in cases], max_new_tokens=N_NEW_TOKENS, desc=name
        )
        found[f"{name}: quality"] = [quality(c, r.text) for c, r in zip(cases, said)]
    won = wins(found["DPO: quality"], found["imitation: quality"])
    return Measurement(found | {"won": won})


def _likelihoods(chat: LocalChat, seed: int) -> list[float]:
    """Return log p of the chosen replies of the training pairs, in nats."""
    shown = preferences(seed)[:N_LOOKED_AT]
    return [
        round(sum(chat.log_probabilities(list(item.case.messages), item.chosen)), 4)
        for item in shown
    ]


def d5(model: Model, seed: int) -> Measurement:
    found = {}
    for name, store in stages(model, seed).items():
        found[f"{name}: log p of chosen"] = store.value(
            lambda chat: _likelihoods(chat, seed), "chosen", seed
        )
    return Measurement(found)


def d5_effect(found: Conditions) -> Estimate:
    """Return the nats by which the chosen replies became less likely."""
    pairs = zip(found["imitation: log p of chosen"], found["DPO: log p of chosen"])
    return mean([before - after for before, after in pairs])


def _mean(found: Conditions, name: str) -> Estimate:
    return mean(found[name])


PREFERRING = {
    "D1": Experiment(d1, partial(_mean, name="won"), ("imitation: quality", "DPO: quality")),
    "D5": Experiment(d5, d5_effect),
}
