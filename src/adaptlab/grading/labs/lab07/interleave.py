"""Lab 07, interleave: what is right, and what wrong answers believe."""

import math
from itertools import cycle, islice

from adaptlab.grading.exercise import Exercise, wrong


def checked(old: list, k: int, n: int) -> None:
    """A ValueError where no mixture can be made."""
    if not 0 <= k < n or (k and not old):
        raise ValueError("no such mixture")


def mixed(
    new: list, chosen, k: int, n: int, per: int = 0, last=math.ceil, old_first: bool = False
) -> list:
    """Blocks of `per` new examples (n - k by default) and k of `chosen`, an iterator; `last` rounds
    the count of old ones in a block that is not whole.
    """
    per = per or n - k
    result = []
    for at in range(0, len(new), per):
        block = new[at : at + per]
        n_old = k if len(block) == per else last(k * len(block) / per)
        shown = list(islice(chosen, n_old))
        result += shown + block if old_first else block + shown
    return result


class interleave(Exercise):
    """New examples in blocks with old ones, k of every n, in a given order that begins anew."""

    n_draws = 40

    @staticmethod
    def draw(rng):
        n = int(rng.integers(2, 8))
        old = [f"old {i}" for i in range(rng.integers(1, 9))]
        k = int(rng.integers(0, n)) if rng.random() < 0.95 else n
        return (
            [f"new {i}" for i in range(rng.integers(0, 20))],
            old,
            rng.permutation(len(old)).tolist(),
            k,
            n,
        )

    @staticmethod
    def edges():
        abc = list("abcdefg")
        old = ["v", "w", "x", "y", "z"]
        return [
            (abc, old, [3, 0, 4, 1, 2], 2, 5),
            (abc[:6], old, [2, 1, 0, 4, 3], 1, 4),
            (abc, old[:1], [0], 2, 3),
            ([], old, [0, 1, 2, 3, 4], 1, 2),
            ([], [], [], 0, 1),
            (abc, [], [], 0, 3),
            (abc, [], [], 1, 3),
            ([], [], [], 1, 3),
            (abc, old, [0, 1, 2, 3, 4], 3, 3),
            (abc, old, [0, 1, 2, 3, 4], -1, 3),
            (abc, old, [4, 3, 2, 1, 0], 0, 2),
            (abc[:4], old, [1, 0, 2, 3, 4], 4, 7),
        ]

    @staticmethod
    def used(old, order):
        """The old examples in their order, without end: each is taken when it is asked for."""
        return (old[i] for i in cycle(order))

    @staticmethod
    def right(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n)

    @staticmethod
    @wrong("You put k old ones to n new ones. Of every n examples k are old, so n - k are new.")
    def to_n_new(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, per=n)

    @staticmethod
    @wrong(
        "Every block begins with the same old examples. The order goes on where the block before"
        " ended, so that all of them are used."
    )
    def same_in_each(new, old, order, k, n):
        checked(old, k, n)
        per = n - k
        return [
            one
            for at in range(0, len(new), per)
            for one in mixed(new[at : at + per], interleave.used(old, order), k, n)
        ]

    @staticmethod
    @wrong("You use the old examples as they stand in the list. `order` says which comes when.")
    def as_listed(new, old, order, k, n):
        return interleave.right(new, old, list(range(len(old))), k, n)

    @staticmethod
    @wrong(
        "When all old examples have been used, you use none any more. The order begins anew then."
    )
    def used_up(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, iter([old[i] for i in order]), k, n)

    @staticmethod
    @wrong(
        "Your last block has k old ones, however few new ones it holds. Its share of old ones would"
        " be another: k · r / (n - k), rounded up."
    )
    def whole_last(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, last=lambda _: k)

    @staticmethod
    @wrong("You round down in the last block. Rather one old example too many: it is rounded up.")
    def rounded_down(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, last=math.floor)

    @staticmethod
    @wrong(
        "You round to the nearest in the last block. It is rounded up, so that this stretch, too,"
        " has an old one."
    )
    def rounded(new, old, order, k, n):
        checked(old, k, n)
        return mixed(
            new, interleave.used(old, order), k, n, last=lambda share: math.floor(share + 0.5)
        )

    @staticmethod
    @wrong(
        "Your last block has no old examples if it is not whole. A training that ends without them"
        " ends with forgetting."
    )
    def bare_last(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, last=lambda _: 0)

    @staticmethod
    @wrong(
        "New examples that do not fill a whole block are lost in your result. Each of them stands"
        " in it once."
    )
    def rest_lost(new, old, order, k, n):
        checked(old, k, n)
        return interleave.right(new[: len(new) // (n - k) * (n - k)], old, order, k, n)

    @staticmethod
    @wrong("In your blocks the old ones come first. The new ones do, and the old ones after them.")
    def old_first(new, old, order, k, n):
        checked(old, k, n)
        return mixed(new, interleave.used(old, order), k, n, old_first=True)

    @staticmethod
    @wrong(
        "All old examples stand at the end. Spread them: what is repeated only after the damage has"
        " to be learned once more."
    )
    def at_the_end(new, old, order, k, n):
        both = interleave.right([(one,) for one in new], [[one] for one in old], order, k, n)
        return [one[0] for kind in (tuple, list) for one in both if isinstance(one, kind)]

    @staticmethod
    @wrong(
        "You take old examples in place of new ones. Here no new example is given up: the old ones"
        " come in addition."
    )
    def in_place(new, old, order, k, n):
        return interleave.right(new, old, order, k, n)[: len(new)]

    @staticmethod
    @wrong(
        "Without old examples you return the new ones alone, though a share of old ones was asked"
        " for. That has to be a ValueError: else nobody notices."
    )
    def none_in_silence(new, old, order, k, n):
        return interleave.right(new, old, order, k if old else 0, n)
