"""Lab 07: forgetting over stages, old examples among new ones, a gate with weights, the way back, and the frontier."""

import math
from itertools import cycle, islice
from statistics import mean

import numpy as np
from scipy import stats

from adaptlab.grading.exercise import Exercise, Parsons, wrong


def peaks(scores: list, first=lambda task: task, last: int = -1) -> list[float]:
    """Of each task but the last, its best share after a stage from `first(task)` on, those from the end's `last` on left out."""
    return [max(row[task] for row in scores[first(task) : len(scores) + last]) for task in range(len(scores) - 1)]


def losses(scores: list, before: list) -> list[float]:
    """What each task but the last has less at the end than before."""
    return [share - end for share, end in zip(before, scores[-1])]


def own(scores: list) -> list[float]:
    """The share of each task right after its own stage."""
    return [row[task] for task, row in enumerate(scores)]


class measures(Exercise):
    """Mean forgetting, backward and forward transfer from a table of stages and tasks."""

    def draw(rng):
        n = int(rng.integers(2, 7))
        return (rng.integers(0, 40, size=n) / 100).tolist(), (rng.integers(0, 101, size=(n, n)) / 100).tolist()

    def edges():
        return [
            ([0.1, 0.2, 0.0], [[0.9, 0.3, 0.05], [0.95, 0.8, 0.1], [0.5, 0.85, 0.9]]),
            ([0.25, 0.5], [[1.0, 0.75], [0.5, 1.0]]),
            ([0.0, 0.0, 0.0], [[0.5, 0.0, 0.0], [0.6, 0.5, 0.0], [0.7, 0.6, 0.5]]),
        ]

    def right(start, scores):
        forward = [scores[task - 1][task] - start[task] for task in range(1, len(start))]
        return {"forgetting": mean(losses(scores, peaks(scores))), "backward": -mean(losses(scores, own(scores)[:-1])), "forward": mean(forward)}

    @wrong("Your forgetting is measured from the task's own stage. A task may get better afterwards, and what counts is what it had at its best.")
    def since_own_stage(start, scores):
        return measures.right(start, scores) | {"forgetting": mean(losses(scores, own(scores)[:-1]))}

    @wrong(
        "A task that is best at the end counts as 0 in your forgetting. It counts as negative: the last stage is none of those in which its best is looked for."
    )
    def last_stage_too(start, scores):
        return measures.right(start, scores) | {"forgetting": mean(losses(scores, peaks(scores, last=0)))}

    @wrong("You look for the best in stages before the task's own, too. What it could do before it was trained was not learned, so it is not forgotten.")
    def from_the_first_stage(start, scores):
        return measures.right(start, scores) | {"forgetting": mean(losses(scores, peaks(scores, first=lambda task: 0)))}

    @wrong("You divide by all tasks. The last one has had no time to be forgotten, and the first had no stage before it: each mean leaves one out.")
    def over_all_tasks(start, scores):
        return {name: value * (len(start) - 1) / len(start) for name, value in measures.right(start, scores).items()}

    @wrong("Those are sums over the tasks. Means are asked for, so that few tasks and many can be compared.")
    def sums(start, scores):
        return {name: value * (len(start) - 1) for name, value in measures.right(start, scores).items()}

    @wrong("Your backward transfer has the wrong sign: it is the share at the end minus that after the own stage, so a loss is negative.")
    def backward_reversed(start, scores):
        found = measures.right(start, scores)
        return found | {"backward": -found["backward"]}

    @wrong("Your backward transfer is forgetting with the other sign. It is measured from the task's own stage, not from its best.")
    def backward_from_best(start, scores):
        found = measures.right(start, scores)
        return found | {"backward": -found["forgetting"]}

    @wrong("Your backward transfer ends with the next stage. All later stages count: it is the share after the last one.")
    def next_stage(start, scores):
        return measures.right(start, scores) | {"backward": mean(scores[task + 1][task] - scores[task][task] for task in range(len(start) - 1))}

    @wrong("Rows and columns are swapped: scores[i] is the model after stage i.")
    def swapped(start, scores):
        return measures.right(start, [list(column) for column in zip(*scores)])

    @wrong("Your forward transfer is taken after the task's own stage. Then it holds what training taught; look at the stage before.")
    def forward_after(start, scores):
        return measures.right(start, scores) | {"forward": mean(scores[task][task] - start[task] for task in range(1, len(start)))}

    @wrong("Your forward transfer leaves out what the task could do before any training. Only what earlier stages added is transfer.")
    def without_start(start, scores):
        return measures.right(start, scores) | {"forward": mean(scores[task - 1][task] for task in range(1, len(start)))}

    @wrong("Your forward transfer uses the start of another task. Each task is compared with its own share before any training.")
    def start_of_another(start, scores):
        return measures.right(start, scores) | {"forward": mean(scores[task - 1][task] - start[task - 1] for task in range(1, len(start)))}


