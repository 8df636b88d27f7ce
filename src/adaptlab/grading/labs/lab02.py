"""Lab 02: sentences and chunks with their places, an index that changes, a numbered prompt, citations that are checked, and a threshold."""

import re

import numpy as np

from adaptlab.grading.exercise import Exercise, Parsons, wrong
from adaptlab.grading.probes.lab02 import index_story

# Offsets in bytes are other numbers than offsets in characters, and a mark within a word ends nothing.
TEXT_WORDS = ("lamp", "Müller", "naïve", "3.50", "v2.0", "größer", "日本", "don't", "it", "e.g", "27")


def sentences(text: str, marks: str = ".!?", inside: bool = False, rest: bool = True) -> list[tuple[int, int]]:
    """The places of sentences; what the misconceptions change are the marks, whether one inside a word counts, and what becomes of a rest."""
    spans, start = [], None
    for i, character in enumerate(text):
        if start is None and not character.isspace():
            start = i
        if start is not None and character in marks and (inside or i + 1 == len(text) or text[i + 1].isspace()):
            spans.append((start, i + 1))
            start = None
    return [*spans, (start, len(text.rstrip()))] if rest and start is not None else spans


class sentence_spans(Exercise):
    """The places of sentences: from what is no whitespace to a mark that whitespace or the end follows."""

    def draw(rng):
        made = []
        for _ in range(rng.integers(2, 6)):
            words = rng.choice(TEXT_WORDS, size=rng.integers(1, 5))
            made.append(str(rng.choice([" ", "  "])).join(words) + str(rng.choice([".", ".", "!", "?", "?!", "...", ""])))
        if rng.random() < 0.5:
            made.append(made[0])
        text = "".join(sentence + str(rng.choice([" ", "  ", "\n", "\n\n", "\t"])) for sentence in made)
        text = text.rstrip() if rng.random() < 0.5 else text
        return (str(rng.choice(["", "", " ", "\n  "])) + text,)

    def edges():
        texts = (
            "It costs 3.50 euros. Really?! Yes",
            "",
            " \n ",
            "One",
            "One.",
            " One. One.  One. ",
            "Größe 3! Ja.\n\nÜber",
            "Wait . . . what",
            "1. Ask.\n2. Go",
        )
        return [(text,) for text in texts]

    def right(text):
        return sentences(text)

    @wrong("You give (start, length). The second number is where the sentence ends, so that text[start:end] cuts it out.")
    def lengths(text):
        return [(start, end - start) for start, end in sentences(text)]

    @wrong("Your sentences lose the mark that ends them: the end of a span is the place behind the last character.")
    def before_the_mark(text):
        return [(start, end - 1 if text[end - 1] in ".!?" else end) for start, end in sentences(text)]

    @wrong("You cut at every mark. A mark inside a word or a number, or before another mark, ends nothing: only one that whitespace or the end follows.")
    def inside_words(text):
        return sentences(text, inside=True)

    @wrong("You cut at full stops alone. Questions and calls are sentences, too.")
    def stops_alone(text):
        return sentences(text, marks=".")

    @wrong("The end of the text is lost where no mark ends it. What is left is a sentence, too.")
    def rest_lost(text):
        return sentences(text, rest=False)

    @wrong("Your places are those of a cleaned text, with single spaces. They have to be places in the text that came in, whatever stands between its words.")
    def cleaned(text):
        return sentences(" ".join(text.split()))

    @wrong("Your sentences begin with the whitespace before them. It belongs to no sentence: skip it before a sentence begins.")
    def with_whitespace(text):
        spans = sentences(text)
        return [(before, end) for before, (_, end) in zip([0, *(end for _, end in spans)], spans)]

    @wrong("You look the sentence up in the text by its words, and a sentence that occurs twice gets the first one's place both times.")
    def looked_up(text):
        return [(text.index(text[a:b]), text.index(text[a:b]) + b - a) for a, b in sentences(text)]

    @wrong("Your places count bytes. A str counts characters, and an ü is one of them though it takes two bytes.")
    def in_bytes(text):
        return [tuple(len(text[:place].encode()) for place in span) for span in sentences(text)]


