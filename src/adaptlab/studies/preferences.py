"""The studies of lesson 06: a model that imitates people, and the effect of preferences, rewards
and judges.

Rows count replies that `won`, `tied` and `lost` against another model's replies to the same
prompts, by the exact judge.
"""

import random
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from statistics import mean

from adaptlab.evals.judge import judge_messages, length_controlled, verdicts, wins
from adaptlab.evals.suite import PROSE, run_suite
from adaptlab.messages import assistant
from adaptlab.models.chat import texts
from adaptlab.models.local import LocalChat
from adaptlab.studies.grid import SEEDS, Study, grid
from adaptlab.tune.dpo import prefer
from adaptlab.tune.fine_tune import fine_tune
from adaptlab.tune.kto import approve
from adaptlab.tune.options import Options, PreferenceOptions
from adaptlab.tune.pairs import Pair
from adaptlab.tune.reward import fit_reward
from adaptlab.tune.rloo import OnlineOptions, reinforce
from adaptlab.world.case import Case
from adaptlab.world.preferences import Preference, draft, preference, preference_case, quality

N_DEMONSTRATIONS = 300
N_PAIRS = 160
N_TEST = 100
BATCH = 8
N_NEW_TOKENS = 36
N_PROMPTS = 96
N_RULER = 60
N_OWN = 8
N_SKILL = 50


def demonstrations(seed: int, n: int = N_DEMONSTRATIONS) -> list[list[dict]]:
    """Return prompts with replies as people write them, good and bad."""
    rng = random.Random(f"demonstrations:{seed}")
    cases = [preference_case(rng) for _ in range(n)]
    return [[*case.messages, assistant(draft(rng, case))] for case in cases]


def preferences(
    seed: int, n: int = N_PAIRS, noise: float = 0.0, length_bias: float = 0.0
) -> list[Preference]:
    """Return pairs with exact labels, or with errors of a known kind."""
    return [
        preference(random.Random(f"preferences:{seed}:{i}"), noise=noise, length_bias=length_bias)
        for i in range(n)
    ]


def pairs_of(items: Sequence[Preference]) -> list[Pair]:
    return [Pair(list(item.case.messages), item.chosen, item.rejected) for item in items]


@lru_cache(len(SEEDS))
def imitator(chat: LocalChat, seed: int) -> LocalChat:
    """Train the first stage: supervised fine-tuning on demonstrations."""
    return fine_tune(
        chat,
        demonstrations(seed),
        Options(method="full", learning_rate=5e-4, epochs=2, batch_size=BATCH, seed=seed),
    )


@lru_cache(len(SEEDS))
def preferred(chat: LocalChat, seed: int) -> LocalChat:
    """Train DPO on exact labels, from the imitator."""
    return prefer(
        imitator(chat, seed),
        pairs_of(preferences(seed)),
        PreferenceOptions(batch_size=BATCH, seed=seed),
    )[0]


def held_out(seed: int, n: int = N_TEST) -> list[Case]:
    rng = random.Random(f"held out:{seed}")
    return [preference_case(rng, "held_out", "new") for _ in range(n)]


def replies(
    chat: LocalChat, cases: Sequence[Case], temperature: float = 0.0, seed: int = 0
) -> list[str]:
    return texts(
        chat,
        [list(case.messages) for case in cases],
        max_new_tokens=N_NEW_TOKENS,
        temperature=temperature,
        seed=seed,
    )


def scored(cases: Sequence[Case], written: Sequence[str]) -> list[float]:
    return [quality(case, text) for case, text in zip(cases, written, strict=True)]


def _against(chat: LocalChat, other: LocalChat, seed: int) -> dict:
    """Count wins against another model's greedy replies, the quality of both, their lengths, and
    the length-controlled win rate.
    """
    cases = held_out(seed)
    new = replies(chat, cases)
    old = replies(other, cases)
    qualities = scored(cases, new)
    others = scored(cases, old)
    won = wins(qualities, others)
    n_words = [(len(a.split()), len(b.split())) for a, b in zip(new, old)]
    return {
        "won": won.count(1.0),
        "tied": won.count(0.5),
        "lost": won.count(0.0),
        "of": len(won),
        "quality": round(mean(qualities), 4),
        "quality of the other": round(mean(others), 4),
        "words": round(mean(a for a, _ in n_words), 2),
        "words of the other": round(mean(b for _, b in n_words), 2),
        "won at equal lengths": round(length_controlled(won, n_words), 4),
    }


