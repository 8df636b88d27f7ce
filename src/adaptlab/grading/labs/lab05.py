"""Lab 05: what is learned, packed rows, gradients in parts, the plan of the rate, stopping, and a learning curve read."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from adaptlab.grading.exercise import Exercise, Parsons, wrong
from adaptlab.grading.probes.lab05 import tiny_training

ROLES = ("system", "user", "assistant")
IGNORED = -100


def turns(ids: list[int], marks: dict, inside: bool = False) -> list[tuple[str, int, int, bool]]:
    """(role, place of the first content, place after the last, closed) of each turn; `inside`: whether a mark inside of a turn opens one, too."""
    roles, found, role, start = {marks[name]: name for name in ROLES}, [], None, 0
    for i, token in enumerate(ids):
        if role and token == marks["end"]:
            found.append((role, start, i, True))
            role = None
        elif token in roles and (inside or role is None):
            if role:
                found.append((role, start, i, False))
            role, start = roles[token], i + 1
    return [*found, (role, start, len(ids), False)] if role else found


def learned(ids: list[int], spans: list[tuple[int, int]], ignored: int = IGNORED) -> list[int]:
    """Labels: the ids in these spans."""
    labels = [ignored] * len(ids)
    for start, end in spans:
        labels[start:end] = ids[start:end]
    return labels


def replies(ids: list[int], marks: dict, before: int = 0, end: int = 1) -> list[tuple[int, int]]:
    """The spans of closed replies, so many tokens earlier, and with the end or without."""
    return [(first - before, last + end) for role, first, last, closed in turns(ids, marks) if role == "assistant" and closed]


class loss_mask(Exercise):
    """The ids where the assistant's closed turns stand, with their end, else -100."""

    n_draws = 40

    def draw(rng):
        marks = dict(zip((*ROLES, "end"), (int(i) for i in rng.permutation(8)[:4])))
        ids = []
        for _ in range(rng.integers(1, 7)):
            content = rng.integers(10, 40, size=rng.integers(0, 6)).tolist()
            if rng.random() < 0.3:
                content.insert(int(rng.integers(len(content) + 1)), marks[str(rng.choice(ROLES))])
            role = str(rng.choice(ROLES, p=(0.2, 0.35, 0.45)))
            ids += rng.integers(40, 45, size=rng.integers(0, 2)).tolist() + [marks[role], *content, marks["end"]]
        return ids[:-1] if rng.random() < 0.3 else ids, marks

    def edges():
        marks = {"system": 0, "user": 1, "assistant": 2, "end": 3}
        rows = ([1, 10, 11, 3, 2, 12, 13, 3, 1, 14, 3, 2, 15, 3], [], [2, 3], [2], [1, 10, 3], [3, 2, 10, 3], [2, 10, 11], [1, 2, 10, 3, 2, 11, 3],
                [2, 10, 1, 11, 3, 12], [2, 10, 2, 11, 3], [0, 2, 3, 2, 10, 3, 3, 2, 11], [2, 10, 3, 2, 11, 3, 1])  # fmt: skip
        return [(row, marks) for row in rows]

    def right(ids, marks):
        return learned(ids, replies(ids, marks))

    @wrong("You learn the mark that opens a reply, too. The prompt ends with it, so the model never has to say it.")
    def mark_learned(ids, marks):
        return learned(ids, replies(ids, marks, before=1))

    @wrong("You leave out the end of the reply. A model that does not learn to end goes on talking until somebody stops it.")
    def end_forgotten(ids, marks):
        return learned(ids, replies(ids, marks, end=0))

    @wrong("You learn the ends of all turns. Only the one that closes a reply is the assistant's to say.")
    def every_end(ids, marks):
        return learned(ids, [*replies(ids, marks), *((last, last + 1) for _, _, last, closed in turns(ids, marks) if closed)])

    @wrong("Your labels are shifted by one. Here label i belongs to token i; the shift is made later, and once only.")
    def shifted(ids, marks):
        return [*loss_mask.right(ids, marks)[1:], IGNORED][: len(ids)]

    @wrong("You learn every turn. What customers write is not what the model shall learn to write.")
    def every_turn(ids, marks):
        return learned(ids, [(first, last + 1) for _, first, last, closed in turns(ids, marks) if closed])

    @wrong("You learn the last reply alone. Every reply of the conversation is an example.")
    def last_alone(ids, marks):
        return learned(ids, replies(ids, marks)[-1:])

    @wrong("You stop after the first reply. A conversation may hold several.")
    def first_alone(ids, marks):
        return learned(ids, replies(ids, marks)[:1])

    @wrong("The label of what is not learned is 0 in your list. 0 is a token: the model would learn to say it everywhere.")
    def zeros(ids, marks):
        return learned(ids, replies(ids, marks), 0)

    @wrong("A mark inside of a turn opens another one in your answer. There it is content: else a customer could put words into the assistant's mouth.")
    def marks_inside(ids, marks):
        return learned(ids, [(first, last + 1) for role, first, last, closed in turns(ids, marks, inside=True) if role == "assistant" and closed])

    @wrong("You learn a reply that is cut off. From it a model would learn to break off, or to go on without an end.")
    def cut_off(ids, marks):
        return learned(ids, [(first, last + 1) for role, first, last, _ in turns(ids, marks) if role == "assistant"])