def packed(spans, size: int, overlap: int, n_characters=None, room: bool = True, most: int = 0, tail: bool = False) -> list[tuple[int, int]]:
    """Chunks of whole sentences; the misconceptions count otherwise, leave no room for a new sentence, let one too many in, or repeat the tail.

    `n_characters(spans, first, last)` says how long a chunk is.
    """
    count = n_characters or (lambda spans, first, last: spans[last][1] - spans[first][0])
    chunks, begin, new, n = [], 0, 0, len(spans)
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
    """Whole sentences packed into at most `size` characters, the last `overlap` of a chunk repeated as far as a new one fits beside them."""

    def draw(rng):
        spans, at = [], int(rng.integers(0, 4))
        for length in rng.integers(4, 30, size=rng.integers(4, 13)):
            spans.append([at, at + int(length)])
            at += int(length) + int(rng.integers(1, 5))
        return spans, int(rng.integers(25, 80)), int(rng.integers(0, 4))

    def edges():
        even = [[i * 10, i * 10 + 8] for i in range(7)]
        sizes = ((28, 1), (28, 0), (28, 2), (28, 5), (18, 1), (18, 2), (1, 1), (8, 2), (1000, 2))
        uneven = [[0, 5], [6, 60], [62, 66], [68, 70]]
        return [*((even, size, overlap) for size, overlap in sizes), ([], 10, 1), ([[3, 30]], 5, 1), (uneven, 12, 1)]

    def right(spans, size, overlap):
        return packed(spans, size, overlap)

    @wrong("Your chunks share nothing. The last `overlap` sentences of a chunk come again at the beginning of the next.")
    def no_overlap(spans, size, overlap):
        return packed(spans, size, 0)

    @wrong("Your overlap is counted in characters. Here it is a number of whole sentences.")
    def overlap_in_characters(spans, size, overlap):
        return [(max(start - (overlap if i else 0), 0), end) for i, (start, end) in enumerate(packed(spans, size, 0))]

    @wrong("Your chunks are too long by their last sentence: you look at the length before you add a sentence, not at what it would be with it.")
    def one_too_many(spans, size, overlap):
        return packed(spans, size, overlap, most=1)

    @wrong("You add up the lengths of the sentences. What lies between them is in the chunk as well: its length is its end minus its start.")
    def gaps_forgotten(spans, size, overlap):
        return packed(spans, size, overlap, n_characters=filled)

    @wrong("Your chunks stay under `size`. One of exactly `size` characters is allowed.")
    def strictly_below(spans, size, overlap):
        return packed(spans, size - 1, overlap)

    @wrong("You repeat `overlap` sentences even where they leave no room for a new one, and the chunk grows too long. Repeat only as many as fit beside it.")
    def no_room(spans, size, overlap):
        return packed(spans, size, overlap, room=False)

    @wrong("Where `overlap` sentences do not fit beside a new one you repeat none. As many of the last as fit are repeated.")
    def all_or_none(spans, size, overlap):
        chunks, begin, new = [], 0, 0
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

    @wrong("Behind the last chunk stands one more that holds nothing new. Stop when the last sentence is in a chunk.")
    def tail_again(spans, size, overlap):
        return packed(spans, size, overlap, tail=True)

    @wrong("The last chunk is missing: what is collected when the sentences end is a chunk, too.")
    def last_lost(spans, size, overlap):
        return packed(spans, size, overlap)[:-1]

    @wrong("You leave out sentences that are longer than `size`. Such a sentence is a chunk of its own: a text that is not in the index is never found.")
    def long_dropped(spans, size, overlap):
        return packed([(start, end) for start, end in spans if end - start <= size], size, overlap)

    @wrong("You cut a sentence that is longer than `size`. Sentences stay whole, and this one is a chunk that is too long.")
    def long_cut(spans, size, overlap):
        return [(start, min(end, start + size)) for start, end in packed(spans, size, overlap)]


