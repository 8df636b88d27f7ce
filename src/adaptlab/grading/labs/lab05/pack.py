"""Lab 05, pack: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong


def packed(
    texts: list, n: int, choose=lambda room: room[0], seen=lambda rows: rows, spare: int = 0
) -> list[list[list[int]]]:
    """Rows of texts. `choose(rows that have room)` says which gets the next one, of those that are
    `seen`; `spare` tokens of a row stay free.
    """
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
    """Whole texts in rows of at most n tokens, first fit in the given order, with segments and
    positions.
    """

    @staticmethod
    def draw(rng):
        n = int(rng.integers(6, 15))
        texts = [
            rng.integers(
                0, 50, size=rng.integers(1, n + 1 if rng.random() < 0.3 else n // 2)
            ).tolist()
            for _ in range(rng.integers(3, 12))
        ]
        return [*texts, [1] * (n + 1), [2]] if rng.random() < 0.1 else texts, n

    @staticmethod
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

    @staticmethod
    def right(texts, n):
        return described(packed(texts, n))

    @staticmethod
    @wrong(
        "You look at the last row alone. An earlier one may still have room, and it comes first."
    )
    def last_row_alone(texts, n):
        return described(packed(texts, n, seen=lambda rows: rows[-1:]))

    @staticmethod
    @wrong("You take the row in which least room is left. Asked for is the first that has room.")
    def fullest_row(texts, n):
        return described(
            packed(texts, n, lambda room: max(room, key=lambda row: sum(map(len, row))))
        )

    @staticmethod
    @wrong("You take the row in which most room is left. Asked for is the first that has room.")
    def emptiest_row(texts, n):
        return described(
            packed(texts, n, lambda room: min(room, key=lambda row: sum(map(len, row))))
        )

    @staticmethod
    @wrong(
        "You sort the texts by length first. That packs more tightly, but here they are taken in"
        " the order in which they come."
    )
    def longest_first(texts, n):
        return described(packed(sorted(texts, key=len, reverse=True), n))

    @staticmethod
    @wrong(
        "You glue all texts together and cut every n tokens. A text that is cut in two teaches to"
        " break off, and its second half has lost its beginning."
    )
    def glued_and_cut(texts, n):
        flat = [
            (number, at, token)
            for number, text in enumerate(texts)
            for at, token in enumerate(text)
        ]
        rows = [flat[i : i + n] for i in range(0, len(flat), n)]
        return [
            {
                "ids": [t for _, _, t in row],
                "segments": [s - row[0][0] for s, _, _ in row],
                "positions": [at for _, at, _ in row],
            }
            for row in rows
        ]

    @staticmethod
    @wrong(
        "You cut a text that is too long. It has to be a ValueError: cut off, it would teach to"
        " break off, and nobody would know."
    )
    def too_long_cut(texts, n):
        return described(packed([text[:n] for text in texts], n))

    @staticmethod
    @wrong(
        "You leave out a text that is too long. It has to be a ValueError: data that vanish in"
        " silence are missed by nobody."
    )
    def too_long_left_out(texts, n):
        return described(packed([text for text in texts if len(text) <= n], n))

    @staticmethod
    @wrong(
        "Your positions run on through the row. A text has to begin at 0, as it would alone; else"
        " it is another text for the model."
    )
    def positions_run_on(texts, n):
        return [row | {"positions": list(range(len(row["ids"])))} for row in pack.right(texts, n)]

    @staticmethod
    @wrong(
        "You number the texts through all rows. The number is that of the text in its row, from 0."
    )
    def numbered_through(texts, n):
        rows = packed(texts, n)
        before = 0
        made = []
        for row in rows:
            made += described([row], before)
            before += len(row)
        return made

    @staticmethod
    @wrong("Your numbers begin at 1. The first text of a row has the number 0, as Python counts.")
    def from_one(texts, n):
        return described(packed(texts, n), 1)

    @staticmethod
    @wrong("You leave a row before it is full: a text that fits exactly belongs into it.")
    def never_full(texts, n):
        return described(packed(texts, n, spare=1))

    @staticmethod
    @wrong(
        "Every text has a row of its own. Then nothing is packed: texts share a row while there is"
        " room."
    )
    def one_each(texts, n):
        return described(packed(texts, n, seen=lambda rows: []))
