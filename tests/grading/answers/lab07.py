"""Answers to lab 07: written differently from the solution and right, or wrong in a way that a
symptom knows.
"""

import math
from collections import deque
from fractions import Fraction

import numpy as np
from scipy.special import comb


def measures__right_numpy(start, scores):
    table = np.array(scores)
    own = np.diag(table)
    end = table[-1]
    n = len(start)
    best = np.where(np.tri(n, k=0, dtype=bool), table, -np.inf)[:-1, :-1].max(axis=0)
    ahead = np.diag(table, k=1) - np.array(start)[1:]
    return {
        "forgetting": (best - end[:-1]).mean(),
        "backward": (end - own)[:-1].mean(),
        "forward": ahead.mean(),
    }


def measures__right_loops(start, scores):
    totals = {"forgetting": 0.0, "backward": 0.0, "forward": 0.0}
    n = len(scores) - 1
    for task in range(n + 1):
        if task < n:
            best = scores[task][task]
            for stage in range(task + 1, n):
                if scores[stage][task] > best:
                    best = scores[stage][task]
            totals["forgetting"] += (best - scores[n][task]) / n
            totals["backward"] -= (scores[task][task] - scores[n][task]) / n
        if task > 0:
            totals["forward"] += (scores[task - 1][task] - start[task]) / n
    return totals


def interleave__right_rotating(new, old, order, k, n):
    if k < 0 or k >= n:
        raise ValueError(k)
    if k > 0 and len(old) == 0:
        raise ValueError("nothing to replay")
    waiting = deque(old[i] for i in order)
    rest = list(new)
    made = []
    while rest:
        block = rest[: n - k]
        rest = rest[n - k :]
        made.extend(block)
        for _ in range(math.ceil(Fraction(k * len(block), n - k))):
            made.append(waiting[0])
            waiting.rotate(-1)
    return made


def interleave__right_by_place(new, old, order, k, n):
    if not (0 <= k < n) or (k > 0 and not old):
        raise ValueError("no")
    whole, rest = divmod(len(new), n - k)
    n_old = whole * k + (k * rest + n - k - 1) // (n - k)
    shown = [old[order[i % len(order)]] for i in range(n_old)]
    result = []
    for place in range(len(new) + n_old):
        block, within = divmod(place, n)
        n_new = n - k if block < whole else rest
        result.append(
            new[block * (n - k) + within] if within < n_new else shown[block * k + within - n_new]
        )
    return result


def paired__right_numpy(before, after):
    changes = np.array(after) - np.array(before)
    lost = int((changes == -1).sum())
    won = int((changes == 1).sum())
    n = lost + won
    tail = sum(comb(n, i, exact=True) for i in range(min(lost, won) + 1))
    return {"lost": lost, "won": won, "change": changes.mean(), "p": min(1.0, 2 * tail / 2**n)}


def paired__right_counting(before, after):
    kinds = list(zip(before, after))
    lost = kinds.count((1, 0))
    won = kinds.count((0, 1))
    p = 1.0
    if lost + won:
        chances = [math.comb(lost + won, i) * 0.5 ** (lost + won) for i in range(lost + won + 1)]
        p = sum(chance for chance in chances if chance <= chances[lost] * (1 + 1e-9))
    return {
        "change": sum(after) / len(after) - sum(before) / len(before),
        "lost": lost,
        "won": won,
        "p": p,
    }


def verdicts__right_raised(found, weights, alpha, margin):
    order = sorted(found, key=lambda name: (found[name]["p"] / weights[name], name))
    result = {}
    raised = 0.0
    for i, name in enumerate(order):
        raised = max(
            raised, found[name]["p"] / weights[name] * sum(weights[other] for other in order[i:])
        )
        change = found[name]["change"]
        if raised > alpha:
            result[name] = "open"
        elif abs(change) <= margin:
            result[name] = "small"
        else:
            result[name] = "won" if change > 0 else "lost"
    return result


def verdicts__right_recursive(found, weights, alpha, margin):
    if not found:
        return {}
    first = min(found, key=lambda name: found[name]["p"] / weights[name])
    if found[first]["p"] / weights[first] * sum(weights[name] for name in found) > alpha:
        return dict.fromkeys(found, "open")
    change = found[first]["change"]
    rest = verdicts__right_recursive(
        {name: row for name, row in found.items() if name != first}, weights, alpha, margin
    )
    return rest | {first: ("small", "won", "lost")[int(change > margin) - int(change < -margin)]}


def way_back__right_sorted(before, tuned, curve, least, part):
    if before - tuned < least:
        return "kept"
    for n, share in sorted(curve):
        if (share - tuned) / (before - tuned) >= part:
            return n
    return "gone"


def way_back__right_numpy(before, tuned, curve, least, part):
    if before < tuned + least:
        return "kept"
    table = np.array(curve, dtype=float).reshape(-1, 2)
    back = table[table[:, 1] >= tuned + part * (before - tuned), 0]
    return int(back.min()) if len(back) else "gone"


def gate_order__right_limits_first():
    return "ECDGAHBF"


def gate_order__right_list():
    return ["C", "G", "A", "E", "H", "D", "B", "F"]


def gate_order__wrong_form():
    return "CGEDAHB"


def gate_order__wrong_CD():
    return "DCGEAHBF"


def gate_order__wrong_CG():
    return "GCEDAHBF"


def gate_order__wrong_GA():
    return "CEDAGHBF"


def gate_order__wrong_AH():
    return "CGEDHABF"


def gate_order__wrong_EH():
    return "CGDAHEBF"


def gate_order__wrong_DB():
    return "CGEAHBDF"


def gate_order__wrong_HB():
    return "CGEDABHF"


def gate_order__wrong_BF():
    return "CGEDAHFB"


def frontier__right_sweep(arms):
    best = {}
    kept = -math.inf
    for learned in sorted({arm["learned"] for arm in arms}, reverse=True):
        most = max(arm["kept"] for arm in arms if arm["learned"] == learned)
        if most > kept:
            best[learned] = kept = most
    return [arm["name"] for arm in arms if best.get(arm["learned"]) == arm["kept"]]


def frontier__right_numpy(arms):
    points = np.array([[arm["learned"], arm["kept"]] for arm in arms]).reshape(-1, 2)
    better = points[:, None, :] - points[None, :, :]
    beaten = ((better >= 0).all(axis=2) & (better > 0).any(axis=2)).any(axis=0)
    return [arm["name"] for arm, lost in zip(arms, beaten) if not lost]