class Kept:
    """An index as a dictionary; what the misconceptions change are its methods."""

    def __init__(self):
        self.vectors = {}

    def kept(self, vector):
        return vector / np.linalg.norm(vector)

    def score(self, query, vector):
        return query @ vector / np.linalg.norm(query)

    def order(self, hit):
        return -hit[1], hit[0]

    def put(self, ids, vectors):
        self.vectors.update((i, self.kept(vector)) for i, vector in zip(ids, vectors))

    def check(self, ids):
        if not self.vectors.keys() >= set(ids):
            raise KeyError(ids)

    def delete(self, ids):
        self.check(ids)
        for i in ids:
            del self.vectors[i]

    def search(self, query, k):
        found = [(i, round(float(self.score(query, vector)), 6)) for i, vector in self.vectors.items()]
        return sorted(found, key=self.order)[:k]


class Index(Exercise):
    """Vectors under ids, searched by cosine; ids can be replaced and deleted."""

    probe = index_story
    right = Kept
    # Cosines are rounded to six decimals, and two ways of computing one may round to neighbours.
    atol = 3e-6

    def draw(rng):
        d, n = int(rng.integers(3, 6)), int(rng.integers(5, 9))

        def vectors(m):
            made = rng.integers(-4, 5, size=(m, d)).astype(float)
            made[:, 0] += 0.5  # never of length 0
            return made

        ids = [int(i) for i in rng.choice(np.arange(3, 60), size=n + 2, replace=False)]
        first, double = vectors(n), int(rng.integers(0, n - 1))
        first[n - 1] = 2 * first[double]  # a tie, of vectors of different lengths
        kept, gone = ids[2:n], ids[:2]
        steps = [("put", ids[:n], first), ("search", vectors(1)[0], 3), ("search", 3 * first[double], n)]
        steps += [("put", ids[n - 2 : n + 2], vectors(4)), ("search", vectors(1)[0], n + 9), ("delete", [ids[1], 77]), ("search", vectors(1)[0], n + 2)]
        steps += [("delete", gone), ("search", vectors(1)[0], n), ("put", gone[::-1], vectors(2)), ("search", vectors(1)[0], 1), ("delete", kept)]
        return ([*steps, ("search", vectors(1)[0], n)],)

    def edges():
        one, same = np.array([[0.0, 2.0, 0.0]]), np.array([[1.0, 1, 0], [3.0, 3, 0], [2.0, 2, 0]])
        query = np.array([1.0, 2.0, 0.5])
        return [
            ([("put", [9, 4, 7], same), ("search", query, 2), ("search", query, 3)],),
            ([("search", query, 2), ("put", [5], one), ("search", query, 4), ("delete", [5]), ("search", query, 1), ("delete", [5])],),
            ([("put", [], np.zeros((0, 3))), ("search", query, 1), ("delete", [])],),
        ]

    @wrong("Your scores are products of vectors as they came, so a long vector wins. A cosine divides by both lengths.")
    class unscaled(Kept):
        def kept(self, vector):
            return vector

        def score(self, query, vector):
            return query @ vector

    @wrong("You divide the stored vectors by their lengths, but not the query. The order is right then; the cosines are not.")
    class raw_query(Kept):
        def score(self, query, vector):
            return query @ vector

    @wrong("You divide the query by its length, but not the stored vectors, so a long one wins.")
    class raw_vectors(Kept):
        def kept(self, vector):
            return vector

    @wrong("You score by distance. Then the nearest has the lowest number; here it is the cosine that is asked for, and the highest comes first.")
    class by_distance(Kept):
        def score(self, query, vector):
            return np.linalg.norm(query / np.linalg.norm(query) - vector)

        def order(self, hit):
            return hit[1], hit[0]

    @wrong("The lowest cosines come first: sorted begins with the smallest.")
    class worst_first(Kept):
        def order(self, hit):
            return hit[1], hit[0]

    @wrong("Of equal cosines the larger id comes first. It is the smaller: reversing the whole order turns the ties as well.")
    class ties_reversed(Kept):
        def order(self, hit):
            return -hit[1], -hit[0]

    @wrong("Equal cosines stay in the order in which they were put in. The smaller id comes first, so that the result does not hang on history.")
    class ties_as_put(Kept):
        def order(self, hit):
            return -hit[1]

    @wrong("An id that is not there is passed over in silence. It is a KeyError: whoever deletes it believes that it was there.")
    class silent(Kept):
        def check(self, ids):
            pass

        def delete(self, ids):
            for i in ids:
                self.vectors.pop(i, None)

    @wrong("A delete that fails leaves a part undone: some ids are gone, though it was a KeyError. Look at all of them before you delete one.")
    class half_deleted(Kept):
        def check(self, ids):
            pass

    @wrong("You give positions. The first of a pair is the id under which the vector was put.")
    class positions(Kept):
        def search(self, query, k):
            places = {i: place for place, i in enumerate(self.vectors)}
            return [(places[i], score) for i, score in super().search(query, k)]

    @wrong("You always give all of them, or one too many: at most k are asked for.")
    class all_of_them(Kept):
        def search(self, query, k):
            return super().search(query, len(self.vectors))


