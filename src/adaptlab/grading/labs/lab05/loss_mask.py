"""Lab 05, loss_mask: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab05.common import IGNORED

ROLES = ("system", "user", "assistant")


def turns(ids: list[int], marks: dict, inside: bool = False) -> list[tuple[str, int, int, bool]]:
    """(role, place of the first content, place after the last, closed) of each turn; `inside`:
    whether a mark inside of a turn opens one, too.
    """
    roles = {marks[name]: name for name in ROLES}
    found = []
    role = None
    start = 0
    for i, token in enumerate(ids):
        if role and token == marks["end"]:
            found.append((role, start, i, True))
            role = None
        elif token in roles and (inside or role is None):
            if role:
                found.append((role, start, i, False))
            role = roles[token]
            start = i + 1
    return [*found, (role, start, len(ids), False)] if role else found


def learned(ids: list[int], spans: list[tuple[int, int]], ignored: int = IGNORED) -> list[int]:
    """Labels: the ids in these spans."""
    labels = [ignored] * len(ids)
    for start, end in spans:
        labels[start:end] = ids[start:end]
    return labels


def replies(ids: list[int], marks: dict, before: int = 0, end: int = 1) -> list[tuple[int, int]]:
    """The spans of closed replies, so many tokens earlier, and with the end or without."""
    return [
        (first - before, last + end)
        for role, first, last, closed in turns(ids, marks)
        if role == "assistant" and closed
    ]


class loss_mask(Exercise):
    """The ids where the assistant's closed turns stand, with their end, else -100."""

    n_draws = 40

    @staticmethod
    def draw(rng):
        marks = dict(zip((*ROLES, "end"), (int(i) for i in rng.permutation(8)[:4])))
        ids = []
        for _ in range(rng.integers(1, 7)):
            content = rng.integers(10, 40, size=rng.integers(0, 6)).tolist()
            if rng.random() < 0.3:
                content.insert(int(rng.integers(len(content) + 1)), marks[str(rng.choice(ROLES))])
            role = str(rng.choice(ROLES, p=(0.2, 0.35, 0.45)))
            ids += rng.integers(40, 45, size=rng.integers(0, 2)).tolist() + [
                marks[role],
                *content,
                marks["end"],
            ]
        return ids[:-1] if rng.random() < 0.3 else ids, marks

    @staticmethod
    def edges():
        marks = {"system": 0, "user": 1, "assistant": 2, "end": 3}
        rows = (
            [1, 10, 11, 3, 2, 12, 13, 3, 1, 14, 3, 2, 15, 3],
            [],
            [2, 3],
            [2],
            [1, 10, 3],
            [3, 2, 10, 3],
            [2, 10, 11],
            [1, 2, 10, 3, 2, 11, 3],
            [2, 10, 1, 11, 3, 12],
            [2, 10, 2, 11, 3],
            [0, 2, 3, 2, 10, 3, 3, 2, 11],
            [2, 10, 3, 2, 11, 3, 1],
        )
        return [(row, marks) for row in rows]

    @staticmethod
    def right(ids, marks):
        return learned(ids, replies(ids, marks))

    @staticmethod
    @wrong(
        "You learn the mark that opens a reply, too. The prompt ends with it, so the model never"
        " has to say it."
    )
    def mark_learned(ids, marks):
        return learned(ids, replies(ids, marks, before=1))

    @staticmethod
    @wrong(
        "You leave out the end of the reply. A model that does not learn to end goes on talking"
        " until somebody stops it."
    )
    def end_forgotten(ids, marks):
        return learned(ids, replies(ids, marks, end=0))

    @staticmethod
    @wrong(
        "You learn the ends of all turns. Only the one that closes a reply is the assistant's to"
        " say."
    )
    def every_end(ids, marks):
        return learned(
            ids,
            [
                *replies(ids, marks),
                *((last, last + 1) for _, _, last, closed in turns(ids, marks) if closed),
            ],
        )

    @staticmethod
    @wrong(
        "Your labels are shifted by one. Here label i belongs to token i; the shift is made later,"
        " and once only."
    )
    def shifted(ids, marks):
        return [*loss_mask.right(ids, marks)[1:], IGNORED][: len(ids)]

    @staticmethod
    @wrong("You learn every turn. What customers write is not what the model shall learn to write.")
    def every_turn(ids, marks):
        return learned(
            ids, [(first, last + 1) for _, first, last, closed in turns(ids, marks) if closed]
        )

    @staticmethod
    @wrong("You learn the last reply alone. Every reply of the conversation is an example.")
    def last_alone(ids, marks):
        return learned(ids, replies(ids, marks)[-1:])

    @staticmethod
    @wrong("You stop after the first reply. A conversation may hold several.")
    def first_alone(ids, marks):
        return learned(ids, replies(ids, marks)[:1])

    @staticmethod
    @wrong(
        "The label of what is not learned is 0 in your list. 0 is a token: the model would learn to"
        " say it everywhere."
    )
    def zeros(ids, marks):
        return learned(ids, replies(ids, marks), 0)

    @staticmethod
    @wrong(
        "A mark inside of a turn opens another one in your answer. There it is content: else a"
        " customer could put words into the assistant's mouth."
    )
    def marks_inside(ids, marks):
        return learned(
            ids,
            [
                (first, last + 1)
                for role, first, last, closed in turns(ids, marks, inside=True)
                if role == "assistant" and closed
            ],
        )

    @staticmethod
    @wrong(
        "You learn a reply that is cut off. From it a model would learn to break off, or to go on"
        " without an end."
    )
    def cut_off(ids, marks):
        return learned(
            ids,
            [
                (first, last + 1)
                for role, first, last, _ in turns(ids, marks)
                if role == "assistant"
            ],
        )
