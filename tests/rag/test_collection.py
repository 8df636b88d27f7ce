"""Collections: one change is one step, what is saved comes back or is refused, and a kill during a
save loses nothing.
"""

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adaptlab.errors import AdaptLabError
from adaptlab.rag.bm25 import Postings
from adaptlab.rag.chunk import Chunk, chunk
from adaptlab.rag.collection import MAGIC, Collection, _digest
from adaptlab.rag.faiss_index import FaissIndex
from adaptlab.rag.index import METRICS
from adaptlab.rag.loaders import Document
from adaptlab.rag.numpy_index import NumpyIndex
from adaptlab.rag.qdrant import QdrantIndex
from adaptlab.rag.retrieve import BM25Retriever


class Letters:
    """A vector of letter counts: texts of like letters are near. Counts what it embeds."""

    name = "letters"
    dimension = 26

    def __init__(self):
        self.n_texts = 0

    def encode(self, texts):
        self.n_texts += len(texts)
        counts = np.array(
            [[text.lower().count(chr(97 + i)) + 0.01 for i in range(26)] for text in texts],
            np.float32,
        ).reshape(-1, 26)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def pieces(source: str, *texts: str) -> list[Chunk]:
    document = Document("\n\n".join(texts), source, source, date(2026, 3, 4))
    return chunk([document], max(map(len, texts)), 0)


def texts_of(collection: Collection) -> list[str]:
    return sorted(piece.text for piece in collection.chunks.values())


@pytest.fixture
def collection() -> Collection:
    made = Collection(Letters())
    made.add(pieces("a", "zebra zoo", "apple"))
    made.add(pieces("b", "mmmm"))
    return made


def test_update_puts_a_source_anew_and_embeds_only_what_changed(collection):
    assert texts_of(collection) == ["apple", "mmmm", "zebra zoo"]
    collection.embedder.n_texts = 0
    collection.update(pieces("a", "zebra zoo", "qqqqq"))
    assert (
        texts_of(collection) == ["mmmm", "qqqqq", "zebra zoo"] and collection.embedder.n_texts == 1
    )
    first = pieces("c", "some words", "more words")
    collection.add(first)
    collection.embedder.n_texts = 0
    collection.update(pieces("c", "longer than it was", "more words"))
    assert collection.embedder.n_texts == 1, "what only moved was embedded again"
    assert (
        next(c for c in collection.chunks.values() if c.text == "more words").start > first[1].start
    )
    collection.update([], sources=["c"])
    collection.delete("b")
    assert texts_of(collection) == ["qqqqq", "zebra zoo"] and len(collection.index) == 2
    with pytest.raises(AdaptLabError, match="from b"):
        collection.delete("b")
    collection.add(pieces("a", "zebra zoo", "qqqqq"))
    assert len(collection) == 2


def test_what_is_no_list_of_chunks_is_refused_and_changes_nothing(collection):
    (piece,) = pieces("c", "new")
    for change in (collection.add, collection.update):
        for chunks, sentence in (
            (piece, "are a single"),
            ("text", "are a single"),
            ([piece, "text"], "A chunk is str"),
            ([None], "A chunk is NoneType"),
        ):
            with pytest.raises(AdaptLabError, match=sentence):
                change(chunks)
    assert texts_of(collection) == ["apple", "mmmm", "zebra zoo"]


def test_search_filters_by_what_chunks_say_of_themselves(collection):
    query = collection.embedder.encode(["apple"])
    (best, score), *_ = collection.search(query, 3)[0]
    assert best.text == "apple" and score > 0.9
    assert [
        found.source for found, _ in collection.search(query, 3, lambda c: c.source == "b")[0]
    ] == ["b"]
    assert collection.search(query, 2, lambda c: c.date > date(2027, 1, 1)) == [[]]