def checked(old: list, k: int, n: int) -> None:
    """A ValueError where no mixture can be made."""
    if not 0 <= k < n or (k and not old):
        raise ValueError("no such mixture")


def mixed(new: list, chosen, k: int, n: int, per: int = 0, last=math.ceil, old_first: bool = False) -> list:
    """Blocks of `per` new examples (n - k by default) and k of `chosen`, an iterator; `last` rounds the count of old ones in a block that is not whole."""
    per, result = per or n - k, []
    for at in range(0, len(new), per):
        block = new[at : at + per]
        n_old = k if len(block) == per else last(k * len(block) / per)
        shown = list(islice(chosen, n_old))
        result += shown + block if old_first else block + shown
    return result


class interleave(Exercise):
    """New examples in blocks with old ones, k of every n, in a given order that begins anew."""

    n_draws = 40

    def draw(rng):
        n = int(rng.integers(2, 8))
        old = [f"old {i}" for i in range(rng.integers(1, 9))]
        k = int(rng.integers(0, n)) if rng.random() < 0.95 else n
        return [f"new {i}" for i in range(rng.integers(0, 20))], old, rng.permutation(len(old)).tolist(), k, n

    def edges():
        abc, old = list("abcdefg"), ["v", "w", "x", "y", "z"]
        return [
            (abc, old, [3, 0, 4, 1, 2], 2, 5), (abc[:6], old, [2, 1, 0, 4, 3], 1, 4), (abc, old[:1], [0], 2, 3), ([], old, [0, 1, 2, 3, 4], 1, 2),
            ([], [], [], 0, 1), (abc, [], [], 0, 3), (abc, [], [], 1, 3), ([], [], [], 1, 3), (abc, old, [0, 1, 2, 3, 4], 3, 3),
            (abc, old, [0, 1, 2, 3, 4], -1, 3), (abc, old, [4, 3, 2, 1, 0], 0, 2), (abc[:4], old, [1, 0, 2, 3, 4], 4, 7),
        ]  # fmt: skip

    def used(old, order):
        """The old examples in their order, without end: each is taken when it is asked for."""
        return (old[i] for i in cycle(order))

    def right(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n)

    @wrong("You put k old ones to n new ones. Of every n examples k are old, so n - k are new.")
    def to_n_new(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, per=n)

    @wrong("Every block begins with the same old examples. The order goes on where the block before ended, so that all of them are used.")
    def same_in_each(new, old, order, k, n):
        checked(old, k, n)
        per = n - k
        return [one for at in range(0, len(new), per) for one in mixed(new[at : at + per], interleave.used(old, order), k, n)]

    @wrong("You use the old examples as they stand in the list. `order` says which comes when.")
    def as_listed(new, old, order, k, n):
        return interleave.right(new, old, list(range(len(old))), k, n)

    @wrong("When all old examples have been used, you use none any more. The order begins anew then.")
    def used_up(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, iter([old[i] for i in order]), k, n)

    @wrong("Your last block has k old ones, however few new ones it holds. Its share of old ones would be another: k · r / (n - k), rounded up.")
    def whole_last(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, last=lambda _: k)

    @wrong("You round down in the last block. Rather one old example too many: it is rounded up.")
    def rounded_down(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, last=math.floor)

    @wrong("You round to the nearest in the last block. It is rounded up, so that this stretch, too, has an old one.")
    def rounded(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, last=lambda share: math.floor(share + 0.5))

    @wrong("Your last block has no old examples if it is not whole. A training that ends without them ends with forgetting.")
    def bare_last(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, last=lambda _: 0)

    @wrong("New examples that do not fill a whole block are lost in your result. Each of them stands in it once.")
    def rest_lost(new, old, order, k, n):
        checked(old, k, n)
        return interleave.right(new[: len(new) // (n - k) * (n - k)], old, order, k, n)

    @wrong("In your blocks the old ones come first. The new ones do, and the old ones after them.")
    def old_first(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, old_first=True)

    @wrong("All old examples stand at the end. Spread them: what is repeated only after the damage has to be learned once more.")
    def at_the_end(new, old, order, k, n):
        both = interleave.right([(one,) for one in new], [[one] for one in old], order, k, n)
        return [one[0] for kind in (tuple, list) for one in both if isinstance(one, kind)]

    @wrong("You take old examples in place of new ones. Here no new example is given up: the old ones come in addition.")
    def in_place(new, old, order, k, n):
        return interleave.right(new, old, order, k, n)[: len(new)]

    @wrong("Without old examples you return the new ones alone, though a share of old ones was asked for. That has to be a ValueError: else nobody notices.")
    def none_in_silence(new, old, order, k, n):
        return interleave.right(new, old, order, k if old else 0, n)


def counted(before: list, after: list) -> tuple[int, int, int]:
    """(lost, won, cases)."""
    return sum(b > a for b, a in zip(before, after)), sum(a > b for b, a in zip(before, after)), len(before)


def coin(lost: int, thrown: int, alternative: str = "two-sided") -> float:
    return float(stats.binomtest(lost, thrown, alternative=alternative).pvalue) if thrown else 1.0


class paired(Exercise):
    """What was lost and won, case by case, the change of the share, and McNemar's exact p-value, two-sided."""

    n_draws = 30

    def draw(rng):
        n = int(rng.integers(3, 60))
        before = rng.random(n) < rng.choice([0.5, 0.8, 1.0])
        turned = rng.random(n) < np.where(before, *rng.choice([0.05, 0.2, 0.4], size=2))
        return before.astype(int).tolist(), (before ^ turned).astype(int).tolist()

    def edges():
        return [
            ([1, 1, 1, 1, 1, 0, 0, 1], [0, 0, 0, 0, 1, 0, 1, 1]), ([1], [1]), ([0], [1]), ([1], [0]), ([0, 0, 1], [0, 0, 1]), ([1] * 12, [0] * 9 + [1] * 3),
            ([0] * 7 + [1] * 3, [1] * 10), ([1, 0, 1, 0], [0, 1, 0, 1]), ([0, 0, 0], [0, 0, 0]),
        ]  # fmt: skip

    def right(before, after):
        lost, won, n = counted(before, after)
        return {"lost": lost, "won": won, "change": (won - lost) / n, "p": coin(lost, lost + won)}

    @wrong("Your p-value looks for losses alone. Two-sided is asked for: a skill may be won, too.")
    def losses_alone(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"p": coin(lost, lost + won, "greater")}

    @wrong("You throw the coin for every case. Those that came out as before say nothing: only the changed ones are throws.")
    def all_cases_thrown(before, after):
        lost, _, n = counted(before, after)
        return paired.right(before, after) | {"p": coin(lost, n)}

    @wrong("You compare two shares as if other cases had been asked before and after. They were the same ones, and only those that changed count.")
    def unpaired(before, after):
        n, right_before, right_after = len(before), sum(before), sum(after)
        exact = stats.fisher_exact([[right_before, n - right_before], [right_after, n - right_after]])
        return paired.right(before, after) | {"p": float(exact.pvalue)}

    @wrong("Your p-value is that of the chi-squared approximation. With few changed cases it is far off; take the exact one.")
    def approximate(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"p": float(stats.chi2.sf((lost - won) ** 2 / (lost + won), 1)) if lost + won else 1.0}

    @wrong("Where no case changed your p-value is 0. It is 1: nothing speaks for a change.")
    def zero_for_none(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"p": coin(lost, lost + won) if lost + won else 0.0}

    @wrong("Your change has the wrong sign: it is after minus before, so a loss is negative.")
    def change_reversed(before, after):
        found = paired.right(before, after)
        return found | {"change": -found["change"]}

    @wrong("Your change is a share of the changed cases. It is one of all cases: what a user would notice.")
    def of_the_changed(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"change": (won - lost) / (lost + won) if lost + won else 0.0}

    @wrong("Your change is a number of cases. Divide by how many there are: shares of skills with more and fewer cases have to be comparable.")
    def change_in_cases(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"change": won - lost}

    @wrong("Lost and won are swapped: a case is lost if it was right before and is wrong after.")
    def swapped(before, after):
        lost, won, _ = counted(before, after)
        return paired.right(before, after) | {"lost": won, "won": lost}

    @wrong("You count all wrong cases after as lost and all right ones as won. Only a case that came out otherwise before was lost or won.")
    def all_after(before, after):
        return paired.right(before, after) | {"lost": len(after) - sum(after), "won": sum(after)}


def holm(found: dict, weights: dict, alpha: float, key=None, stops: bool = True, shrinks: bool = True, cost=lambda p, left, weight: p * left / weight) -> list:
    """The skills whose change is shown. `key`: the order; `stops`: at the first that is not; `shrinks`: the sum of weights, from skill to skill."""
    left, shown = sum(weights[name] for name in found), []
    for name in sorted(found, key=key or (lambda name: found[name]["p"] / weights[name])):
        if cost(found[name]["p"], left, weights[name]) <= alpha:
            shown.append(name)
        elif stops:
            break
        left -= weights[name] if shrinks else 0
    return shown


def told(found: dict, shown, margin: float, below=lambda change, margin: change < -margin, above=lambda change, margin: change > margin) -> dict:
    """The verdicts on skills whose change is shown, and "open" on others."""

    def verdict(change):
        return "lost" if below(change, margin) else "won" if above(change, margin) else "small"

    return {name: verdict(row["change"]) if name in shown else "open" for name, row in found.items()}


class verdicts(Exercise):
    """lost, won, small or open for each skill, by Holm's correction with weights, and by a margin."""

    n_draws = 80

    def draw(rng):
        names = rng.permutation(["reading", "tones", "formats", "sums", "facts", "reasoning"])[: rng.integers(1, 7)]
        # Changes and margins in thirty-seconds, which floats hold exactly, so that a change may be just the margin.
        found = {str(name): {"change": int(rng.integers(-4, 5)) / 32, "p": float(10 ** -rng.uniform(0.7, 2.6))} for name in names}
        weights = {name: float(rng.choice([0.5, 1, 2, 4])) for name in found}
        return found, weights, float(rng.choice([0.05, 0.1])), float(rng.choice([0, 1, 2])) / 32

    def edges():
        def rows(*triples):
            """Skills from their changes, p-values and weights."""
            names = "abcdef"[: len(triples)]
            return {n: {"change": c, "p": p} for n, (c, p, _) in zip(names, triples)}, {n: w for n, (*_, w) in zip(names, triples)}

        return [
            (*rows((-0.25, 0.001, 1), (0.25, 0.03, 1), (-0.125, 0.2, 1)), 0.05, 0.0625),
            ({}, {}, 0.05, 0.02),
            (*rows((-0.25, 0.04, 3)), 0.05, 0.0625),
            (*rows((-0.25, 0.02, 1), (-0.25, 0.02, 4)), 0.05, 0.0625),
            (*rows((-0.0625, 0.001, 1), (0.0625, 0.001, 1), (0.03125, 0.001, 1)), 0.05, 0.0625),
            (*rows((-0.25, 0.03, 1), (-0.25, 0.04, 1)), 0.05, 0.0625),
            (*rows((0.0, 0.001, 1), (-0.03125, 0.001, 2)), 0.05, 0.0),
            (*rows((-0.25, 0.012, 1), (-0.25, 0.016, 1), (-0.25, 0.024, 1), (-0.25, 0.045, 1)), 0.05, 0.0625),
            (*rows((0.5, 0.02, 2), (-0.5, 0.012, 1)), 0.05, 0.0625),
            (*rows((-0.25, 0.03125, 1), (-0.25, 0.0625, 1)), 0.0625, 0.0625),
        ]

    def right(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha), margin)

    @wrong("You do not correct for the number of skills: of many that did not change, some look as if they had.")
    def uncorrected(found, weights, alpha, margin):
        return told(found, [name for name in found if found[name]["p"] <= alpha], margin)

    @wrong("You correct each skill by the sum of all weights. Once a change is shown, its weight is left out for those that come after.")
    def all_weights(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha, shrinks=False), margin)

    @wrong("You leave the weights out. A skill with a greater one may spend more on chance.")
    def unweighted(found, weights, alpha, margin):
        return told(found, holm(found, dict.fromkeys(found, 1), alpha), margin)

    @wrong("You go on after the first skill that is not shown. Whatever stands behind it in the order is not shown either.")
    def goes_on(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha, stops=False), margin)

    @wrong("You sort by p alone. The order is that of p / weight: a weight moves a skill forward.")
    def sorted_by_p(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha, key=lambda name: found[name]["p"]), margin)

    @wrong("Your weights work the other way round: a greater weight makes a change easier to show, so p is divided by it.")
    def weights_reversed(found, weights, alpha, margin):
        return told(found, holm(found, {name: 1 / weight for name, weight in weights.items()}, alpha), margin)

    @wrong("You correct by the number of skills that are left, and the weights only sort. What is left is a sum of weights, divided by the skill's own.")
    def weights_only_sort(found, weights, alpha, margin):
        order = sorted(found, key=lambda name: found[name]["p"] / weights[name])
        ones = dict.fromkeys(found, 1)
        return told(found, holm(found, ones, alpha, key=order.index), margin)

    @wrong("You take the skills as they come. Holm goes from the smallest p / weight to the greatest.")
    def unsorted(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha, key=list(found).index), margin)

    @wrong('You ignore the margin. A change that is surely there, but too small to matter, is "small".')
    def no_margin(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha), 0)

    @wrong("A change of exactly the margin is small. Lost is below -margin, won is above margin.")
    def margin_itself(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha), margin, lambda change, margin: change <= -margin, lambda change, margin: change >= margin)

    @wrong("You judge by the margin alone. A loss that may well be chance is open, however large it looks.")
    def margin_alone(found, weights, alpha, margin):
        return told(found, list(found), margin)

    @wrong("A gain is a loss for you: you look at the size of the change, not at its sign.")
    def size_alone(found, weights, alpha, margin):
        return told(found, holm(found, weights, alpha), margin, below=lambda change, margin: abs(change) > margin)

    @wrong('What is shown but small is "open" in your result. It is known to be small, and that is another thing than not being known.')
    def small_is_open(found, weights, alpha, margin):
        return {name: "open" if verdict == "small" else verdict for name, verdict in verdicts.right(found, weights, alpha, margin).items()}