SNIPPETS = ("blue", "The Orbit fan", "It is blue.", "Team Puffin handles it", "You have 30 days to return it", "The Orbit fan sells at 52 euros today.",
            "Who would not want a lamp of marble on the wall?", "Größe und Gewicht stehen auf dem Karton.")  # fmt: skip


def taken(hits, budget: int, cost=lambda text: len(text.split()), stops: bool = False, repeats: bool = False, over: bool = False) -> list[int]:
    """Which hits go into the prompt, best first; the misconceptions count otherwise, stop at the first that is too long, or let in what they should not."""
    chosen, met, left = [], set(), budget
    for i, hit in enumerate(hits):
        if hit["text"] in met and not repeats:
            continue
        if (left <= 0) if over else (cost(hit["text"]) > left):
            if stops:
                break
            continue
        chosen.append(i)
        met.add(hit["text"])
        left -= cost(hit["text"])
    return chosen


def numbered(hits, chosen, first: int = 1, own: bool = False) -> tuple[str, list[int]]:
    """The lines of a prompt, numbered from `first`, or by the places of the hits, and these places."""
    return "\n".join(f"[{i + 1 if own else number}] {hits[i]['text']}" for number, i in enumerate(chosen, first)), list(chosen)


def by_place(hits, chosen) -> list[int]:
    return sorted(chosen, key=lambda i: (hits[i]["source"], hits[i]["start"]))


class numbered_prompt(Exercise):
    """The hits that fit, each text once, in the order of the source, numbered from 1."""

    def draw(rng):
        n = int(rng.integers(3, 9))
        starts = rng.choice(np.arange(0, 400, 7), size=n, replace=False)
        hits = [{"source": str(rng.choice(["b.md", "a.md"])), "start": int(start), "text": str(rng.choice(SNIPPETS))} for start in starts]
        return hits, int(rng.integers(4, 26))

    def edges():
        hits = [{"source": "shop.md", "start": start, "text": text} for start, text in ((90, "It is blue."), (100, "The Orbit fan"), (9, "blue"), (7, "blue"))]
        return [(hits, 6), (hits, 100), (hits, 3), (hits, 4), (hits, 0), ([], 10), (hits[:1], 2)]

    def right(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget)))

    @wrong("You stop at the first chunk that does not fit. A later, shorter one may still fit: leave this one out and go on.")
    def stopped(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget, stops=True)))

    @wrong("The chunk that crosses the budget is still taken. Look before you take it: all words together may be at most `budget`.")
    def crossed(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget, over=True)))

    @wrong("You count characters. The budget is in words, as text.split() gives them.")
    def characters(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget, cost=len)))

    @wrong("The same text goes in twice. It tells the model nothing new, and it costs its words again.")
    def repeated(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget, repeats=True)))

    @wrong("Your numbers begin at 0. They begin at 1.")
    def from_zero(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget)), first=0)

    @wrong("Your numbers are the places of the hits in the search, with gaps. The lines of the prompt are numbered 1, 2, 3, as they stand there.")
    def own_numbers(hits, budget):
        return numbered(hits, by_place(hits, taken(hits, budget)), own=True)

    @wrong("The chunks stand in the order of the search. Choose in that order, then sort by source and start.")
    def as_found(hits, budget):
        return numbered(hits, taken(hits, budget))

    @wrong("You sorted before you chose, so the budget goes to what stands first in the source, not to the best hits.")
    def sorted_first(hits, budget):
        order = by_place(hits, range(len(hits)))
        chosen = taken([hits[i] for i in order], budget)
        return numbered(hits, [order[i] for i in chosen])

    @wrong("You sort by start alone. A start is a place within a source: chunks of one source stand together.")
    def by_start(hits, budget):
        return numbered(hits, sorted(taken(hits, budget), key=lambda i: hits[i]["start"]))

    @wrong("Your positions are in the order of the search, and your lines are not: then number 1 stands for the wrong chunk.")
    def unsorted_positions(hits, budget):
        chosen = taken(hits, budget)
        return numbered(hits, by_place(hits, chosen))[0], chosen