def test_saved_and_loaded_it_finds_the_same(collection, tmp_path):
    collection.save(tmp_path / "shop.index")
    again = Collection.load(tmp_path / "shop.index", Letters())
    query = again.embedder.encode(["zoo"])
    assert again.chunks == collection.chunks and again.search(query, 3) == collection.search(
        query, 3
    )
    again.update(pieces("a", "new"))
    assert texts_of(again) == ["mmmm", "new"]
    Collection(Letters()).save(tmp_path / "empty.index")
    assert len(Collection.load(tmp_path / "empty.index", Letters())) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_every_index_of_our_own_is_saved_with_its_vectors(metric, tmp_path):
    for index in (NumpyIndex(26, metric), FaissIndex(26, metric=metric)):
        made = Collection(Letters(), index)
        made.add(pieces("a", "zebra zoo", "apple"))
        made.save(tmp_path / "shop")
        again = Collection.load(tmp_path / "shop", Letters())
        query = Letters().encode(["zoo"])
        assert type(again.index) is type(index) and again.index.settings() == index.settings()
        assert again.search(query, 2) == made.search(query, 2) and again.index.ids == index.ids
        again.update(pieces("a", "kiwi"))
        assert texts_of(again) == ["kiwi"]
    Collection(Letters(), NumpyIndex(26)).save(tmp_path / "empty")
    assert len(Collection.load(tmp_path / "empty", Letters())) == 0


def test_a_file_from_before_kinds_and_paths_is_read(tmp_path):
    made = Collection(Letters())
    made.add(pieces("a", "zebra zoo"))
    lines = "".join(
        json.dumps(
            {k: v for k, v in asdict(c).items() if k != "parents"} | {"date": c.date.isoformat()}
        )
        + "\n"
        for c in made.chunks.values()
    ).encode()
    vectors = made.index.to_bytes()
    about = {
        "embedder": "letters",
        "index": made.index.settings(),
        "sizes": [len(lines), len(vectors)],
    }
    header = json.dumps(about | {"sha256": _digest(about, lines, vectors)}).encode()
    (tmp_path / "old").write_bytes(MAGIC + header + b"\n" + lines + vectors)
    assert Collection.load(tmp_path / "old", Letters()).chunks == made.chunks


def test_paths_of_headings_are_saved(tmp_path):
    made = Collection(Letters())
    made.add(chunk([Document("# A\n\n## B\n\ntext", "s", "t", date(2026, 1, 1))]))
    made.save(tmp_path / "shop")
    (piece,) = Collection.load(tmp_path / "shop", Letters()).chunks.values()
    assert piece.parents == ("A",) and piece.in_context() == "A > B: text" and hash(piece)


def test_an_empty_index_of_a_server_is_an_index(tmp_path):
    empty = QdrantIndex(26)
    made = Collection(Letters(), empty)
    assert made.index is empty
    made.save(tmp_path / "empty")
    assert Collection.load(tmp_path / "empty", Letters(), empty).index is empty
    made.add(pieces("a", "zebra zoo"))
    made.save(tmp_path / "shop")
    with pytest.raises(AdaptLabError, match="0 vectors, fewer than the 1"):
        Collection.load(tmp_path / "shop", Letters(), QdrantIndex(26))


def test_what_is_not_ours_is_refused(collection, tmp_path):
    path = tmp_path / "shop.index"
    collection.save(path)
    whole = path.read_bytes()
    for damaged in (whole[:-3], whole[:-3] + b"xyz", MAGIC + b"{}\n", MAGIC):
        path.write_bytes(damaged)
        with pytest.raises(AdaptLabError, match="is damaged"):
            Collection.load(path, Letters())
    path.write_bytes(b"something else")
    with pytest.raises(AdaptLabError, match="not a collection"):
        Collection.load(path, Letters())
    with pytest.raises(AdaptLabError, match="could not be read"):
        Collection.load(tmp_path / "none", Letters())
    path.write_bytes(whole)
    other = Letters()
    other.name = "numbers"
    with pytest.raises(AdaptLabError, match="built with letters, not with numbers"):
        Collection.load(path, other)
    with pytest.raises(AdaptLabError, match="dimension 26, .* 5"):
        Collection(Letters(), FaissIndex(5))
    with pytest.raises(AdaptLabError, match="index out"):
        Collection.load(path, Letters(), FaissIndex(26))
    for field in (b'"letters"', b'"cosine"'):  # the header is part of what is checked
        path.write_bytes(whole.replace(field, b'"other"', 1))
        with pytest.raises(AdaptLabError, match="is damaged"):
            Collection.load(path, Letters())
    with pytest.raises(AdaptLabError, match="index is empty"):
        Collection(Letters()).search(Letters().encode(["a"]), 1)


