"""D1 to D5 on any model: imitation of people's replies, then DPO, a reward model, RL or a judge."""

import random
from collections.abc import Sequence
from functools import lru_cache, partial
from statistics import median

from adaptlab.evals.estimate import Estimate
from adaptlab.evals.judge import FIRST, SECOND, judge_messages, wins
from adaptlab.evals.statistics import mean
from adaptlab.messages import Messages, assistant
from adaptlab.models.local import LocalChat
from adaptlab.studies.preferences import demonstrations, divergence, pairs_of, preferences
from adaptlab.studies.real_models.experiment import Conditions, Experiment, Measurement, Model, N
from adaptlab.studies.real_models.fine_tuned import in_full, lora, n_tokens_of, tuned
from adaptlab.studies.real_models.reply_store import ReplyStore
from adaptlab.tune.data_hash import data_hash
from adaptlab.tune.dpo import prefer
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.options import PREFERENCE_DEFAULTS, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.reward import fit_reward
from adaptlab.tune.rloo import OnlineOptions, reinforce
from adaptlab.world.preferences import Preference, preference, preference_case, quality

N_NEW_TOKENS = 48
N_LOOKED_AT = 60  # training pairs whose likelihoods are compared
DPO_RATE = 2e-4
REWARD_RATE = 5e-5
BATCH = 8


@lru_cache(maxsize=1)
def _imitator(name: str, seed: int) -> LocalChat:
    """Return the first stage in float32, which the second starts from."""
    start = LocalChat(name, dtype="float32")
    return fine_tune(start, demonstrations(seed), in_full(seed, epochs=2))


def _preferred(
    name: str, seed: int, pairs: Sequence[Pair], beta: float = PREFERENCE_DEFAULTS.beta
) -> LocalChat:
    options = PreferenceOptions(learning_rate=DPO_RATE, batch_size=BATCH, seed=seed, beta=beta)
    return prefer(_imitator(name, seed), pairs, options)[0]


def imitation(model: Model, seed: int) -> ReplyStore:
    """Return the first stage: a model that imitates people's replies, good and bad."""
    base = model.store
    n_tokens = 2 * n_tokens_of(base.base, demonstrations(seed))
    make = partial(_imitator, base.base.name, seed)
    return base.variant(f"imitation {seed}", make, n_tokens)


def after_dpo(
    model: Model, seed: int, pairs: Sequence[Pair], beta: float = PREFERENCE_DEFAULTS.beta
) -> ReplyStore:
    """Return the second stage: DPO on pairs, from the imitating model."""
    base = model.store
    sides = [pair.conversation(reply) for pair in pairs for reply in (pair.chosen, pair.rejected)]
    make = partial(_preferred, base.base.name, seed, pairs, beta)
    data = data_hash([pair.conversation(pair.chosen) for pair in pairs], (), ())
    name = f"imitation {seed}, DPO {DPO_RATE}, beta {beta}, {data}"
    return base.variant(name, make, 2 * n_tokens_of(base.base, sides))


def stages(model: Model, seed: int) -> dict[str, ReplyStore]:
    """Return the imitating model and the one after DPO; each is trained when it is first asked."""
    return {
        "imitation": imitation(model, seed),
        "DPO": after_dpo(model, seed, pairs_of(preferences(seed))),
    }


def qualities(store: ReplyStore, seed: int, desc: str) -> list[float]:
    """Return the exact judge's score of a model's replies to a seed's prompts."""
    rng = random.Random(f"D1:{seed}")
    cases = [preference_case(rng, "held_out", "new") for _ in range(N)]
    said = store.replies(
        [list(case.messages) for case in cases], max_new_tokens=N_NEW_TOKENS, desc=desc
    )
    return [quality(case, reply.text) for case, reply in zip(cases, said)]


def d1(model: Model, seed: int) -> Measurement:
    found = {}
    for name, store in stages(model, seed).items():
        found[f"{name}: quality"] = qualities(store, seed, name)
    won = wins(found["DPO: quality"], found["imitation: quality"])
    return Measurement(found | {"won": won})


BETAS = (0.03, 1.0)
N_SAMPLED = 40
LEAST_DIVERGENCE = 0.01  # nats; an estimate from samples can be below 0


def d2(model: Model, seed: int) -> Measurement:
    """The divergence of two betas from the imitating model, on sampled replies."""
    rng = random.Random(f"D2:{seed}")
    cases = [preference_case(rng, "held_out", "new") for _ in range(N_SAMPLED)]
    found = {}
    for beta in BETAS:
        store = after_dpo(model, seed, pairs_of(preferences(seed)), beta)
        found[f"beta {beta}: nats"] = store.value(
            lambda chat: divergence(chat, _imitator(model.store.base.name, seed), cases, seed),
            "divergence",
            seed,
        )
    return Measurement(found)


