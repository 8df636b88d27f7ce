"""Lab 05, may_look: what is right, and what wrong answers believe."""

import numpy as np

from adaptlab.grading.exercise import Exercise, wrong


def grid(segments: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(own segment of the token that looks, that of the other, the one's place, the other's place),
    to be compared with each other.
    """
    own = np.array(segments)
    at = np.arange(len(segments))
    return own[:, None], own[None, :], at[:, None], at[None, :]


class may_look(Exercise):
    """[i, j] True if j is an earlier token of the same text, or i itself; never for padding."""

    @staticmethod
    def draw(rng):
        lengths = rng.integers(1, 5, size=rng.integers(1, 5))
        segments = [number for number, length in enumerate(lengths) for _ in range(length)]
        return (segments + [-1] * int(rng.integers(0, 4)),)

    @staticmethod
    def edges():
        return [([0, 0, 1, 1, 1, -1],), ([0],), ([-1],), ([0, 1, 2],), ([0, 0, 0],), ([-1, -1],)]

    @staticmethod
    def right(segments):
        own, other, i, j = grid(segments)
        return (own == other) & (j <= i) & (own >= 0)

    @staticmethod
    @wrong(
        "The second text of a row sees the first. The mask has to keep texts apart, not only what"
        " comes later."
    )
    def texts_mixed(segments):
        own, other, i, j = grid(segments)
        return (j <= i) & (own >= 0) & (other >= 0)

    @staticmethod
    @wrong(
        "Texts are kept apart, but a token sees what comes after it: the model would read the"
        " answer before it is asked for it."
    )
    def sees_what_comes(segments):
        own, other, *_ = grid(segments)
        return (own == other) & (own >= 0)

    @staticmethod
    @wrong(
        "A token does not look at itself in your mask. It has to: the next token is predicted from"
        " the last one, too."
    )
    def not_itself(segments):
        own, other, i, j = grid(segments)
        return (own == other) & (j < i) & (own >= 0)

    @staticmethod
    @wrong(
        "Rows and columns are swapped: [i, j] says whether i may look at j, and the earlier one"
        " is j."
    )
    def swapped(segments):
        return may_look.right(segments).T

    @staticmethod
    @wrong(
        "Padding looks at padding in your mask: -1 equals -1. It belongs to no text, so it looks at"
        " nothing."
    )
    def padding_looks(segments):
        own, other, i, j = grid(segments)
        return (own == other) & (j <= i)

    @staticmethod
    @wrong(
        "Your mask is the other way round: True has to stand where looking is allowed. PyTorch's"
        " attention means it so, too."
    )
    def inverted(segments):
        return ~may_look.right(segments)

    @staticmethod
    @wrong(
        "Padding looks at itself in your mask. It looks at nothing at all, not at itself either."
    )
    def padding_sees_itself(segments):
        return may_look.right(segments) | np.eye(len(segments), dtype=bool)
