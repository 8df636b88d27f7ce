"""Answers to lab 06: written differently from the solution and right, or wrong in a way that a
symptom knows.
"""

import itertools
import math
from statistics import fmean

import numpy as np
import torch
from torch.nn import functional


def completion_logp__right_cross_entropy(logits, ids, mask):
    aims = torch.where(mask, ids, -100)[:, 1:]
    if aims.shape[1] == 0:
        return torch.zeros(len(ids)), torch.zeros(len(ids), dtype=torch.long)
    losses = functional.cross_entropy(
        logits[:, :-1].transpose(1, 2), aims, reduction="none", ignore_index=-100
    )
    return -losses.sum(1), (aims != -100).sum(1)


def completion_logp__right_token_by_token(logits, ids, mask):
    sums = []
    counts = []
    for row, tokens, masked in zip(logits, ids, mask):
        total = torch.zeros(())
        n = 0
        for t in range(1, len(tokens)):
            if masked[t]:
                total = total + row[t - 1, tokens[t]] - torch.logsumexp(row[t - 1], 0)
                n += 1
        sums.append(total)
        counts.append(n)
    return torch.stack(sums), torch.tensor(counts)


def completion_logp__right_where(logits, ids, mask):
    logp = torch.log_softmax(logits, dim=2)
    rows, places = torch.nonzero(mask & (torch.arange(ids.shape[1]) > 0), as_tuple=True)
    values = logp[rows, places - 1, ids[rows, places]]
    return torch.zeros(len(ids)).index_add(0, rows, values), torch.bincount(
        rows, minlength=len(ids)
    )


def doubtful_loss__right_numpy(chosen, rejected, reference_chosen, reference_rejected, beta, doubt):
    c, r, rc, rr = (
        x.double().numpy() for x in (chosen, rejected, reference_chosen, reference_rejected)
    )
    z = beta * (c - r - rc + rr)
    return np.logaddexp(0, -z) * (1 - doubt) + np.logaddexp(0, z) * doubt


def doubtful_loss__right_straight_part(
    chosen, rejected, reference_chosen, reference_rejected, beta, doubt
):
    z = beta * (chosen - rejected) - beta * (reference_chosen - reference_rejected)
    return functional.softplus(-z) + doubt * z


def doubtful_loss__right_cross_entropy(
    chosen, rejected, reference_chosen, reference_rejected, beta, doubt
):
    z = beta * ((chosen - reference_chosen) - (rejected - reference_rejected))
    return functional.binary_cross_entropy_with_logits(
        z, torch.full_like(z, 1 - doubt), reduction="none"
    )


def per_token_loss__right_pair_by_pair(chosen, rejected, n_chosen, n_rejected, beta, target):
    out = []
    for c, r, n, m in zip(
        chosen.tolist(), rejected.tolist(), n_chosen.tolist(), n_rejected.tolist()
    ):
        z = beta * (c / n - r / m) - target
        out.append(math.log1p(math.exp(-abs(z))) + max(-z, 0))
    return torch.tensor(out)


def per_token_loss__right_numpy(chosen, rejected, n_chosen, n_rejected, beta, target):
    better = np.divide(chosen.numpy(), n_chosen.numpy())
    worse = np.divide(rejected.numpy(), n_rejected.numpy())
    return np.logaddexp(target + beta * worse - beta * better, 0)


def reward_report__right_numpy(chosen, rejected, reference_chosen, reference_rejected, beta):
    up = (chosen - reference_chosen).numpy()
    down = (rejected - reference_rejected).numpy()
    return {
        "won by falling": np.mean((np.maximum(up, down) < 0) & (up > down)),
        "chosen fell": np.mean(up < 0),
        "accuracy": np.mean((np.sign(up - down) + 1) / 2),
        "margin": beta * np.mean(up - down),
    }