CITATION = re.compile(r"\[\s*\d+(?:[\s,]+\d+)*\s*\]")
CLAIM_WORDS = ("Orbit", "fan", "27", "euros", "Größe", "is", "art", "the", "blue", "Puffin", "two")
CHUNK_WORDS = (*CLAIM_WORDS, "127", "party", "GRÖSSE", "handles", "thesis")


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def cited(claim: str) -> list[int]:
    return [int(number) for group in CITATION.findall(claim) for number in re.findall(r"\d+", group)]


def shares(claims, chunks, said=lambda claim: set(words(CITATION.sub(" ", claim))), read=cited, held=None, all_chunks: bool = False) -> list[float]:
    """The share of each claim's words that its chunks hold; the misconceptions count, read or look up otherwise. `held(word, texts)`: whether it is held."""
    found = held or (lambda word, texts: any(word in words(text) for text in texts))
    out = []
    for claim in claims:
        texts = [chunks[number - 1] for number in read(claim) if 1 <= number <= len(chunks)]
        texts, mine = (chunks if all_chunks and texts else texts), list(said(claim))
        out.append(sum(found(word, texts) for word in mine) / len(mine) if mine and texts else 0.0)
    return out


def invented(claims, chunks, least: int = 1, read=cited) -> list[int]:
    return sorted({number for claim in claims for number in read(claim) if not least <= number <= len(chunks)})


