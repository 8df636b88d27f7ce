"""Answers to lab 02: written differently from the solution and right, or wrong in a way that a
symptom knows.
"""

import itertools
import re

import numpy as np


def sentence_spans__right_regex(text):
    return [
        match.span()
        for match in re.finditer(
            r"\S(?:(?<=[.!?])(?=\s|\Z)|.*?(?:[.!?](?=\s|\Z)|(?=\s*\Z)))", text, re.DOTALL
        )
    ]


def sentence_spans__right_by_cuts(text):
    cuts = [match.end() for match in re.finditer(r"[.!?](?!\S)", text)]
    spans = []
    for start, end in itertools.pairwise([0, *cuts, len(text)]):
        part = text[start:end]
        if part.strip():
            spans.append([start + len(part) - len(part.lstrip()), start + len(part.rstrip())])
    return spans


def sentence_spans__right_recursive(text, start=0):
    rest = text[start:]
    begin = start + len(rest) - len(rest.lstrip())
    if begin == len(text):
        return []
    ends = [
        i + 1
        for i in range(begin, len(text))
        if text[i] in ".!?" and not text[i + 1 : i + 2].strip()
    ]
    end = ends[0] if ends else len(text.rstrip())
    return [(begin, end), *sentence_spans__right_recursive(text, end)]


def chunk_spans__right_recursive(spans, size, overlap, begin=0, new=0):
    if new == len(spans):
        return []
    start = spans[begin][0]
    end = max([new, *(i for i in range(new, len(spans)) if spans[i][1] - start <= size)])
    again = [
        i
        for i in range(max(end + 1 - overlap, 0), end + 1)
        if end + 1 < len(spans) and spans[end + 1][1] - spans[i][0] <= size
    ]
    return [
        (start, spans[end][1]),
        *chunk_spans__right_recursive(spans, size, overlap, min([end + 1, *again]), end + 1),
    ]


def chunk_spans__right_by_a_window(spans, size, overlap):
    chunks = []
    window = []
    for span in spans:
        if window and span[1] - window[0][0] > size:
            chunks.append([window[0][0], window[-1][1]])
            window = (
                window[len(window) - overlap :]
                if 0 < overlap < len(window)
                else window
                if overlap
                else []
            )
            while window and span[1] - window[0][0] > size:
                window = window[1:]
        window = [*window, span]
    return [*chunks, [window[0][0], window[-1][1]]] if window else []


def chunk_spans__right_numpy(spans, size, overlap):
    if not spans:
        return []
    starts, ends = np.array(spans).T
    chunks = []
    begin = 0
    new = 0
    while True:
        stop = max(int(np.searchsorted(ends, starts[begin] + size, side="right")), new + 1)
        chunks.append((starts[begin], ends[stop - 1]))
        if stop == len(spans):
            return chunks
        fits = np.flatnonzero(ends[stop] - starts[:stop] <= size)
        begin = max(stop - overlap, int(fits[0]) if len(fits) else stop)
        new = stop


class Index__right_matrix:
    def __init__(self):
        self.ids = np.empty(0, int)
        self.matrix = None

    def put(self, ids, vectors):
        if len(ids) == 0:
            return
        keep = ~np.isin(self.ids, ids)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        self.matrix = unit if self.matrix is None else np.concatenate([self.matrix[keep], unit])
        self.ids = np.concatenate([self.ids[keep], ids])

    def delete(self, ids):
        if not np.isin(ids, self.ids).all():
            raise KeyError("unknown")
        keep = ~np.isin(self.ids, ids)
        self.ids = self.ids[keep]
        self.matrix = None if self.matrix is None else self.matrix[keep]

    def search(self, query, k):
        if len(self.ids) == 0:
            return []
        cosines = (self.matrix @ query / np.sqrt(query @ query)).round(6)
        order = np.lexsort((self.ids, -cosines))[:k]
        return list(zip(self.ids[order], cosines[order]))


class Index__right_by_hand:
    def __init__(self):
        self.rows = []

    def put(self, ids, vectors):
        self.rows = [row for row in self.rows if row[0] not in list(ids)] + [
            (i, list(vector)) for i, vector in zip(ids, vectors)
        ]
        self.rows.sort(key=lambda row: row[0])

    def delete(self, ids):
        there = {i for i, _ in self.rows}
        for i in ids:
            if i not in there:
                raise KeyError(i)
        self.rows = [row for row in self.rows if row[0] not in ids]

    def search(self, query, k):
        def cosine(vector):
            length = sum(x * x for x in vector) ** 0.5 * sum(x * x for x in query) ** 0.5
            return round(sum(x * y for x, y in zip(vector, query)) / length, 6)

        found = [[i, cosine(vector)] for i, vector in self.rows]
        # Stable, and the rows are in the order of their ids.
        found.sort(key=lambda hit: hit[1], reverse=True)
        return found[:k]


