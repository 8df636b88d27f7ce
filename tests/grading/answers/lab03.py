"""Answers to lab 03: written differently from the solution and right, or wrong in a way that a
symptom knows.
"""

import math
from collections import defaultdict

import numpy as np
import torch


def fuse_rankings__right_by_document(rankings, weights, constant, cut):
    everything = {document for ranking in rankings for document in ranking[:cut]}
    scored = []
    for document in sorted(everything):
        held = [
            (ranking.index(document) + 1, weight)
            for ranking, weight in zip(rankings, weights)
            if document in ranking[:cut]
        ]
        scored.append(
            [document, round(math.fsum(weight / (constant + rank) for rank, weight in held), 9)]
        )
    return sorted(scored, key=lambda pair: pair[1], reverse=True)


def fuse_rankings__right_numpy(rankings, weights, constant, cut):
    ids = np.unique([document for ranking in rankings for document in ranking[:cut]]).astype(int)
    scores = np.zeros(len(ids))
    for ranking, weight in list(zip(rankings, weights))[::-1]:
        kept = np.array(ranking[:cut], int)
        scores[np.searchsorted(ids, kept)] += weight / (constant + np.arange(len(kept)) + 1)
    scores = scores.round(9)
    order = np.lexsort((ids, -scores))
    return list(zip(ids[order], scores[order]))


def fuse_rankings__right_recursive(rankings, weights, constant, cut):
    def add(scores, at):
        if at == len(rankings):
            return scores
        for place in range(min(cut, len(rankings[at]))):
            scores[rankings[at][place]] += weights[at] / (constant + place + 1)
        return add(scores, at + 1)

    rounded = [
        (-round(score, 9), document) for document, score in add(defaultdict(float), 0).items()
    ]
    return [(document, -score) for score, document in sorted(rounded)]


def graded_ndcg__right_numpy(ranking, grades, k, condensed):
    if condensed:
        ranking = [document for document in ranking if document in grades]
    found = np.array([grades.get(document, 0) for document in ranking[:k]], float)
    ideal = np.sort(np.array(list(grades.values()), float))[::-1][:k]
    top, whole = (((np.exp2(g) - 1) / np.log2(np.arange(len(g)) + 2)).sum() for g in (found, ideal))
    return top / whole if whole > 0 else 0


def graded_ndcg__right_by_a_loop(ranking, grades, k, condensed):
    if max(grades.values(), default=0) == 0:
        return 0.0
    rank = 0
    total = 0.0
    for document in ranking:
        if condensed and document not in grades:
            continue
        rank += 1
        if rank > k:
            break
        total += (pow(2, grades.get(document, 0)) - 1) * math.log(2) / math.log(rank + 1)
    best = 0.0
    left = list(grades.values())
    for rank in range(1, min(k, len(left)) + 1):
        grade = max(left)
        left.remove(grade)
        best += (pow(2, grade) - 1) * math.log(2) / math.log(rank + 1)
    return total / best


def index_recall__right_by_scores(exact, found, k):
    total = 0.0
    for known, given in zip(exact, found):
        scores = dict(known)
        m = min(k, len(scores))
        bound = sorted(scores.values(), reverse=True)[m - 1]
        total += sum(scores.get(document, -math.inf) >= bound for document in given[:k]) / m
    return total / len(exact)


def index_recall__right_by_crossing_off(exact, found, k):
    values = []
    for known, given in zip(exact, found):
        m = min(k, len(known))
        right = known[:m]
        for pair in known[m:]:
            if pair[1] != known[m - 1][1]:
                break
            right = [*right, pair]
        names = [document for document, _ in right]
        values.append(np.isin(names, given[:k]).sum() / m)
    return np.mean(values)


def rerank_depth__right_by_a_loop(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
    within = []
    for depth in sorted(qualities):
        n_batches = 0
        left = depth
        while left > 0:
            n_batches = n_batches + 1
            left = left - batch_size
        if first_ms + n_batches * batch_ms <= budget_ms:
            within.append(depth)
    for depth in within:
        if all(qualities[depth] + tolerance >= qualities[other] for other in within):
            return depth
    return None


def rerank_depth__right_numpy(qualities, first_ms, batch_size, batch_ms, budget_ms, tolerance):
    depths = np.array(sorted(qualities))
    quality = np.array([qualities[int(depth)] for depth in depths])
    fits = first_ms + -(-depths // batch_size) * batch_ms <= budget_ms
    if not fits.any():
        return None
    return depths[fits & (quality >= quality[fits].max() - tolerance)].min()


def compare__right_row_by_row(new, old, resamples):
    moved = []
    for row in resamples:
        moved.append(sum(new[i] - old[i] for i in row) / len(row))
    ordered = np.sort(moved)
    low = np.quantile(ordered, 0.025)
    high = np.quantile(ordered, 0.975)
    return {
        "low": low,
        "high": high,
        "not better": sum(gap <= 0 for gap in moved) / len(moved),
        "difference": sum(new) / len(new) - sum(old) / len(old),
    }


def compare__right_torch(new, old, resamples):
    a = torch.tensor(new, dtype=torch.float64)
    b = torch.tensor(old, dtype=torch.float64)
    rows = torch.as_tensor(resamples)
    moved = a[rows].mean(1) - b[rows].mean(1)
    low, high = torch.quantile(moved, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return {
        "difference": (a.mean() - b.mean()).item(),
        "low": low,
        "high": high,
        "not better": float((moved <= 0).double().mean()),
    }


def fair_order__right_rule_first():
    return "HEBDAFGC"


def fair_order__right_list():
    return ["E", "D", "A", "H", "B", "F", "G", "C"]


def fair_order__wrong_form():
    return "EBDAFHG"


def fair_order__wrong_EB():
    return "BEDAFHGC"


def fair_order__wrong_ED():
    return "DEBAFHGC"


def fair_order__wrong_DA():
    return "EBADFHGC"


def fair_order__wrong_AF():
    return "EBDFAHGC"


def fair_order__wrong_BF():
    return "EDAFBHGC"


def fair_order__wrong_FG():
    return "EBDAHGFC"


def fair_order__wrong_HG():
    return "EBDAFGHC"


def fair_order__wrong_GC():
    return "EBDAFHCG"


def diversify__right_numpy(relevance, similarity, balance, k, duplicate):
    relevance = np.array(relevance, float)
    similarity = np.array(similarity, float)
    free = np.ones(len(relevance), bool)
    nearest = np.full(len(relevance), -np.inf)
    chosen = []
    while free.any() and len(chosen) < k:
        worth = balance * relevance - (1 - balance) * nearest if chosen else relevance
        best = int(np.argmax(np.where(free, worth, -np.inf)))
        chosen.append(best)
        free[best] = False
        free &= similarity[best] < duplicate
        nearest = np.maximum(nearest, similarity[best])
    return np.array(chosen, int).tolist()


def diversify__right_recursive(relevance, similarity, balance, k, duplicate, chosen=()):
    left = [
        i
        for i in range(len(relevance))
        if i not in chosen and not any(similarity[j][i] >= duplicate for j in chosen)
    ]
    if not left or len(chosen) == k:
        return list(chosen)
    rows = []
    for i in left:
        redundant = sorted(float(similarity[i][j]) for j in chosen)[-1:] or None
        rows.append(
            (
                (
                    balance * relevance[i] - (1 - balance) * redundant[0]
                    if redundant
                    else relevance[i]
                ),
                -i,
            )
        )
    return diversify__right_recursive(
        relevance, similarity, balance, k, duplicate, (*chosen, -max(rows)[1])
    )
