"""Lab 02, chunk_spans: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong


def packed(
    spans,
    size: int,
    overlap: int,
    n_characters=None,
    room: bool = True,
    most: int = 0,
    tail: bool = False,
) -> list[tuple[int, int]]:
    """Chunks of whole sentences; the misconceptions count otherwise, leave no room for a new
    sentence, let one too many in, or repeat the tail.

    `n_characters(spans, first, last)` says how long a chunk is.
    """
    count = n_characters or (lambda spans, first, last: spans[last][1] - spans[first][0])
    chunks = []
    begin = 0
    new = 0
    n = len(spans)
    while new < n:
        last = new
        while last + 1 < n and count(spans, begin, last + 1 - most) <= size:
            last += 1
        chunks.append((spans[begin][0], spans[last][1]))
        new = last + 1
        begin = max(new - overlap, 0)
        while room and begin < new < n and count(spans, begin, new) > size:
            begin += 1
    if tail and n and 0 < overlap < n:
        chunks.append((spans[n - overlap][0], spans[-1][1]))
    return chunks


def filled(spans, first: int, last: int) -> int:
    """The characters of the sentences alone, without what lies between them."""
    return sum(end - start for start, end in spans[first : last + 1])


class chunk_spans(Exercise):
    """Whole sentences packed into at most `size` characters, the last `overlap` of a chunk repeated
    as far as a new one fits beside them.
    """

    @staticmethod
    def draw(rng):
        spans = []
        at = int(rng.integers(0, 4))
        for length in rng.integers(4, 30, size=rng.integers(4, 13)):
            spans.append([at, at + int(length)])
            at += int(length) + int(rng.integers(1, 5))
        return spans, int(rng.integers(25, 80)), int(rng.integers(0, 4))

    @staticmethod
    def edges():
        even = [[i * 10, i * 10 + 8] for i in range(7)]
        sizes = ((28, 1), (28, 0), (28, 2), (28, 5), (18, 1), (18, 2), (1, 1), (8, 2), (1000, 2))
        uneven = [[0, 5], [6, 60], [62, 66], [68, 70]]
        return [
            *((even, size, overlap) for size, overlap in sizes),
            ([], 10, 1),
            ([[3, 30]], 5, 1),
            (uneven, 12, 1),
        ]

    @staticmethod
    def right(spans, size, overlap):
        return packed(spans, size, overlap)

    @staticmethod
    @wrong(
        "Your chunks share nothing. The last `overlap` sentences of a chunk come again at the"
        " beginning of the next."
    )
    def no_overlap(spans, size, overlap):
        return packed(spans, size, 0)

    @staticmethod
    @wrong("Your overlap is counted in characters. Here it is a number of whole sentences.")
    def overlap_in_characters(spans, size, overlap):
        return [
            (max(start - (overlap if i else 0), 0), end)
            for i, (start, end) in enumerate(packed(spans, size, 0))
        ]

    @staticmethod
    @wrong(
        "Your chunks are too long by their last sentence: you look at the length before you add a"
        " sentence, not at what it would be with it."
    )
    def one_too_many(spans, size, overlap):
        return packed(spans, size, overlap, most=1)

    @staticmethod
    @wrong(
        "You add up the lengths of the sentences. What lies between them is in the chunk as well:"
        " its length is its end minus its start."
    )
    def gaps_forgotten(spans, size, overlap):
        return packed(spans, size, overlap, n_characters=filled)

    @staticmethod
    @wrong("Your chunks stay under `size`. One of exactly `size` characters is allowed.")
    def strictly_below(spans, size, overlap):
        return packed(spans, size - 1, overlap)

    @staticmethod
    @wrong(
        "You repeat `overlap` sentences even where they leave no room for a new one, and the chunk"
        " grows too long. Repeat only as many as fit beside it."
    )
    def no_room(spans, size, overlap):
        return packed(spans, size, overlap, room=False)

    @staticmethod
    @wrong(
        "Where `overlap` sentences do not fit beside a new one you repeat none. As many of the last"
        " as fit are repeated."
    )
    def all_or_none(spans, size, overlap):
        chunks = []
        begin = 0
        new = 0
        while new < len(spans):
            last = new
            while last + 1 < len(spans) and spans[last + 1][1] - spans[begin][0] <= size:
                last += 1
            chunks.append((spans[begin][0], spans[last][1]))
            new = last + 1
            begin = max(new - overlap, 0)
            if new < len(spans) and spans[new][1] - spans[begin][0] > size:
                begin = new
        return chunks

    @staticmethod
    @wrong(
        "Behind the last chunk stands one more that holds nothing new. Stop when the last sentence"
        " is in a chunk."
    )
    def tail_again(spans, size, overlap):
        return packed(spans, size, overlap, tail=True)

    @staticmethod
    @wrong("The last chunk is missing: what is collected when the sentences end is a chunk, too.")
    def last_lost(spans, size, overlap):
        return packed(spans, size, overlap)[:-1]

    @staticmethod
    @wrong(
        "You leave out sentences that are longer than `size`. Such a sentence is a chunk of its"
        " own: a text that is not in the index is never found."
    )
    def long_dropped(spans, size, overlap):
        return packed([(start, end) for start, end in spans if end - start <= size], size, overlap)

    @staticmethod
    @wrong(
        "You cut a sentence that is longer than `size`. Sentences stay whole, and this one is a"
        " chunk that is too long."
    )
    def long_cut(spans, size, overlap):
        return [(start, min(end, start + size)) for start, end in packed(spans, size, overlap)]