class support(Exercise):
    """The share of a claim's words that are words of the chunks it cites, and the numbers that stand for no chunk."""

    def draw(rng):
        n = int(rng.integers(2, 5))
        chunks = [" ".join(rng.choice(CHUNK_WORDS, size=rng.integers(4, 8))) + "." for _ in range(n)]
        claims = []
        for _ in range(rng.integers(2, 7)):
            a, b, c = rng.permutation(n + 1)[:3] + (0 if rng.random() < 0.25 else 1)
            end = str(rng.choice(["", f" [{a}]", f" [{a}]", f" [{a}, {b}]", f" [{a}, {b}]", f" [{a}][{c}]", f" [{n + 4}]", f" [sic] [{b}]"]))
            claims.append(" ".join(rng.choice(CLAIM_WORDS, size=rng.integers(2, 7))) + end + ".")
        return claims, chunks

    def edges():
        chunks = ["The Orbit fan costs 127 euros.", "It is blue, and it is art.", "Größe: 27"]
        return [
            (["The fan is blue [2].", "The fan is blue [1, 2]", "Blue [1] and 27 [3]."], chunks),
            (["The Orbit costs 27 euros [1].", "the the the fan [2]", "GRÖSSE 27 [3]"], chunks),
            (["It is art [0].", "It is art [4][2].", "It is art."], chunks),
            ([], chunks),
            (["Nothing was found [1]."], []),
            (["[1]", "", "[2, 9]"], chunks),
        ]

    def right(claims, chunks):
        return {"support": shares(claims, chunks), "invented": invented(claims, chunks)}

    @wrong("You look in all chunks. A claim is supported by the chunks that it cites, and by no others: that is what the number promises.")
    def any_chunk(claims, chunks):
        return {"support": shares(claims, chunks, all_chunks=True), "invented": invented(claims, chunks)}

    @wrong("For you a claim that cites an existing chunk is supported. The chunk has to say so: look at the words.")
    def exists(claims, chunks):
        return {"support": shares(claims, chunks, held=lambda word, texts: True), "invented": invented(claims, chunks)}

    @wrong("The numbers in the citations are counted as words of the claim. Take the citations out before you look for words.")
    def numbers_are_words(claims, chunks):
        return {"support": shares(claims, chunks, said=lambda claim: set(words(claim))), "invented": invented(claims, chunks)}

    @wrong("A word that a claim says three times is counted three times. Each word counts once.")
    def repeats_count(claims, chunks):
        return {"support": shares(claims, chunks, said=lambda claim: words(CITATION.sub(" ", claim))), "invented": invented(claims, chunks)}

    @wrong("You look for letters, not for words: 27 stands in 127, and art in party.")
    def letters(claims, chunks):
        return {"support": shares(claims, chunks, held=lambda word, texts: any(word in text.lower() for text in texts)), "invented": invented(claims, chunks)}

    @wrong("You count chunks from 0. Number 1 is the first.")
    def from_zero(claims, chunks):
        return {
            "support": shares(claims, chunks, read=lambda claim: [number + 1 for number in cited(claim)]),
            "invented": sorted({number for claim in claims for number in cited(claim) if number >= len(chunks)}),
        }

    @wrong("Of several numbers in one pair of brackets you read the first alone.")
    def first_number(claims, chunks):
        def read(claim):
            return [int(re.findall(r"\d+", group)[0]) for group in CITATION.findall(claim)]

        return {"support": shares(claims, chunks, read=read), "invented": invented(claims, chunks, read=read)}

    @wrong("You read brackets with a single number alone. [1, 3] is a citation, too.")
    def single_numbers(claims, chunks):
        def read(claim):
            return [int(number) for number in re.findall(r"\[(\d+)\]", claim)]

        def said(claim):
            return set(words(re.sub(r"\[\d+\]", " ", claim)))

        return {"support": shares(claims, chunks, said=said, read=read), "invented": invented(claims, chunks, read=read)}

    @wrong("Each word has to be held by one of the cited chunks; you ask that all of them hold it.")
    def in_every_chunk(claims, chunks):
        every = shares(claims, chunks, held=lambda word, texts: all(word in words(text) for text in texts))
        return {"support": every, "invented": invented(claims, chunks)}

    @wrong("The number 0 passes for a chunk. There is none: Python's place -1 would be the last one, and nothing would warn you.")
    def zero_passes(claims, chunks):
        def read(claim):
            return [number or len(chunks) for number in cited(claim)]

        return {"support": shares(claims, chunks, read=read), "invented": invented(claims, chunks, least=0)}

    @wrong("You divide by the words of the chunks. The question is how much of the claim is held, so the claim's words are the whole.")
    def of_the_chunks(claims, chunks):
        out = []
        for claim in claims:
            mine = set(words(CITATION.sub(" ", claim)))
            texts = {word for number in cited(claim) if 1 <= number <= len(chunks) for word in words(chunks[number - 1])}
            out.append(len(mine & texts) / len(texts) if texts else 0.0)
        return {"support": out, "invented": invented(claims, chunks)}


def tried(scores, right, max_risk: float, kept=lambda score, threshold: score >= threshold) -> list[tuple[float, float, float]]:
    """(threshold, coverage, risk) of every score as a threshold, from the lowest on."""
    rows = []
    for threshold in sorted(set(scores)):
        given = [hit for score, hit in zip(scores, right) if kept(score, threshold)]
        rows.append((threshold, len(given) / len(scores), given.count(False) / len(given) if given else 0.0))
    return rows


def widest(rows, max_risk: float):
    """The row with the greatest coverage that keeps to the risk."""
    return max((row for row in rows if row[2] <= max_risk), key=lambda row: row[1], default=None)