def numbered_prompt__right_by_a_mask(hits, budget):
    used = 0
    mask = []
    for i, hit in enumerate(hits):
        n = len(re.findall(r"\S+", hit["text"]))
        new = all(hit["text"] != earlier["text"] for earlier, kept in zip(hits[:i], mask) if kept)
        mask.append(new and used + n <= budget)
        used += n * mask[-1]
    places = sorted((hit["source"], hit["start"], i) for i, hit in enumerate(hits) if mask[i])
    lines = [f"[{number}] {hits[i]['text']}" for number, (_, _, i) in enumerate(places, 1)]
    return "\n".join(lines), [i for *_, i in places]


def numbered_prompt__right_recursive(hits, budget):
    def choose(at, left, met):
        if at == len(hits):
            return []
        text = hits[at]["text"]
        if text in met or len(text.split()) > left:
            return choose(at + 1, left, met)
        return [at, *choose(at + 1, left - len(text.split()), met | {text})]

    chosen = choose(0, budget, frozenset())
    chosen.sort(key=lambda i: hits[i]["start"])
    chosen.sort(key=lambda i: hits[i]["source"])
    text = ""
    for number, i in enumerate(chosen):
        text += ("\n" if number else "") + f"[{number + 1}] " + hits[i]["text"]
    return [text, chosen]


def support__right_word_by_word(claims, chunks):
    held = {number: re.findall(r"\w+", chunk.lower()) for number, chunk in enumerate(chunks, 1)}
    out = []
    made_up = []
    for claim in claims:
        groups = re.findall(r"\[([\d, ]+)\]", claim)
        numbers = [int(part) for group in groups for part in group.replace(",", " ").split()]
        made_up += [number for number in numbers if number not in held]
        said = set(re.findall(r"\w+", re.sub(r"\[[\d, ]+\]", "", claim).lower()))
        found = 0
        for word in said:
            found += any(word in held[number] for number in numbers if number in held)
        out.append(found / max(len(said), 1))
    return {"invented": sorted(set(made_up)), "support": out}


def support__right_by_union(claims, chunks):
    result = {"support": [], "invented": set()}
    for claim in claims:
        text = ""
        numbers = set()
        for part in re.split(r"(\[[^\]]*\])", claim):
            inner = part[1:-1].replace(" ", "")
            if (
                part.startswith("[")
                and inner
                and all(piece.isdigit() for piece in inner.split(","))
            ):
                numbers |= set(map(int, inner.split(",")))
            else:
                text += part
        result["invented"] |= numbers - set(range(1, len(chunks) + 1))
        union = set().union(
            *(
                re.findall(r"\w+", chunk.lower())
                for number, chunk in enumerate(chunks, 1)
                if number in numbers
            )
        )
        mine = set(re.findall(r"\w+", text.lower()))
        result["support"].append(1 - len(mine - union) / len(mine) if mine else 0)
    return {**result, "invented": sorted(result["invented"])}


def choose_threshold__right_numpy(scores, right, max_risk):
    scores = np.array(scores, float)
    right = np.array(right, bool)
    best = None
    for threshold in np.unique(scores)[::-1]:
        kept = scores >= threshold
        if (~right[kept]).mean() <= max_risk:
            best = np.array([threshold, kept.mean(), (~right[kept]).mean()])
    return None if best is None else tuple(best)


def choose_threshold__right_cumulated(scores, right, max_risk):
    rows = sorted(zip(scores, right), reverse=True)
    wrong = 0
    n = 0
    best = None
    for at, (score, hit) in enumerate(rows):
        wrong = wrong + (not hit)
        n = n + 1
        end_of_tie = at + 1 == len(rows) or rows[at + 1][0] < score
        if end_of_tie and wrong / n <= max_risk:
            best = [score, n / len(rows), wrong / n]
    return best


def replacing_order__right_old_ids_first():
    return "EDFBGAHC"


def replacing_order__right_list():
    return ["D", "E", "F", "B", "G", "A", "H", "C"]


def replacing_order__wrong_form():
    return "DFBEGAH"


def replacing_order__wrong_DF():
    return "FDBEGAHC"


def replacing_order__wrong_FB():
    return "DBFEGAHC"


def replacing_order__wrong_BG():
    return "DFEGBAHC"


def replacing_order__wrong_EG():
    return "DFBGEAHC"


def replacing_order__wrong_EA():
    return "DFBAEGHC"


def replacing_order__wrong_GA():
    return "DFBEAGHC"


def replacing_order__wrong_AH():
    return "DFBEGHAC"


def replacing_order__wrong_HC():
    return "DFBEGACH"
