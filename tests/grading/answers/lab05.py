"""Answers to lab 05: written differently from the solution and right, or wrong in a way that a
symptom knows.
"""

import math
from functools import reduce

import numpy as np
import torch
from torch.nn import functional as F


def loss_mask__right_by_search(ids, marks):
    labels = []
    at = 0
    while at < len(ids):
        if ids[at] not in (marks["system"], marks["user"], marks["assistant"]):
            labels.append(-100)
            at += 1
            continue
        closed = marks["end"] in ids[at + 1 :]
        end = ids.index(marks["end"], at + 1) + 1 if closed else len(ids)
        turn = ids[at + 1 : end]
        labels += [-100] + (
            turn if closed and ids[at] == marks["assistant"] else [-100] * len(turn)
        )
        at = end
    return labels


def loss_mask__right_numpy(ids, marks):
    openers = [marks[role] for role in ("system", "user", "assistant")]
    turn = []
    speaker = None
    number = 0
    for token in ids:
        if speaker is None:
            turn.append(-1)
            speaker, number = (token, number + 1) if token in openers else (None, number)
        else:
            turn.append(number if speaker == marks["assistant"] else -1)
            speaker = None if token == marks["end"] else speaker
    row = np.array(ids, int)
    turn = np.array(turn, int)
    cut = number if speaker is not None else -2
    return np.where((turn >= 0) & (turn != cut), row, -100).tolist()


def pack__right_room(texts, n):
    rows = []
    room = []
    for text in texts:
        assert_fits(text, n)
        at = next((i for i, left in enumerate(room) if left >= len(text)), len(rows))
        if at == len(rows):
            rows.append([])
            room.append(n)
        room[at] -= len(text)
        rows[at].append(text)
    return [
        {
            "ids": sum(row, []),
            "segments": np.repeat(np.arange(len(row)), [len(text) for text in row]).tolist(),
            "positions": [i for text in row for i, _ in enumerate(text)],
        }
        for row in rows
    ]


def assert_fits(text, n):
    if len(text) > n:
        raise ValueError(f"{len(text)} > {n}")


def pack__right_recursive(texts, n):
    if not texts:
        return []
    *before, last = texts
    rows = pack__right_recursive(before, n)
    assert_fits(last, n)
    free = [row for row in rows if len(row["ids"]) <= n - len(last)] or [
        {"ids": [], "segments": [], "positions": []}
    ]
    row = free[0]
    if not row["ids"]:
        rows.append(row)
    row["segments"].extend([len(set(row["segments"]))] * len(last))
    row["ids"].extend(last)
    row["positions"].extend(range(len(last)))
    return rows


def may_look__right_loops(segments):
    mask = np.zeros((len(segments), len(segments)), dtype=bool)
    for i, own in enumerate(segments):
        for j in range(i + 1):
            mask[i, j] = own == segments[j] and own != -1
    return mask


def may_look__right_blocks(segments):
    lengths = [segments.count(number) for number in range(max(segments) + 1)]
    blocks = [torch.ones(length, length).tril() for length in lengths] + [
        torch.zeros(1, 1)
    ] * segments.count(-1)
    return torch.block_diag(*blocks).bool()


def train__right_weighted_means(model, optimizer, batches, most, clip):
    losses = []
    for ids, labels in batches:
        model.zero_grad()
        n_learned = (labels != -100).float().sum()
        loss_of_batch = 0
        for start in range(0, len(ids), most):
            aims = labels[start : start + most]
            loss = (
                F.cross_entropy(model(ids[start : start + most]).transpose(1, 2), aims)
                * (aims != -100).sum()
                / n_learned
            )
            loss.backward()
            loss_of_batch = loss_of_batch + loss.detach()
        torch.nn.utils.clip_grad_norm_(
            [p for group in optimizer.param_groups for p in group["params"]], clip
        )
        optimizer.step()
        losses.append(loss_of_batch)
    return losses


def train__right_row_by_row(model, optimizer, batches, most, clip):
    parameters = list(model.parameters())
    losses = []
    for ids, labels in batches:
        sums = [torch.zeros_like(p) for p in parameters]
        total = 0.0
        n = 0
        for row, aims in zip(ids, labels):
            learned = aims >= 0
            surprise = -model(row[None])[0].log_softmax(-1)[learned, aims[learned]].sum()
            sums = [old + new for old, new in zip(sums, torch.autograd.grad(surprise, parameters))]
            total = total + surprise.item()
            n = n + int(learned.sum())
        norm = math.sqrt(sum(float((g / n).square().sum()) for g in sums))
        for p, g in zip(parameters, sums):
            p.grad = g / n * min(1.0, clip / norm)
        optimizer.step()
        losses.append(total / n)
    return losses


def rate_at__right_list_of_rates(step, n_steps, n_warmup, peak, floor):
    rising = [peak * i / n_warmup for i in range(1, n_warmup + 1)]
    n_falling = n_steps - n_warmup
    falling = [
        floor + (peak - floor) * math.cos(math.pi * i / n_falling / 2) ** 2
        for i in range(1, n_falling + 1)
    ]
    return (rising + falling)[step]


def rate_at__right_numpy(step, n_steps, n_warmup, peak, floor):
    done = np.float64(step + 1)
    if done <= n_warmup:
        return np.interp(done, [0, n_warmup], [0, peak])
    return (peak + floor) / 2 + (peak - floor) / 2 * np.cos(
        np.pi * np.interp(done, [n_warmup, n_steps], [0, 1])
    )


def stop_at__right_waiting(losses, patience, least):
    best = math.inf
    kept = 0
    waited = 0
    for i, loss in enumerate(losses):
        if best - loss > least:
            best = loss
            kept = i
            waited = 0
        else:
            waited += 1
        if waited >= patience:
            break
    return i + 1, kept + 1


def stop_at__right_folded(losses, patience, least):
    def one(state, item):
        n_run, kept, best, over = state
        epoch, loss = item
        if over:
            return state
        if loss + least < best:
            return epoch, epoch, loss, False
        return epoch, kept, best, epoch >= kept + patience

    return list(reduce(one, enumerate(losses[1:], 2), (1, 1, losses[0], False))[:2])


def step_order__right_rate_first():
    return "HFDAEGBC"


def step_order__right_list():
    return ["D", "A", "F", "G", "E", "B", "H", "C"]


def step_order__wrong_form():
    return "FDAEGBH"


def step_order__wrong_DA():
    return "FADEGBHC"


def step_order__wrong_AE():
    return "FDEAGBHC"


def step_order__wrong_AG():
    return "FDGAEBHC"


def step_order__wrong_FG():
    return "DAEGFBHC"


def step_order__wrong_GB():
    return "FDAEBGHC"


def step_order__wrong_BC():
    return "FDAEGHCB"


def step_order__wrong_HC():
    return "FDAEGBCH"


def step_order__wrong_EC():
    return "FDAGBHCE"


def enough__right_from_the_end(points):
    answer = None
    tallest = -math.inf
    for point in sorted(points, key=lambda point: -point["n"]):
        if tallest <= point["high"]:
            answer = point["n"]
        tallest = max(tallest, point["low"])
    return answer


def enough__right_numpy(points):
    n, low, high = (np.array([point[key] for point in points]) for key in ("n", "low", "high"))
    beaten = ((n[None, :] > n[:, None]) & (low[None, :] > high[:, None])).any(axis=1)
    return n[~beaten].min()