class way_back(Exercise):
    """The least number of old examples that gives back a part of a loss; "kept" if little was lost, "gone" if none does."""

    n_draws = 80

    def draw(rng):
        counts = rng.permutation([5, 10, 20, 50, 100, 200])[: rng.integers(0, 6)]
        before, tuned = sorted((int(x) for x in rng.integers(2, 17, size=2)), reverse=rng.random() < 0.9)
        curve = [[int(n), int(rng.integers(max(0, tuned - 1), max(before, tuned) + 2)) / 16] for n in counts]
        return before / 16, tuned / 16, curve, float(rng.choice([0.125, 0.25])), float(rng.choice([0.25, 0.5, 0.75]))

    def edges():
        return [
            (0.75, 0.25, [[10, 0.375], [50, 0.5], [100, 0.75]], 0.125, 0.5), (0.75, 0.25, [], 0.125, 0.5), (0.75, 0.75, [[10, 0.75]], 0.125, 0.5),
            (0.75, 0.625, [[10, 0.75]], 0.125, 0.5), (0.75, 0.6875, [[10, 0.75]], 0.125, 0.5), (0.5, 0.75, [[10, 0.25]], 0.125, 0.5),
            (1.0, 0.0, [[100, 0.5], [10, 0.5], [50, 0.25]], 0.25, 0.5), (0.75, 0.5, [[20, 0.5], [50, 0.4375]], 0.125, 0.25),
            (0.75, 0.25, [[10, 0.5], [50, 0.25], [100, 0.625]], 0.125, 0.5), (1.0, 0.75, [[10, 0.75], [20, 0.8125], [50, 0.875]], 0.125, 0.5),
        ]  # fmt: skip

    def told(before, tuned, curve, least, back):
        """By `back(share)`, whether it brings the skill back."""
        return "kept" if before - tuned < least else min((n for n, share in curve if back(share)), default="gone")

    def right(before, tuned, curve, least, part):
        return way_back.told(before, tuned, curve, least, lambda share: share - tuned >= part * (before - tuned))

    @wrong("You measure against what the skill had before. What has to come back is a part of what was lost: begin at what was left after the tuning.")
    def part_of_before(before, tuned, curve, least, part):
        return way_back.told(before, tuned, curve, least, lambda share: share >= part * before)

    @wrong("You compare the share itself with a part of the loss. What counts is what it adds to the share after the tuning.")
    def from_nothing(before, tuned, curve, least, part):
        return way_back.told(before, tuned, curve, least, lambda share: share >= part * (before - tuned))

    @wrong("You wait until all of it is back. `part` says how much of the loss is enough.")
    def all_of_it(before, tuned, curve, least, part):
        return way_back.told(before, tuned, curve, least, lambda share: share >= before)

    @wrong("Exactly the part that is asked for is enough.")
    def more_than_part(before, tuned, curve, least, part):
        return way_back.told(before, tuned, curve, least, lambda share: share - tuned > part * (before - tuned))

    @wrong("A loss of exactly `least` is a loss: only one below it is none.")
    def least_is_none(before, tuned, curve, least, part):
        return "kept" if before - tuned <= least else way_back.right(before, tuned, curve, least, part)

    @wrong("You do not ask whether anything was lost. A skill that hardly changed was kept, and has no way back.")
    def never_kept(before, tuned, curve, least, part):
        return way_back.right(before, tuned, curve, -math.inf, part)

    @wrong("You take the first entry of the list that is enough. The curve comes in any order; asked for is the least number.")
    def first_listed(before, tuned, curve, least, part):
        found = way_back.right(before, tuned, curve, least, part)
        back = (n for n, share in curve if share - tuned >= part * (before - tuned))
        return next(back) if isinstance(found, int) else found

    @wrong("You take the number that brings back the most. Asked for is the least one that brings back enough.")
    def most_back(before, tuned, curve, least, part):
        found = way_back.right(before, tuned, curve, least, part)
        return max(curve, key=lambda entry: (entry[1], -entry[0]))[0] if isinstance(found, int) else found

    @wrong("You look at the greatest number alone. The curve may fall again behind a point at which the skill was back.")
    def greatest_alone(before, tuned, curve, least, part):
        found = way_back.right(before, tuned, [max(curve)] if curve else [], least, part)
        return way_back.right(before, tuned, curve, least, part) if isinstance(found, int) else found