def packed(texts: list, n: int, choose=lambda room: room[0], seen=lambda rows: rows, spare: int = 0) -> list[list[list[int]]]:
    """Rows of texts. `choose(rows that have room)` says which gets the next one, of those that are `seen`; `spare` tokens of a row stay free."""
    if any(len(text) > n for text in texts):
        raise ValueError("longer than a row")
    rows: list[list] = []
    for text in texts:
        room = [row for row in seen(rows) if sum(map(len, row)) + len(text) + spare <= n]
        if room:
            choose(room).append(text)
        else:
            rows.append([text])
    return rows


def described(rows: list, first: int = 0) -> list[dict]:
    """The three lists of each row; texts are numbered from `first`."""
    return [
        {
            "ids": [token for text in row for token in text],
            "segments": [number for number, text in enumerate(row, first) for _ in text],
            "positions": [at for text in row for at in range(len(text))],
        }
        for row in rows
    ]


class pack(Exercise):
    """Whole texts in rows of at most n tokens, first fit in the given order, with segments and positions."""

    def draw(rng):
        n = int(rng.integers(6, 15))
        texts = [rng.integers(0, 50, size=rng.integers(1, n + 1 if rng.random() < 0.3 else n // 2)).tolist() for _ in range(rng.integers(3, 12))]
        return [*texts, [1] * (n + 1), [2]] if rng.random() < 0.1 else texts, n

    def edges():
        return [
            ([[1, 2, 3], [4, 5], [6], [7, 8, 9, 10]], 6),
            ([], 5),
            ([[3, 3, 3]], 3),
            ([[1, 2, 3]], 2),
            ([[9], [1, 2, 3, 4], [8]], 3),
            ([[1, 2, 3, 4], [5, 6, 7, 8, 9], [1], [2, 3]], 6),
            ([[1, 2], [3, 4, 5, 6], [7, 8, 9], [1], [2]], 5),
            ([[1], [2, 3], [4, 5, 6]], 3),
        ]

    def right(texts, n):
        return described(packed(texts, n))

    @wrong("You look at the last row alone. An earlier one may still have room, and it comes first.")
    def last_row_alone(texts, n):
        return described(packed(texts, n, seen=lambda rows: rows[-1:]))

    @wrong("You take the row in which least room is left. Asked for is the first that has room.")
    def fullest_row(texts, n):
        return described(packed(texts, n, lambda room: max(room, key=lambda row: sum(map(len, row)))))

    @wrong("You take the row in which most room is left. Asked for is the first that has room.")
    def emptiest_row(texts, n):
        return described(packed(texts, n, lambda room: min(room, key=lambda row: sum(map(len, row)))))

    @wrong("You sort the texts by length first. That packs more tightly, but here they are taken in the order in which they come.")
    def longest_first(texts, n):
        return described(packed(sorted(texts, key=len, reverse=True), n))

    @wrong("You glue all texts together and cut every n tokens. A text that is cut in two teaches to break off, and its second half has lost its beginning.")
    def glued_and_cut(texts, n):
        flat = [(number, at, token) for number, text in enumerate(texts) for at, token in enumerate(text)]
        rows = [flat[i : i + n] for i in range(0, len(flat), n)]
        return [{"ids": [t for _, _, t in row], "segments": [s - row[0][0] for s, _, _ in row], "positions": [at for _, at, _ in row]} for row in rows]

    @wrong("You cut a text that is too long. It has to be a ValueError: cut off, it would teach to break off, and nobody would know.")
    def too_long_cut(texts, n):
        return described(packed([text[:n] for text in texts], n))

    @wrong("You leave out a text that is too long. It has to be a ValueError: data that vanish in silence are missed by nobody.")
    def too_long_left_out(texts, n):
        return described(packed([text for text in texts if len(text) <= n], n))

    @wrong("Your positions run on through the row. A text has to begin at 0, as it would alone; else it is another text for the model.")
    def positions_run_on(texts, n):
        return [row | {"positions": list(range(len(row["ids"])))} for row in pack.right(texts, n)]

    @wrong("You number the texts through all rows. The number is that of the text in its row, from 0.")
    def numbered_through(texts, n):
        rows, before = packed(texts, n), 0
        made = []
        for row in rows:
            made += described([row], before)
            before += len(row)
        return made

    @wrong("Your numbers begin at 1. The first text of a row has the number 0, as Python counts.")
    def from_one(texts, n):
        return described(packed(texts, n), 1)

    @wrong("You leave a row before it is full: a text that fits exactly belongs into it.")
    def never_full(texts, n):
        return described(packed(texts, n, spare=1))

    @wrong("Every text has a row of its own. Then nothing is packed: texts share a row while there is room.")
    def one_each(texts, n):
        return described(packed(texts, n, seen=lambda rows: []))


def grid(segments: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(own segment of the token that looks, that of the other, the one's place, the other's place), to be compared with each other."""
    own, at = np.array(segments), np.arange(len(segments))
    return own[:, None], own[None, :], at[:, None], at[None, :]


class may_look(Exercise):
    """[i, j] True if j is an earlier token of the same text, or i itself; never for padding."""

    def draw(rng):
        lengths = rng.integers(1, 5, size=rng.integers(1, 5))
        segments = [number for number, length in enumerate(lengths) for _ in range(length)]
        return (segments + [-1] * int(rng.integers(0, 4)),)

    def edges():
        return [([0, 0, 1, 1, 1, -1],), ([0],), ([-1],), ([0, 1, 2],), ([0, 0, 0],), ([-1, -1],)]

    def right(segments):
        own, other, i, j = grid(segments)
        return (own == other) & (j <= i) & (own >= 0)

    @wrong("The second text of a row sees the first. The mask has to keep texts apart, not only what comes later.")
    def texts_mixed(segments):
        own, other, i, j = grid(segments)
        return (j <= i) & (own >= 0) & (other >= 0)

    @wrong("Texts are kept apart, but a token sees what comes after it: the model would read the answer before it is asked for it.")
    def sees_what_comes(segments):
        own, other, *_ = grid(segments)
        return (own == other) & (own >= 0)

    @wrong("A token does not look at itself in your mask. It has to: the next token is predicted from the last one, too.")
    def not_itself(segments):
        own, other, i, j = grid(segments)
        return (own == other) & (j < i) & (own >= 0)

    @wrong("Rows and columns are swapped: [i, j] says whether i may look at j, and the earlier one is j.")
    def swapped(segments):
        return may_look.right(segments).T

    @wrong("Padding looks at padding in your mask: -1 equals -1. It belongs to no text, so it looks at nothing.")
    def padding_looks(segments):
        own, other, i, j = grid(segments)
        return (own == other) & (j <= i)

    @wrong("Your mask is the other way round: True has to stand where looking is allowed. PyTorch's attention means it so, too.")
    def inverted(segments):
        return ~may_look.right(segments)

    @wrong("Padding looks at itself in your mask. It looks at nothing at all, not at itself either.")
    def padding_sees_itself(segments):
        return may_look.right(segments) | np.eye(len(segments), dtype=bool)


def cross_entropies(model, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The sum over the learned tokens."""
    return F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="sum")


def trained(model, optimizer, batches, most, clip, weight=lambda part, batch, n_parts: 1 / batch, clear="before", clips="once", steps="once",
            reported="before") -> list[float]:  # fmt: skip
    """A training in parts. `weight(learned tokens of the part, of the batch, parts)`: what the sum of a part is multiplied by.

    `clear`: when gradients are cleared, "before" or "after" a step, "never", or before each "part". `clips`: "once", "never", in each "part".
    `steps`: "once", "never", after each "part". `reported`: the loss "before" the step, "after" it, or that of the "last" part.
    """
    losses = []
    for ids, labels in batches:
        parts, n_learned, of_parts = list(zip(ids.split(most), labels.split(most))), int((labels != IGNORED).sum()), []
        if clear == "before":
            optimizer.zero_grad()
        for part, aims in parts:
            if clear == "part":
                optimizer.zero_grad()
            loss = cross_entropies(model, part, aims) * weight(int((aims != IGNORED).sum()), n_learned, len(parts))
            loss.backward()
            of_parts.append(loss.item())
            if clips == "part":
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            if steps == "part":
                optimizer.step()
        if clips == "once":
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        if steps == "once":
            optimizer.step()
        if clear == "after":
            optimizer.zero_grad()
        if reported == "after":
            with torch.no_grad():
                of_parts = [cross_entropies(model, part, aims).item() / n_learned for part, aims in parts]
        losses.append(of_parts[-1] if reported == "last" else sum(of_parts))
    return losses


class train(Exercise):
    """The losses of a training whose batches are made in parts, and the weights that it leaves."""

    probe = tiny_training
    n_draws = 1
    # Sums of a batch in another order differ by some 1e-7, and twenty steps let that grow a thousandfold at most; the misconceptions are off by hundredths.
    rtol, atol = 1e-3, 1e-4

    def batch(rng, n_rows):
        """Ids and labels, (n_rows, 6): rows with one learned token, with some, or with all."""
        ids = rng.integers(0, 9, size=(n_rows, 6))
        labels = np.where(rng.random((n_rows, 6)) < rng.choice([0.2, 0.6, 1.0], size=(n_rows, 1)), (3 * ids + 1) % 9, IGNORED)
        labels[:, 0] = (3 * ids[:, 0] + 1) % 9
        return [torch.from_numpy(ids), torch.from_numpy(labels)]

    def problem(rng, clip):
        most = int(rng.integers(2, 4))
        embedding, head = (torch.from_numpy(rng.normal(size=(9, 5)).astype(np.float32)) for _ in range(2))
        return embedding, head, [train.batch(rng, int(rng.integers(5, 9))) for _ in range(20)], most, 0.8, clip

    def draw(rng):
        return train.problem(rng, float(rng.choice([0.3, 0.5])))

    def edges():
        # Without a cut, since a gradient that is cut has lost its length, and a wrong scale with it.
        return [train.problem(np.random.default_rng(5), 1e6)]

    def right(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip)

    @wrong("You average the means of the parts. A part with few learned tokens then counts as much as one with many: divide by the tokens of the whole batch.")
    def mean_of_means(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, lambda part, batch, n_parts: 1 / part / n_parts)

    @wrong("You add up the means of the parts, so the gradient grows with their number. Each sum is divided by the learned tokens of the whole batch.")
    def sum_of_means(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, lambda part, batch, n_parts: 1 / part)

    @wrong("You add up without dividing. The loss is a mean over the learned tokens of the batch, and the gradient is that of this mean.")
    def undivided(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, lambda part, batch, n_parts: 1)

    @wrong("You divide by all tokens of the batch. Those with the label -100 are not learned, and do not count.")
    def by_all_tokens(model, optimizer, batches, most, clip):
        losses = []
        for ids, labels in batches:
            losses += trained(model, optimizer, [[ids, labels]], most, clip, lambda part, batch, n_parts, ids=ids: 1 / ids.numel())
        return losses

    @wrong("Gradients are never cleared: every step repeats what was learned from all batches before.")
    def never_cleared(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clear="never")

    @wrong("You clear the gradients after a step, not before the first. What they held before the call goes into your first step.")
    def cleared_after(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clear="after")

    @wrong("You clear the gradients before each part, so only the last part of a batch is learned from.")
    def cleared_in_parts(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clear="part")

    @wrong("You make a step after each part. A batch is one step: the parts are there for the memory alone.")
    def step_in_parts(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clear="part", clips="part", steps="part")

    @wrong("The optimizer never makes a step, so the model stays what it was.")
    def no_step(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, steps="never")

    @wrong("Your steps are made with the whole gradient. It has to be cut to the length of `clip`, and before the step: afterwards it has been used.")
    def not_clipped(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clips="never")

    @wrong("You cut what has been added up so far after each part. The length to be cut is that of the whole gradient, once.")
    def clipped_in_parts(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, clips="part")

    @wrong("You report the loss after the step. Asked for is what it was before.")
    def loss_after(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, reported="after")

    @wrong("The loss that you report is that of the last part. It belongs to the whole batch.")
    def loss_of_last_part(model, optimizer, batches, most, clip):
        return trained(model, optimizer, batches, most, clip, reported="last")


def along(share: float, peak: float, floor: float) -> float:
    """Half a cosine from peak to floor."""
    return floor + (peak - floor) * (1 + math.cos(math.pi * share)) / 2


def planned(step: int, n_steps: int, n_warmup: int, peak: float, fall, first: int = 1) -> float:
    """A rise in n_warmup steps, `first` of which are gone in the first one, then `fall(share)` of the rest of the way."""
    if step < n_warmup:
        return peak * (step + first) / n_warmup
    return fall((step + 1 - n_warmup) / (n_steps - n_warmup))


class rate_at(Exercise):
    """The rate of a step: a straight rise to the peak, then half a cosine down to the floor, which the last step has."""

    n_draws = 60
    # Rates are some thousandths; a float64 is sure to the sixteenth place.
    rtol, atol = 1e-4, 1e-9

    def draw(rng):
        n_steps, peak = int(rng.integers(4, 80)), float(rng.choice([2e-3, 5e-4, 1e-2]))
        n_warmup = int(rng.choice([0, 1, rng.integers(1, n_steps + 1), n_steps // 4]))
        return int(rng.integers(n_steps)), n_steps, n_warmup, peak, peak * float(rng.choice([0, 0.1, 0.25]))

    def edges():
        plans = ((20, 5, 1e-3, 1e-4), (10, 0, 1e-3, 0.0), (6, 6, 2e-3, 1e-3), (8, 1, 1e-3, 0.0), (1, 0, 1e-3, 1e-4), (1, 1, 1e-3, 1e-4), (9, 3, 1e-3, 1e-3))
        return [(step, n, *rest) for n, *rest in plans for step in sorted({0, 1, n // 2, n - 2, n - 1}) if 0 <= step < n]

    def right(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along(share, peak, floor))

    @wrong("Your first step has the rate 0, so it is no step. The first one already has its part of the rise.")
    def nothing_first(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along(share, peak, floor), first=0)

    @wrong("There is no warm-up: the rate begins at its peak, when the optimizer knows least.")
    def no_rise(step, n_steps, n_warmup, peak, floor):
        return peak if step < n_warmup else rate_at.right(step, n_steps, n_warmup, peak, floor)

    @wrong("Your warm-up rises from the floor. It rises by equal amounts from peak / n_warmup; the floor belongs to the end.")
    def rises_from_floor(step, n_steps, n_warmup, peak, floor):
        return floor + (peak - floor) * (step + 1) / n_warmup if step < n_warmup else rate_at.right(step, n_steps, n_warmup, peak, floor)

    @wrong("Your rate falls in a straight line. Half a cosine falls slowly at first and at last.")
    def straight(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: peak + (floor - peak) * share)

    @wrong("Your rate falls to 0. It ends at the floor.")
    def to_nothing(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along(share, peak, 0))

    @wrong("Your rate falls to 0 and is held at the floor from where it would go below it. The cosine itself ends at the floor.")
    def held_at_floor(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: max(floor, along(share, peak, 0)))

    @wrong("Your cosine counts from the first step of all. It begins where the warm-up ends; else the rate jumps there.")
    def counted_from_start(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along((step + 1) / n_steps, peak, floor))

    @wrong("Your last step does not have the floor: you are one step late. With steps counted from 0 the last one is n_steps - 1.")
    def one_late(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along((step - n_warmup) / (n_steps - n_warmup), peak, floor))

    @wrong("Your cosine is a whole wave: it falls and comes up again. Half of one is asked for.")
    def whole_wave(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: along(2 * share, peak, floor))

    @wrong("You add the floor to a fall from peak to 0, so the rate begins above its peak.")
    def floor_on_top(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: floor + along(share, peak, 0))

    @wrong("After the warm-up your rate stays at its peak.")
    def stays(step, n_steps, n_warmup, peak, floor):
        return planned(step, n_steps, n_warmup, peak, lambda share: peak)


def stopped(losses: list, patience: int, improves, reference=lambda kept, loss: kept) -> list[int]:
    """[epochs run, epoch kept]. `improves(loss, reference, loss before)`; `reference(old one, loss)`: what the next is compared with if nothing improved."""
    against, kept, before = losses[0], 1, losses[0]
    for epoch, loss in enumerate(losses[1:], 2):
        if improves(loss, against, before):
            against, kept = loss, epoch
        else:
            against = reference(against, loss)
            if epoch - kept >= patience:
                return [epoch, kept]
        before = loss
    return [len(losses), kept]


class stop_at(Exercise):
    """[epochs run, epoch kept] by patience and a least improvement."""

    n_draws = 80

    def draw(rng):
        # In eighths, which floats hold exactly, so that equal is equal.
        steps = rng.choice([-4, -2, -1, 0, 1, 2], p=(0.1, 0.15, 0.25, 0.1, 0.25, 0.15), size=rng.integers(1, 16))
        return ((40 + np.cumsum(steps)).clip(1) / 8).tolist(), int(rng.integers(1, 5)), float(rng.choice([0, 0, 0.125, 0.25]))

    def edges():
        return [
            ([3.0, 2.0, 2.5, 2.25, 2.5, 1.0], 3, 0.0), ([3.0], 1, 0.0), ([3.0, 2.0, 1.0], 2, 0.0), ([1.0, 2.0, 3.0], 1, 0.0), ([1.0, 2.0, 3.0], 2, 0.0),
            ([3.0, 3.0, 3.0, 3.0], 2, 0.0), ([3.0, 2.75, 2.5, 2.25, 2.0], 2, 0.25), ([3.0, 2.75, 2.5, 2.25], 3, 0.25),
            ([4.0, 2.0, 3.0, 2.5, 2.25, 2.125], 4, 0.0), ([3.0, 2.875, 2.75, 2.625], 2, 0.5), ([2.0, 3.0, 1.0, 2.0, 3.0], 2, 0.0),
            ([3.0, 4.0, 2.0, 3.0, 1.0, 2.0, 0.5], 2, 0.0),
        ]  # fmt: skip

    def right(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss < best - least)

    @wrong("You compare with the epoch before. A loss that falls again after a rise is no new best: compare with the best so far.")
    def with_the_last(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss < before - least)

    @wrong("Any lower loss is a new best for you. It has to be lower by more than `least`.")
    def any_lower(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss < best)

    @wrong("A loss that is lower by exactly `least` (with least = 0: one that is equal) is no new best.")
    def just_as_low(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss <= best - least)

    @wrong("You stop one epoch late: after the `patience`-th epoch in a row without a new best, training ends.")
    def one_late(losses, patience, least):
        return stop_at.right(losses, patience + 1, least)

    @wrong("You stop one epoch early: count how many epochs in a row had no new best when you stop.")
    def one_early(losses, patience, least):
        return stop_at.right(losses, max(1, patience - 1), least)

    @wrong("You keep the last epoch that was run. Kept is the best, from before the loss rose.")
    def last_kept(losses, patience, least):
        return stop_at.right(losses, patience, least)[:1] * 2

    @wrong("You keep the lowest loss that was seen. Lower by `least` or less is no new best, so that chance does not decide what is kept.")
    def lowest_kept(losses, patience, least):
        n_run = stop_at.right(losses, patience, least)[0]
        return [n_run, int(np.argmin(losses[:n_run])) + 1]

    @wrong("Your epochs are counted from 0. They are counted from 1: after one epoch, one was run.")
    def from_zero(losses, patience, least):
        return [epoch - 1 for epoch in stop_at.right(losses, patience, least)]

    @wrong("You count all epochs without a new best. They have to be in a row: a new best sets the count back to nothing.")
    def not_in_a_row(losses, patience, least):
        best, kept, bad = losses[0], 1, 0
        for epoch, loss in enumerate(losses[1:], 2):
            if loss < best - least:
                best, kept = loss, epoch
            else:
                bad += 1
            if bad == patience:
                return [epoch, kept]
        return [len(losses), kept]

    @wrong("A small improvement, one of `least` or less, moves what you compare with. The best so far stays what it was until there is a new one.")
    def best_creeps(losses, patience, least):
        return stopped(losses, patience, lambda loss, best, before: loss < best - least, min)

    @wrong("You never stop: all epochs are run, and the best is kept. The epochs after the stop cost time, and are not to be looked at.")
    def never_stopped(losses, patience, least):
        return stop_at.right(losses, len(losses) + 1, least)


class step_order(Parsons):
    """The order of the lines of one training step."""

    right_order = "FDAEGBHC"
    rules = {
        "DA": "The loss is made before the logits are there (A before D).",
        "AE": "You look whether the loss is finite before it is there (E before A).",
        "AG": "You go backward before there is a loss (G before A).",
        "FG": "You clear the gradients after backward (G before F): what the step would be made of is gone.",
        "GB": "You clip before backward (B before G): there is no gradient yet, and the one that comes is not cut.",
        "BC": "You clip after the step (C before B): the step has already been made with the whole length.",
        "HC": "You set the rate after the step (C before H): each step would be made with the rate of the one before.",
        "EC": "You look whether the loss is finite after the step (C before E): the weights are already not numbers any more.",
    }


class enough(Exercise):
    """The smallest n that no point with a larger n is clearly better than."""

    n_draws = 60

    def draw(rng):
        # In sixteenths, so that ends of intervals often meet exactly.
        counts = sorted(int(n) for n in rng.choice([10, 20, 50, 100, 200, 500, 1000], size=rng.integers(1, 7), replace=False))
        height, points = int(rng.integers(2, 5)), []
        for n in counts:
            low, high = (int(width) for width in rng.integers(0, 3, size=2))
            points.append({"n": n, "value": height / 16, "low": (height - low) / 16, "high": (height + high) / 16})
            height += int(rng.choice([-2, -1, 0, 1, 2, 4]))
        return ([points[i] for i in rng.permutation(len(points))] if rng.random() < 0.5 else points,)

    def edges():
        def curve(*rows):
            return ([dict(zip(("n", "value", "low", "high"), row)) for row in rows],)

        return [
            curve((10, 0.25, 0.125, 0.375), (30, 0.5, 0.4375, 0.625), (90, 0.625, 0.5, 0.75)), curve((50, 0.5, 0.25, 0.75)),
            curve((10, 0.5, 0.375, 0.5), (30, 0.5625, 0.5, 0.625)), curve((10, 0.25, 0.125, 0.375), (30, 0.375, 0.25, 0.5), (90, 0.5, 0.4375, 0.625)),
            curve((10, 0.75, 0.625, 0.875), (30, 0.5, 0.375, 0.625), (90, 0.25, 0.125, 0.375)),
            curve((90, 0.625, 0.5, 0.75), (10, 0.125, 0.0, 0.25), (30, 0.5, 0.375, 0.625)),
            curve((10, 0.25, 0.125, 0.375), (30, 0.75, 0.625, 0.875), (90, 0.25, 0.125, 0.375)),
            curve((10, 0.5, 0.375, 0.5625), (30, 0.625, 0.5, 0.75), (90, 0.625, 0.5625, 0.6875)),
        ]  # fmt: skip

    def first(points, better, others=lambda later: later):
        """The first n, in rising order, to which none of the `others` of the later points is better."""
        ranked = sorted(points, key=lambda point: point["n"])
        return next(one["n"] for i, one in enumerate(ranked) if not any(better(other, one) for other in others(ranked[i + 1 :])))

    def clearly(other, one):
        return other["low"] > one["high"]

    def right(points):
        return enough.first(points, enough.clearly)

    @wrong("You compare values, and end at the highest. A value is a measurement: it may be higher by chance, and only intervals say whether it clearly is.")
    def highest(points):
        return max(points, key=lambda point: (point["value"], -point["n"]))["n"]

    @wrong("You compare the later value with the upper end. The later one has an interval, too: its lower end has to lie above.")
    def value_above(points):
        return enough.first(points, lambda other, one: other["value"] > one["high"])

    @wrong("You ask whether the later interval lies above the earlier value. Both are measured, so interval stands against interval.")
    def above_value(points):
        return enough.first(points, lambda other, one: other["low"] > one["value"])

    @wrong("Intervals that touch are clearly different for you. The lower end has to lie above the other's upper end.")
    def touching(points):
        return enough.first(points, lambda other, one: other["low"] >= one["high"])

    @wrong("You compare each point with the next one alone. Steps that are too small to see may add up to one that is clear.")
    def next_alone(points):
        return enough.first(points, enough.clearly, lambda later: later[:1])

    @wrong("You compare with the largest n alone. A curve may be highest in between.")
    def last_alone(points):
        return enough.first(points, enough.clearly, lambda later: later[-1:])

    @wrong("You rely on the order of the list. The points come in any order: sort them, or look at n.")
    def as_listed(points):
        return next(one["n"] for i, one in enumerate(points) if not any(enough.clearly(other, one) for other in points[i + 1 :]))

    @wrong("You return the largest n. Sought is the smallest with which you would be content.")
    def largest(points):
        return max(point["n"] for point in points)
