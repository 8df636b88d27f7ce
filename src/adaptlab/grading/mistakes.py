"""Recognise two mistakes in one answer, from the misconceptions that are known one by one.

An answer has both mistakes if a function with both returns the same results. Otherwise, each
mistake must be seen on all inputs that it alone affects, and nothing else may fail.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from adaptlab.grading.combine import combined

LEAST = 2  # number of inputs on which a mistake must be seen


def held_together(judge: Any, outputs: Sequence[Any], failed: set[int]) -> tuple[str, ...]:
    """Return the names of two misconceptions that explain all outputs, or of one that explains
    most.
    """
    if pair := next(_returning(judge, outputs), None):
        return pair
    same = judge.exercise.same
    imitations = judge.imitations
    signs = {
        name: _Signs(judge.expected, imitated, outputs, same)
        for name, imitated in imitations.items()
    }
    pairs = [pair for pair in combinations(signs, 2) if _explain(pair, signs, failed)]
    if pairs:
        return max(pairs, key=lambda pair: sum(len(signs[name].seen) for name in pair))
    clear = [name for name, sign in signs.items() if sign.active <= failed and sign.is_most(failed)]
    return tuple(sorted(clear, key=lambda name: -len(signs[name].seen))[:1])


def _returning(judge: Any, outputs: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Yield pairs of misconceptions for which a function with both returns all outputs."""
    exercise = judge.exercise
    for one, other in combinations(exercise.misconceptions, 2):
        wrong = exercise.misconceptions[one], exercise.misconceptions[other]
        both = combined(exercise.right, *wrong)
        if both and _returns(exercise, both, judge.inputs, outputs):
            yield one, other


def _returns(exercise: Any, function: Callable, inputs: Sequence, outputs: Sequence) -> bool:
    """Whether a function returns all outputs; stops at the first difference."""
    pairs = zip(inputs, outputs, strict=True)
    return all(exercise.same(*exercise.outputs(function, [args]), got) for args, got in pairs)


class _Signs:
    """The inputs that a misconception affects (`active`), and those on which the outputs show it
    (`seen`).
    """

    def __init__(self, expected: Sequence, imitated: Sequence, outputs: Sequence, same: Callable):
        self.active = {i for i, pair in enumerate(zip(expected, imitated)) if not same(*pair)}
        self.seen = {i for i in self.active if same(imitated[i], outputs[i])}

    def is_most(self, failed: set[int]) -> bool:
        """Whether the misconception is seen on more than half of the failed inputs."""
        return len(self.seen) > max(LEAST, len(failed) / 2)


def _explain(pair: Sequence[str], signs: Mapping[str, _Signs], failed: set[int]) -> bool:
    """Whether each of two misconceptions is seen on all inputs that it alone affects, and nothing
    else fails.
    """
    one, other = (signs[name] for name in pair)
    alone = (one.active - other.active, other.active - one.active)
    clear = all(len(inputs) >= LEAST for inputs in alone)
    seen = alone[0] <= one.seen and alone[1] <= other.seen
    return clear and seen and failed <= one.active | other.active