class gate_order(Parsons):
    """The order of the lines that train a model behind a gate."""

    right_order = "CGEDAHBF"
    rules = {
        "CD": "The base is measured before the cases are drawn (D before C).",
        "CG": "You take the questions of the cases out of the examples before there are cases (G before C).",
        "GA": "You train before the questions of the gate are taken out of the examples (A before G): then it measures what was learned by heart.",
        "AH": "The tuned model is measured before it is there (H before A).",
        "EH": "The limits are set after the tuned model was measured (H before E): whoever knows the result can choose them so that it passes.",
        "DB": "The verdicts are made before the base was measured (B before D): there is nothing to compare with.",
        "HB": "The verdicts are made before the tuned model was measured (B before H).",
        "BF": "You ship before the verdicts are there (F before B): a gate that is asked afterwards stops nothing.",
    }


class frontier(Exercise):
    """The names of the arms that no other arm beats, in their order."""

    n_draws = 60

    def draw(rng):
        names = rng.permutation(["full", "lora", "replay", "low rate", "anchor", "upper layers", "untuned"])[: rng.integers(1, 8)]
        return ([{"name": str(name), "learned": int(rng.integers(0, 6)) / 8, "kept": int(rng.integers(0, 6)) / 8} for name in names],)

    def edges():
        def arms(*pairs):
            return ([{"name": name, "learned": learned, "kept": kept} for name, (learned, kept) in zip("abcdef", pairs)],)

        return [
            arms((0.5, 0.5), (0.75, 0.25), (0.25, 0.25), (0.25, 0.75)),
            ([],),
            arms((0.0, 0.0)),
            arms((0.5, 0.5), (0.5, 0.5)),
            arms((0.5, 0.5), (0.5, 0.75)),
            arms((0.5, 0.5), (0.75, 0.5)),
            arms((0.5, 0.5), (0.25, 0.75), (0.5, 0.5), (0.875, 0.0), (0.125, 0.125)),
            arms((0.0, 1.0), (0.375, 0.5), (1.0, 0.0), (0.375, 0.375)),
        ]

    def unbeaten(arms, beats):
        return [arm["name"] for arm in arms if not any(beats(other, arm) for other in arms if other is not arm)]

    def beats(a, b):
        return a["learned"] >= b["learned"] and a["kept"] >= b["kept"] and (a["learned"] > b["learned"] or a["kept"] > b["kept"])

    def right(arms):
        return frontier.unbeaten(arms, frontier.beats)

    @wrong("For you an arm is beaten only by one that is better in both numbers. As good in one and better in the other is enough.")
    def better_in_both(arms):
        return frontier.unbeaten(arms, lambda a, b: a["learned"] > b["learned"] and a["kept"] > b["kept"])

    @wrong("Two arms with the same numbers strike each other out. Neither is better in anything, so neither is beaten.")
    def twins_out(arms):
        return frontier.unbeaten(arms, lambda a, b: a["learned"] >= b["learned"] and a["kept"] >= b["kept"])

    @wrong("Of arms with the same numbers you keep the first alone. None of them is beaten: all stay.")
    def one_twin(arms):
        seen = [(arm["learned"], arm["kept"]) for arm in arms]
        return [name for name in frontier.right(arms) if [arm["name"] for arm in arms].index(name) in {seen.index(pair) for pair in seen}]

    @wrong("You take the arm with the greatest sum. That weighs both alike, which nobody asked for: the frontier is there so that one need not.")
    def greatest_sum(arms):
        most = max((arm["learned"] + arm["kept"] for arm in arms), default=0)
        return [arm["name"] for arm in arms if arm["learned"] + arm["kept"] == most]

    @wrong("You take the arms that are best in one of the numbers. Between them there may be others that nobody beats.")
    def best_of_each(arms):
        most = {key: max((arm[key] for arm in arms), default=0) for key in ("learned", "kept")}
        best = [arm for arm in arms if any(arm[key] == most[key] for key in most)]
        return [name for name in frontier.right(arms) if any(name == arm["name"] for arm in best)]

    @wrong("You take all arms that some other arm does not beat. An arm stays only if none at all beats it.")
    def not_by_all(arms):
        return [arm["name"] for arm in arms if len(arms) == 1 or not all(frontier.beats(other, arm) for other in arms if other is not arm)]

    @wrong("Less of what was kept is better in your answer. Both numbers are shares of right replies: more is better.")
    def kept_reversed(arms):
        return frontier.unbeaten([arm | {"kept": -arm["kept"]} for arm in arms], frontier.beats)

    @wrong("Those are the arms that are beaten. Asked for are the others.")
    def the_beaten(arms):
        return [arm["name"] for arm in arms if arm["name"] not in frontier.right(arms)]

    @wrong("Your names are sorted by what was learned. They stand in the order in which they came.")
    def resorted(arms):
        return frontier.right(sorted(arms, key=lambda arm: -arm["learned"]))