def divergence(
    chat: LocalChat, start: LocalChat, cases: Sequence[Case], seed: int = 0
) -> list[float]:
    """Return log p(reply) under the model minus under the start, in nats, with one sampled reply
    per case.

    Their mean estimates the KL divergence KL(model || start).
    """
    written = replies(chat, cases, temperature=1.0, seed=seed)
    return [
        sum(chat.log_probabilities(list(case.messages), text))
        - sum(start.log_probabilities(list(case.messages), text))
        for case, text in zip(cases, written)
        if text
    ]


def beta(chat: LocalChat, seed: int, beta: float) -> dict:
    """Compare DPO with one beta with the imitator, and measure its KL divergence."""
    start = imitator(chat, seed)
    tuned, _ = prefer(
        start,
        pairs_of(preferences(seed)),
        PreferenceOptions(batch_size=BATCH, seed=seed, beta=beta),
    )
    sampled = divergence(tuned, start, held_out(seed)[:40], seed)
    return _against(tuned, start, seed) | {"divergence": round(mean(sampled), 3)}


def best_of(chat: LocalChat, seed: int, n: int) -> dict:
    """Take the best of n replies sampled from the imitator, by the exact judge: a reference for
    each KL divergence.
    """
    start = imitator(chat, seed)
    cases = held_out(seed)[:N_RULER]
    drawn = [
        scored(cases, replies(start, cases, temperature=1.0, seed=1000 * seed + i))
        for i in range(n)
    ]
    return {"quality": round(mean(map(max, zip(*drawn))), 4), "of": len(cases)}


def labels(chat: LocalChat, seed: int, noise: float, length_bias: float) -> dict:
    """Compare DPO on labels with errors with the imitator.

    The row also has the number of wrong labels, and how often the longer reply was chosen.
    """
    items = preferences(seed, noise=noise, length_bias=length_bias)
    start = imitator(chat, seed)
    tuned, _ = prefer(start, pairs_of(items), PreferenceOptions(batch_size=BATCH, seed=seed))
    longer = sum(len(item.chosen) > len(item.rejected) for item in items)
    return _against(tuned, start, seed) | {
        "labels wrong": sum(item.margin < 0 for item in items),
        "longer chosen": longer,
        "of labels": len(items),
    }


def losses(chat: LocalChat, seed: int, loss: str, rate: float) -> dict:
    """Learn from the pairs with one loss at one learning rate, with equal steps and replies for all
    losses.

    A learning rate may be chosen by `validation`.
    """
    start = imitator(chat, seed)
    options = PreferenceOptions(
        batch_size=BATCH, seed=seed, learning_rate=rate, loss="sigmoid" if loss == "kto" else loss
    )
    tuned, _ = (approve if loss == "kto" else prefer)(start, pairs_of(preferences(seed)), options)
    rng = random.Random(f"validation:{seed}")
    cases = [preference_case(rng) for _ in range(N_RULER)]
    return _against(tuned, start, seed) | {
        "validation": round(mean(scored(cases, replies(tuned, cases))), 4)
    }


def policy(chat: LocalChat, seed: int, examples: str, epochs: float) -> dict:
    """Full fine-tuning on good replies: "gold" (an expert's), "own" (the best of eight samples), or
    "none".

    `kept` counts correct replies of the base suite, without prose.
    """
    start = tuned = imitator(chat, seed)
    if examples != "none":
        rng = random.Random(f"policy:{seed}")
        cases = [preference_case(rng) for _ in range(N_PAIRS)]
        good = [case.answer for case in cases]
        if examples == "own":
            drawn = [
                replies(start, cases, temperature=1.0, seed=100 * seed + i) for i in range(N_OWN)
            ]
            good = [max(own, key=partial(quality, case)) for case, own in zip(cases, zip(*drawn))]
        shown = [[*case.messages, assistant(text)] for case, text in zip(cases, good) if text]
        tuned = fine_tune(
            start,
            shown,
            Options(method="full", learning_rate=5e-4, batch_size=BATCH, epochs=epochs, seed=seed),
        )
    cases = held_out(seed)
    skills = {
        name: values for name, values in run_suite(tuned, N_SKILL, seed).items() if name != PROSE
    }
    return {
        "quality": round(mean(scored(cases, replies(tuned, cases))), 4),
        "kept": int(sum(map(sum, skills.values()))),
        "of": N_SKILL * len(skills),
    }


