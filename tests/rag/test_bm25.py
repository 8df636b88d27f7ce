"""BM25 by postings: bm25s's ranking and scores, through any sequence of changes."""

import random

import bm25s
import numpy as np
import pytest

from adaptlab.rag.bm25 import Postings

WORDS = [f"w{i}" for i in range(60)]


def text(rng: random.Random) -> list[str]:
    return rng.choices(WORDS, [1 / (i + 1) for i in range(60)], k=rng.randint(0, 30))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k1, b", [(1.5, 0.75), (0.9, 0.4)])
def test_scores_are_those_of_bm25s_after_every_change(seed, k1, b):
    rng = random.Random(seed)
    held = {}
    postings = Postings(k1, b)
    for step in range(200):
        if held and rng.random() < 0.45:
            gone = rng.choice(list(held))
            postings.remove(gone)
            del held[gone]
        else:
            held[step] = text(rng)
            postings.add(step, held[step])
        assert len(postings) == len(held) and set(held) == {
            i for i in range(step + 1) if i in postings
        }
        if step % 10 or not any(held.values()):
            continue
        library = bm25s.BM25(k1=k1, b=b)
        library.index(list(held.values()), show_progress=False)
        for query in (text(rng), ["w1", "w1", "none"], []):
            positions, values = library.retrieve([query], k=len(held), show_progress=False)
            expected = {list(held)[i]: v for i, v in zip(positions[0], values[0]) if v > 0}
            found = postings.best(query, len(held))
            assert [value for _, value in found] == sorted((v for _, v in found), reverse=True)
            assert {i: pytest.approx(v, abs=1e-5) for i, v in found} == expected


def test_only_what_is_allowed_is_found():
    postings = Postings()
    for i in range(6):
        postings.add(i, ["lamp"] * (i + 1))
    allowed = np.array([i in (1, 4) for i in postings.ids])
    assert {i for i, _ in postings.best(["lamp"], 6, allowed)} == {1, 4}
    assert len(postings.best(["lamp"], 2)) == 2 and Postings().best(["lamp"], 2) == []


def test_slots_that_are_left_behind_are_used_again():
    postings = Postings()
    for i in range(1000):
        postings.add(i, ["lamp", f"n{i}"])
        if i >= 10:
            postings.remove(i - 10)
    assert len(postings) == 10 and len(postings.ids) <= 21
    assert {i for i, _ in postings.best(["lamp"], 50)} == set(range(990, 1000))
