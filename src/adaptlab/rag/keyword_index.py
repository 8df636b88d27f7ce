"""KeywordIndex: BM25 over a collection's chunks; it follows their changes and is saved with the
collection.
"""

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from adaptlab.rag.bm25 import Postings
from adaptlab.rag.change import Change
from adaptlab.rag.tokenize import stemmed_words

# Words of every kind that the rules treat differently.
_SAMPLE = (
    "The 3 lamps of Vera's shop don't shine: C++, F#, R and x86-64 run, batteries running.",
    (
        "Kürzere Straßen, l'été, наши дома, \u6771\u4eac\u306e\u5929\u6c17, \ud55c\uad6d\uc5b4,"
        " \u0939\u093f\u0928\u094d\u0926\u0940"
    ),
    "\u6771\u4eacC++, İstanbul, Isparta 🙂",
)


class Changing(Protocol):
    """A collection that an index can follow."""

    def changes_since(self, version: int | None) -> list[Change]: ...


class KeywordIndex:
    """Words of chunks by their ids. It may be used from several threads."""

    def __init__(self, k1: float = 1.5, b: float = 0.75, language: str | None = "english"):
        stemmed_words([], language)  # otherwise the first search reports an unknown language
        self.language = language
        self._postings = Postings(k1, b)
        self._version: int | None = None  # version of the collection that it followed
        self._lock = threading.Lock()  # acquired after the collection's lock, never before it

    def follow(self, collection: Changing) -> None:
        """Apply the changes: only new texts are split into words."""
        with self._lock:
            for change in collection.changes_since(self._version):
                self._apply(change)
                self._version = change.version

    def _apply(self, change: Change) -> None:
        postings = self._postings
        if change.removed is None:
            postings = self._postings = Postings(postings.k1, postings.b)
        for identity in change.removed or ():
            if identity in postings:
                postings.remove(identity)
        new = [chunk for chunk in change.come if chunk.id not in postings]
        words = stemmed_words([chunk.in_context() for chunk in new], self.language)
        for chunk, found in zip(new, words):
            postings.add(chunk.id, found)

    def best(
        self,
        queries: Iterable[Sequence[str]],
        k: int,
        allowed: Iterable[int] | None = None,
    ) -> list[list[tuple[int, float]]]:
        """Return for the words of each query the (id, score) of its k best chunks among those
        `allowed`.
        """
        with self._lock:
            mask = None if allowed is None else self._mask(set(allowed))
            return [self._postings.best(words, k, mask) for words in queries]

    def _mask(self, allowed: set[int]) -> np.ndarray:
        return np.array([i in allowed for i in self._postings.ids], bool)

    def settings(self) -> dict:
        """Return the settings to make an equal index, and to check that its words are still
        valid.
        """
        postings = self._postings
        about = {"k1": postings.k1, "b": postings.b, "language": self.language}
        return about | {"rules": rules(self.language)}

    def to_bytes(self) -> bytes:
        with self._lock:
            return self._postings.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes, k1: float, b: float, language: str | None, version: int):
        """Make the index from its `to_bytes`; it has followed its collection to `version`."""
        index = cls(k1, b, language)
        index._postings = Postings.from_bytes(data, k1, b)
        index._version = version
        return index


def rules(language: str | None) -> str:
    """Return a digest that changes if a sample is split into other words: by rules, stemmer or
    list.
    """
    words = repr(stemmed_words(_SAMPLE, language))
    return hashlib.sha256(words.encode()).hexdigest()[:16]