def test_on_a_server_the_chunks_are_saved_and_the_vectors_stay(tmp_path):
    index = QdrantIndex(26)
    made = Collection(Letters(), index)
    made.add(pieces("a", "zebra zoo", "apple"))
    made.save(tmp_path / "shop")
    again = Collection.load(tmp_path / "shop", Letters(), index)
    again.update(pieces("a", "kiwi"))
    assert texts_of(again) == ["kiwi"] and len(index) == 1
    with pytest.raises(AdaptLabError, match="Give its index"):
        Collection.load(tmp_path / "shop", Letters())
    with pytest.raises(AdaptLabError, match="1 vectors, fewer than the 2"):
        Collection.load(tmp_path / "shop", Letters(), index)
    index.add([5], Letters().encode(["left by another program"]))
    assert [piece.text for piece, _ in again.search(Letters().encode(["kiwi"]), 2)[0]] == ["kiwi"]


SAVE_FOR_EVER = """
import sys
from test_collection import Collection, Letters, pieces
collection = Collection(Letters())
collection.add(pieces("a", *[f"text number {i} " + "x" * 500 for i in range(3000)]))
while True:
    collection.save(sys.argv[1])
    print("saved", flush=True)
"""


def test_a_kill_during_a_save_leaves_a_whole_file(tmp_path):
    path = tmp_path / "shop.index"
    for delay in (0.003, 0.011, 0.019):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOR_EVER, path],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent,
        )
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.wait()
        assert len(Collection.load(path, Letters())) == 3000


def test_a_search_beside_updates_sees_the_old_or_the_new(collection):
    old = pieces("a", "zebra zoo", "apple")
    new = pieces("a", "kiwi", "fig", "plum")
    states = {frozenset(("zebra zoo", "apple")), frozenset(("kiwi", "fig", "plum"))}
    query = collection.embedder.encode(["apple"])
    stop = threading.Event()
    mixed = []

    def look(where):
        while not stop.is_set():
            found = frozenset(
                c.text for c, _ in collection.search(query, 3, where)[0] if c.source == "a"
            )
            if not any(found <= state for state in states) or (where and found not in states):
                mixed.append(found)

    threads = [
        threading.Thread(target=look, args=(where,))
        for where in (None, lambda c: c.source == "a", None)
    ]
    for thread in threads:
        thread.start()
    for _ in range(60):
        collection.update(new)
        collection.update(old)
    stop.set()
    for thread in threads:
        thread.join()
    assert not mixed


@pytest.mark.parametrize("settings", [{}, {"k1": 0.9, "b": 0.4, "language": None}])
def test_keyword_indexes_are_saved_with_their_collection(tmp_path, monkeypatch, settings):
    collection = Collection(Letters())
    collection.add(pieces("a", "red lamp", "blue lamp oil"))
    collection.add(pieces("b", "東京の天気 and C++", "kettle"))
    keyword = BM25Retriever(collection, **settings)
    collection.delete("a")  # a slot is left behind
    collection.add(pieces("a", "green lamp lamp"))
    queries = ["lamp", "天気", "C++ kettle"]
    expected = keyword.search(queries, 5)
    collection.save(tmp_path / "c")
    with monkeypatch.context() as nothing_is_cut:
        nothing_is_cut.setattr(Postings, "add", None)
        again = Collection.load(tmp_path / "c", Letters())
        assert BM25Retriever(again, **settings).search(queries, 5) == expected
    for held in (collection, again):
        held.update(pieces("b", "lamp at last"))
    assert BM25Retriever(again, **settings).search(queries, 5) == keyword.search(queries, 5)


def test_words_that_were_cut_by_other_rules_are_cut_anew(tmp_path, monkeypatch):
    collection = Collection(Letters())
    collection.add(pieces("a", "red lamps"))
    expected = BM25Retriever(collection).search(["lamp"], 1)
    nothing = Postings().to_bytes()
    with monkeypatch.context() as older:
        older.setattr("adaptlab.rag.keyword_index.rules", lambda language: "older rules")
        older.setattr(Postings, "to_bytes", lambda self: nothing)
        collection.save(tmp_path / "c")
    assert BM25Retriever(Collection.load(tmp_path / "c", Letters())).search(["lamp"], 1) == expected


def test_searches_with_the_same_settings_share_their_index():
    collection = Collection(Letters())
    collection.add(pieces("a", "red lamp"))
    assert BM25Retriever(collection).index is BM25Retriever(collection).index
    assert BM25Retriever(collection, b=0.1).index is not BM25Retriever(collection).index