def d2_effect(found: Conditions) -> Estimate:
    """Return the ratio of the divergences: the median and the range of the seeds."""
    low, high = (found[f"beta {beta}: nats"] for beta in BETAS)
    # Replies without a word are left out, so that seeds may differ in length.
    n_seeds = max(1, round(len(high) / N_SAMPLED))
    ratios = []
    for i in range(n_seeds):
        a, b = (v[i * len(v) // n_seeds : (i + 1) * len(v) // n_seeds] for v in (low, high))
        ratios.append(mean(a).value / max(mean(b).value, LEAST_DIVERGENCE))
    return Estimate(median(ratios), min(ratios), max(ratios), n_seeds)


N_PROMPTS = 96
RL_RATE = 2e-4
RL_BATCH = 32  # replies


def _reinforced(name: str, seed: int) -> LocalChat:
    """Return the third stage: reinforcement learning on a learned reward, from the imitator."""
    start = _imitator(name, seed)
    reward = fit_reward(
        start,
        pairs_of(preferences(seed)),
        PreferenceOptions(
            method="full", learning_rate=REWARD_RATE, epochs=2, batch_size=BATCH, seed=seed
        ),
    )
    rng = random.Random(f"prompts:{seed}")
    prompts = [list(preference_case(rng).messages) for _ in range(N_PROMPTS)]

    def judged(numbers, written):
        pairs = zip(numbers, written)
        return reward.score([[*prompts[i], assistant(text)] for i, text in pairs])

    options = OnlineOptions(
        learning_rate=RL_RATE, batch_size=RL_BATCH, n_new_tokens=N_NEW_TOKENS, seed=seed
    )
    return reinforce(start, prompts, judged, options)[0]


def d3(model: Model, seed: int) -> Measurement:
    base = model.store
    n_tokens = 2 * 2 * n_tokens_of(base.base, [[*p.case.messages] for p in preferences(seed)])
    make = partial(_reinforced, base.base.name, seed)
    stores = {
        "RL": base.variant(f"imitation {seed}, reward {REWARD_RATE}, RL {RL_RATE}", make, n_tokens),
        "DPO": after_dpo(model, seed, pairs_of(preferences(seed))),
    }
    found = {f"{name}: quality": qualities(s, seed, name) for name, s in stores.items()}
    return Measurement(found | {"won": wins(found["RL: quality"], found["DPO: quality"])})


N_JUDGED = 200


def _comparisons(items: Sequence[Preference]) -> list[Messages]:
    """Return the judge's prompts: all with the chosen reply first, then all with it second."""
    talks = [(list(item.case.messages), item.chosen, item.rejected) for item in items]
    return [judge_messages(prompt, a, b) for prompt, a, b in talks] + [
        judge_messages(prompt, b, a) for prompt, a, b in talks
    ]


def judging_model(model: Model, seed: int) -> ReplyStore:
    """Return a judge that is tuned on comparisons with exact labels, each in both orders."""
    rng = random.Random(f"judge:{seed}")
    items = [preference(rng) for _ in range(N_JUDGED)]
    prompts = _comparisons(items)
    letters = [FIRST] * N_JUDGED + [SECOND] * N_JUDGED
    shown = [[*prompt, assistant(letter)] for prompt, letter in zip(prompts, letters)]
    rng.shuffle(shown)
    return tuned(model, shown, lora(seed))


def d4(model: Model, seed: int) -> Measurement:
    """DPO on the judge's labels against DPO on exact labels; undecided pairs are left out."""
    items = preferences(seed)
    said = judging_model(model, seed).replies(_comparisons(items), max_new_tokens=2, desc="judge")
    first, second = said[: len(items)], said[len(items) :]
    labelled, right = [], []
    for item, a, b in zip(items, first, second):
        votes = {a.text.strip()[:1] == FIRST, b.text.strip()[:1] == SECOND}
        if len(votes) == 1:
            agrees = votes == {True}
            right.append(float(agrees))
            sides = (item.chosen, item.rejected) if agrees else (item.rejected, item.chosen)
            labelled.append(Pair(list(item.case.messages), *sides))
    stores = {
        "judge's labels": after_dpo(model, seed, labelled or pairs_of(items)),
        "exact labels": after_dpo(model, seed, pairs_of(items)),
    }
    found = {f"{name}: quality": qualities(s, seed, name) for name, s in stores.items()}
    won = wins(found["judge's labels: quality"], found["exact labels: quality"])
    notes = {"undecided": len(items) - len(labelled)}
    return Measurement(found | {"won": won, "label is right": right}, notes)


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
    "D2": Experiment(d2, d2_effect),
    "D3": Experiment(d3, partial(_mean, name="won"), ("RL: quality", "DPO: quality")),
    "D4": Experiment(d4, partial(_mean, name="won"), ("label is right",), 0.5),
    "D5": Experiment(d5, d5_effect),
}