def stages(chat: LocalChat, seed: int, reward: str) -> dict:
    """Compare reinforcement learning with DPO: on the "exact judge", or on a "learned" reward.

    The row also has the reward's accuracy on unseen pairs.
    """
    start = imitator(chat, seed)
    found: dict = {}
    rng = random.Random(f"prompts:{seed}")
    cases = [preference_case(rng) for _ in range(N_PROMPTS)]
    judged: Callable[[list[int], list[str]], list[float]]
    if reward == "exact judge":
        judged = partial(_exact, cases)
    else:
        model = fit_reward(
            start,
            pairs_of(preferences(seed)),
            PreferenceOptions(
                method="full", learning_rate=3e-4, epochs=2, batch_size=BATCH, seed=seed
            ),
        )
        margins = model.margins(
            pairs_of([preference(rng, "held_out", "new") for _ in range(N_TEST)])
        )
        found = {
            "pairs ranked right": sum(margin > 0 for margin in margins),
            "of pairs": len(margins),
        }

        def judged(numbers, written):
            pairs = zip(numbers, written)
            return model.score([[*cases[i].messages, assistant(text)] for i, text in pairs])

    tuned, log = reinforce(
        start,
        [list(case.messages) for case in cases],
        judged,
        OnlineOptions(batch_size=32, n_new_tokens=N_NEW_TOKENS, seed=seed),
    )
    found |= {"reward by step": [[row["step"], round(row["reward"], 3)] for row in log]}
    return _against(tuned, preferred(chat, seed), seed) | found


def _exact(cases: Sequence[Case], numbers: Sequence[int], written: Sequence[str]) -> list[float]:
    return [quality(cases[i], text) for i, text in zip(numbers, written)]


@lru_cache(len(SEEDS))
def tuned_judge(chat: LocalChat, seed: int, n: int = 200) -> LocalChat:
    """Fine-tune the chat model on n comparisons with exact labels, each shown in both orders."""
    rng = random.Random(f"judge:{seed}")
    examples = []
    for _ in range(n):
        item = preference(rng)
        prompt = list(item.case.messages)
        examples += [
            [*judge_messages(prompt, item.chosen, item.rejected), assistant("A")],
            [*judge_messages(prompt, item.rejected, item.chosen), assistant("B")],
        ]
    return fine_tune(
        chat,
        examples,
        Options(method="full", learning_rate=5e-4, epochs=2, batch_size=BATCH, seed=seed),
    )


def judged(chat: LocalChat, seed: int) -> dict:
    """Measure a judge's labels on the pairs: their accuracy, and DPO on them compared with DPO on
    exact labels.

    Undecided pairs are left out.
    """
    items = preferences(seed)
    referee = tuned_judge(chat, seed)
    labels = verdicts(
        referee, [(list(item.case.messages), item.chosen, item.rejected) for item in items]
    )
    swapped = [Preference(item.case, item.rejected, item.chosen) for item in items]
    labelled = [
        {1.0: item, 0.0: other}[v.preference]
        for item, other, v in zip(items, swapped, labels)
        if v.preference != 0.5
    ]
    tuned, _ = prefer(
        imitator(chat, seed), pairs_of(labelled), PreferenceOptions(batch_size=BATCH, seed=seed)
    )
    return _against(tuned, preferred(chat, seed), seed) | {
        "labels right": sum(verdict.preference == 1.0 for verdict in labels),
        "undecided": sum(verdict.preference == 0.5 for verdict in labels),
        "of labels": len(items),
        "tokens": sum(verdict.n_tokens for verdict in labels),
    }


OWN_OR_GOLD = (
    grid(examples=("none",), epochs=(0,))
    + grid(examples=("gold",), epochs=(0.2, 0.4))
    + grid(examples=("gold", "own"), epochs=(1, 3))
)

STUDIES = {
    "beta": Study(beta, grid(beta=(0.03, 0.1, 0.3, 1.0)), claims=("D1", "D2")),
    "best_of": Study(best_of, grid(n=(1, 4, 16))),
    "losses": Study(losses, grid(loss=("sigmoid", "ipo", "kto"), rate=(3e-4, 1e-3, 3e-3))),
    "stages": Study(stages, grid(reward=("learned", "exact judge")), claims=("D3",)),
    "labels": Study(
        labels, [{"noise": 0.3, "length_bias": 0.0}, {"noise": 0.0, "length_bias": 0.6}]
    ),
    "judged": Study(judged, [{}], claims=("D4",)),
    "policy": Study(policy, OWN_OR_GOLD),
}