def reward_report__right_pair_by_pair(chosen, rejected, reference_chosen, reference_rejected, beta):
    n = 0
    margin = 0.0
    right = 0.0
    fell = 0
    won = 0
    for c, r, rc, rr in zip(
        *(x.tolist() for x in (chosen, rejected, reference_chosen, reference_rejected))
    ):
        up = beta * (c - rc)
        down = beta * (r - rr)
        n = n + 1
        margin = margin + up - down
        fell = fell + (c < rc)
        right += 1 if up > down else 0.5 if up == down else 0
        won += c < rc and r < rr and up > down
    return {
        "margin": margin / n,
        "accuracy": right / n,
        "chosen fell": fell / n,
        "won by falling": won / n,
    }


def judge_report__right_by_points(verdicts, new_words, old_words):
    n = len(verdicts)
    said_a = 0
    agreed = 0
    points = 0.0
    groups = {1: [], -1: [], 0: []}
    for (first, second), new, old in zip(verdicts, new_words, old_words):
        said_a += (first == "A") + (second == "A")
        new_wins = first == "A" and second == "B"
        old_wins = first == "B" and second == "A"
        agreed += new_wins or old_wins
        point = 0.5 + 0.5 * new_wins - 0.5 * old_wins
        points += point
        groups[(new > old) - (new < old)].append(point)
    balanced = (
        None if not groups[1] or not groups[-1] else fmean([fmean(groups[1]), fmean(groups[-1])])
    )
    return {
        "said A": said_a / (2 * n),
        "consistent": agreed / n,
        "win rate": points / n,
        "at balanced lengths": balanced,
    }


def judge_report__right_numpy(verdicts, new_words, old_words):
    said = np.array(verdicts)
    gap = np.subtract(new_words, old_words)
    code = (said == "A").astype(int) - (said == "B")
    agreed = code[:, 0] * code[:, 1] == -1
    points = np.where(agreed, (code[:, 0] + 1) / 2, 0.5)
    both = (gap > 0).any() and (gap < 0).any()
    balanced = (points[gap > 0].mean() + points[gap < 0].mean()) / 2 if both else None
    return {
        "at balanced lengths": balanced,
        "win rate": points.mean(),
        "consistent": agreed.mean(),
        "said A": (said == "A").mean(),
    }


def best_of_n__right_step_by_step(rewards, n):
    rest = sorted(rewards, reverse=True)
    size = len(rewards)
    value = 0.0
    reached = 1.0
    for i, reward in enumerate(rest):
        if size - i < n:
            break
        best = n / (size - i)  # the chance that a set of what is left holds its best
        value += reached * best * reward
        reached *= 1 - best
    return value, np.log(n) - 1 + 1 / n


def best_of_n__right_by_all_sets(rewards, n):
    if math.comb(len(rewards), n) > 10_000:
        weights = [
            (
                math.exp(math.lgamma(i + 1) - math.lgamma(n) - math.lgamma(i - n + 2))
                if i >= n - 1
                else 0.0
            )
            for i in range(len(rewards))
        ]
        return np.average(np.sort(rewards), weights=weights), math.log(n) - (n - 1) / n
    return (
        fmean(max(some) for some in itertools.combinations(rewards, n)),
        math.log(n) - (n - 1) / n,
    )


def preference_order__right_halves_first():
    return "GCAFBEHD"


def preference_order__right_list():
    return ["C", "A", "G", "F", "B", "E", "H", "D"]


def preference_order__wrong_form():
    return "CGFBAEH"


def preference_order__wrong_CF():
    return "GFCBAEHD"


def preference_order__wrong_CA():
    return "ACGFBEHD"


def preference_order__wrong_GF():
    return "CFGBAEHD"


def preference_order__wrong_FB():
    return "CGBFAEHD"


def preference_order__wrong_AH():
    return "CGFBEHAD"


def preference_order__wrong_AE():
    return "CGFBEAHD"


def preference_order__wrong_BE():
    return "CGFAEBHD"


def preference_order__wrong_EH():
    return "CGFBAHED"


def preference_order__wrong_HD():
    return "CGFBAEDH"


def completion_logp__wrong_detached(logits, ids, mask):
    with torch.no_grad():
        logp = torch.log_softmax(logits, dim=-1)[:, :-1]
        taken = torch.gather(logp, 2, ids[:, 1:].unsqueeze(2)).squeeze(2)
        return (taken * mask[:, 1:]).sum(dim=1), mask[:, 1:].sum(dim=1)