class choose_threshold(Exercise):
    """The threshold with the greatest coverage at an accepted risk."""

    n_draws = 40

    def draw(rng):
        n = int(rng.integers(3, 15))
        scores = rng.integers(1, 9, size=n) / 8  # on a grid, so that ties are common
        right = rng.random(n) < 0.25 + 0.7 * scores
        # Shares of a few cases never are 0.13, 0.21, 0.29 or 0.37; 0, 0.25 and 0.5 they are exactly, however they are computed.
        return [float(s) for s in scores], [bool(hit) for hit in right], float(rng.choice([0.0, 0.13, 0.21, 0.25, 0.29, 0.37, 0.5]))

    def edges():
        dip = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [False, True, True, True, True, False]
        return [(*dip, 0.29), (*dip, 0.0), ([0.5, 0.5, 0.5], [True, False, True], 0.25), ([0.5, 0.5, 0.8], [True, False, True], 0.0), ([], [], 0.2),
                ([0.3], [True], 0.0), ([0.3], [False], 0.5), ([0.3, -0.2], [False, False], 1.0)]  # fmt: skip

    def right(scores, right, max_risk):
        return widest(tried(scores, right, max_risk), max_risk)

    @wrong("You go down from the best score and stop where the risk is first too high. It can fall again below: look at every threshold.")
    def first_crossing(scores, right, max_risk):
        chosen = None
        for row in reversed(tried(scores, right, max_risk)):
            if row[2] > max_risk:
                break
            chosen = row
        return chosen

    @wrong("You split equal scores: some of them are answered and some are not. A threshold cannot do that; a score is above it or not.")
    def ties_split(scores, right, max_risk):
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        rows = [(scores[i], (n + 1) / len(scores), sum(not right[j] for j in order[: n + 1]) / (n + 1)) for n, i in enumerate(order)]
        return widest(rows, max_risk)

    @wrong("You answer only above the threshold. A score of exactly the threshold is answered, too.")
    def above(scores, right, max_risk):
        return widest(tried(scores, right, max_risk, kept=lambda score, threshold: score > threshold), max_risk)

    @wrong("You count the wrong answers among all questions. Risk is their share of those that are answered; silence must not make it look small.")
    def of_all(scores, right, max_risk):
        return widest([(t, coverage, risk * coverage) for t, coverage, risk in tried(scores, right, max_risk)], max_risk)

    @wrong("That is the threshold with the lowest risk. You may accept `max_risk`: of the thresholds that keep to it, take the one that answers most.")
    def safest(scores, right, max_risk):
        rows = [row for row in tried(scores, right, max_risk) if row[2] <= max_risk]
        return min(rows, key=lambda row: (row[2], -row[1]), default=None)

    @wrong("That is the highest threshold that keeps to the risk, and it answers least. The lowest of them answers most.")
    def highest(scores, right, max_risk):
        return min((row for row in tried(scores, right, max_risk) if row[2] <= max_risk), key=lambda row: row[1], default=None)

    @wrong("You answer what scores low. A high score speaks for an answer.")
    def turned_round(scores, right, max_risk):
        return widest(tried(scores, right, max_risk, kept=lambda score, threshold: score <= threshold), max_risk)

    @wrong("You take the share of right answers for the risk. Risk is the share of wrong ones.")
    def accuracy(scores, right, max_risk):
        return widest(tried(scores, [not hit for hit in right], max_risk), max_risk)

    @wrong("Your coverage is a number of questions. It is their share of all questions.")
    def counted(scores, right, max_risk):
        chosen = widest(tried(scores, right, max_risk), max_risk)
        return chosen and (chosen[0], chosen[1] * len(scores), chosen[2])

    @wrong("You ask for less than `max_risk`. Exactly `max_risk` is accepted, too, and with 0 that makes all the difference.")
    def strictly_below(scores, right, max_risk):
        return max((row for row in tried(scores, right, max_risk) if row[2] < max_risk), key=lambda row: row[1], default=None)


class replacing_order(Parsons):
    """The order of the lines that bring a changed document into a service while questions come in."""

    right_order = "DFBEGAHC"
    rules = {
        "DF": "You cut the text before you read it (F before D): what is cut is the text of before.",
        "FB": "You embed before you cut (B before F): vectors belong to pieces.",
        "BG": "You delete before you embed (G before B): for minutes the file's answers are not to be found, and for ever if embedding fails.",
        "EG": "You delete before you know what (G before E): ask the index for the old ids first.",
        "EA": "You ask for the old ids after the new pieces are in (A before E): then the new ones are among them, and go as well.",
        "GA": "You delete after you put (A before G): a piece that did not change has the id of before, and is deleted with the old ones.",
        "AH": "You clear the cache before the new pieces are in (H before A): whoever asks in between brings the old answer back into it.",
        "HC": "You test before the cache is cleared (C before H): what you look at may be the answer of before.",
    }
