"""Collection: chunks with their vectors, changed and saved together."""

import hashlib
import json
import threading
import warnings
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from itertools import accumulate
from pathlib import Path

import numpy as np

from adaptlab.errors import AdaptLabError
from adaptlab.files import as_path, write_whole
from adaptlab.rag.change import Change
from adaptlab.rag.chunk import Chunk
from adaptlab.rag.document import OWN_NAMES
from adaptlab.rag.embed import Embedder, encode_documents
from adaptlab.rag.faiss_index import FaissIndex
from adaptlab.rag.filters import Where, as_test, has_name, names_in
from adaptlab.rag.index import VectorIndex
from adaptlab.rag.keyword_index import KeywordIndex, rules
from adaptlab.rag.load_index import index_from_bytes

MAGIC = b"adaptlab collection 1\n"

SHOWN = 20  # names of metadata in a warning
KEPT_CHANGES = 100  # a follower that is further behind reads all chunks


class Collection:
    """The contents of a search: `chunks` by their ids, and an `index` of their vectors in context.

    A change alters `chunks` in place: hold `read_lock()` while you iterate over it and other
    threads run.
    """

    def __init__(self, embedder: Embedder, index: VectorIndex | None = None):
        if not hasattr(embedder, "dimension"):
            given = f"The embedder is {type(embedder).__name__}"
            raise AdaptLabError(f"{given}, not an embedder. Give one, for example minilm().")
        self.embedder = embedder
        self.index = index if index is not None else FaissIndex(embedder.dimension)
        if not hasattr(self.index, "dimension"):
            given = f"The index is {type(index).__name__}"
            raise AdaptLabError(f"{given}, not an index. Give one, for example FaissIndex(384).")
        if self.index.dimension != embedder.dimension:
            raise AdaptLabError(
                f"{embedder.name} makes vectors of dimension {embedder.dimension}, but the"
                f" index has dimension {self.index.dimension}. Use an index of the same"
                " dimension."
            )
        self.chunks: dict[int, Chunk] = {}
        self._of_source: dict[str, set[int]] = {}
        self._keyword_indexes: dict[tuple, KeywordIndex] = {}
        self.version = 0
        self._changes: deque[Change] = deque(maxlen=KEPT_CHANGES)
        self._lock = threading.RLock()
        self._changing = threading.RLock()
        self._log_lock = (
            threading.Lock()
        )  # held for a moment only, and never while waiting for another lock

    def __len__(self) -> int:
        return len(self.chunks)

    def read_lock(self):
        """Return a context in which nothing changes, so that several searches see the same
        state.
        """
        return self._lock

    def keyword_index(self, k1: float, b: float, language: str | None) -> KeywordIndex:
        """Return the BM25 index with these settings, built at its first use."""
        with self._lock:
            settings = k1, b, language
            if settings not in self._keyword_indexes:
                self._keyword_indexes[settings] = KeywordIndex(*settings)
            return self._keyword_indexes[settings]

    def add(self, chunks: Iterable[Chunk]) -> None:
        """Embed and add chunks; chunks that are already in the collection are skipped."""
        with self._changing:
            self._change([], [piece for piece in _checked(chunks) if piece.id not in self.chunks])

    def update(self, chunks: Iterable[Chunk], sources: Iterable[str] = ()) -> None:
        """Replace all chunks from the sources of these chunks, and from `sources`, in one step.

        Only new texts are embedded.
        """
        chunks = _checked(chunks)
        if isinstance(sources, str):
            raise AdaptLabError("The sources are a single source. Give a list of sources.")
        sources = {*sources, *(chunk.source for chunk in chunks)}
        with self._changing:
            self._change([i for source in sources for i in self._of_source.get(source, ())], chunks)

    def delete(self, source: str) -> None:
        """Delete all chunks of a source.

        Raises:
            AdaptLabError: if the collection has no chunk from it.
        """
        if not isinstance(source, str):
            given = f"The source is {type(source).__name__}, not a text"
            raise AdaptLabError(f"{given}. Delete one source at a time.")
        with self._changing:
            ids = list(self._of_source.get(source, ()))
            if not ids:
                raise AdaptLabError(
                    f"The collection has no chunk from {source}. Give a source of the collection."
                )
            self._change(ids, [])

    def _change(self, old_ids: Sequence[int], chunks: Iterable[Chunk]) -> None:
        wanted = {chunk.id: chunk for chunk in chunks}
        removed = {i for i in old_ids if i not in wanted}
        new = [i for i in wanted if i not in self.chunks]
        # Embedding is slow, and searches continue meanwhile.
        vectors = encode_documents(self.embedder, [wanted[i].in_context() for i in new])
        with self._lock:
            self.index.replace(list(removed), new, vectors)
            self._put(removed, wanted)
            self.version += 1
            with self._log_lock:
                self._changes.append(Change(self.version, tuple(removed), tuple(wanted.values())))

    def _put(self, removed: Iterable[int], added: dict[int, Chunk]) -> None:
        """Change `chunks` and the index of sources."""
        for i in [*removed, *(i for i in added if i in self.chunks)]:
            source = self.chunks[i].source
            self._of_source[source].discard(i)
            if not self._of_source[source]:
                del self._of_source[source]
        for i in removed:
            del self.chunks[i]
        self.chunks.update(added)
        for i, chunk in added.items():
            self._of_source.setdefault(chunk.source, set()).add(i)

    def changes_since(self, version: int | None) -> list[Change]:
        """Return the changes after a version, in order; None, or a very old version, means all
        chunks.

        It does not take the collection's lock, so no search waits for a follower. A follower skips
        chunks that it already has and ids that it does not have. So a change that was read half
        done is complete after the next call.
        """
        with self._log_lock:
            changes = list(self._changes)
        now = changes[-1].version if changes else 0
        if version is None or (changes and changes[0].version > version + 1):
            return [Change(now, None, tuple(dict(self.chunks).values()))]
        return [change for change in changes if change.version > version]

    def search(
        self, queries: np.ndarray, k: int, where: Where | None = None
    ) -> list[list[tuple[Chunk, float]]]:
        """Return for each query vector (q, dimension) its k nearest chunks with their scores, best
        first.

        There are fewer if `where` leaves fewer.
        """
        with self._lock:
            ids, scores = self.index.search(
                queries, k, None if where is None else self.matching(where)
            )
            # A server's index may have vectors of another program, or what a broken upload
            # left.
            return [
                [(self.chunks[int(i)], float(s)) for i, s in zip(*row) if int(i) in self.chunks]
                for row in zip(ids, scores)
            ]

    def matching(self, where: Where) -> list[int]:
        """Return ids of the chunks for which `where`, a function or a filter of `filters`, is true.

        Warns if no chunk is found and the filter has a name that no chunk has, for example a typo.
        """
        test = as_test(where)
        found = [i for i, chunk in self.chunks.items() if test(chunk)]
        if self.chunks and not found and isinstance(where, Mapping):
            unknown = [name for name in names_in(where) if not self._has(name)]
            if unknown:
                known = {name for chunk in self.chunks.values() for name in chunk.metadata}
                says = f"The filter finds no chunk, and no chunk has {unknown[0]!r}"
                names = ", ".join([*OWN_NAMES, *sorted(known)[:SHOWN]])
                warnings.warn(f"{says}. Names that chunks have: {names}.", stacklevel=2)
        return found

    def _has(self, name: str) -> bool:
        return any(has_name(chunk, name) for chunk in self.chunks.values())

    def save(self, path: Path | str) -> None:
        """Write one complete file: the chunks, the embedder's name, the vectors, and the used
        keyword indexes.

        Vectors on a server stay there.
        """
        with self._lock:
            own = bool(self.index.kind)
            lines = "".join(
                json.dumps(asdict(chunk) | {"date": chunk.date.isoformat()}) + "\n"
                for chunk in self.chunks.values()
            ).encode()
            vectors = self.index.to_bytes() if own else b""
            keyword = list(self._keyword_indexes.values())
            for index in keyword:
                index.follow(self)
            parts = [lines, vectors, *(index.to_bytes() for index in keyword)]
            about = {
                "embedder": self.embedder.name,
                "index": self.index.settings() | {"kind": self.index.kind} if own else None,
                "keyword": [index.settings() for index in keyword],
                "sizes": [len(part) for part in parts],
            }
        header = json.dumps(about | {"sha256": _digest(about, *parts)}).encode()
        write_whole(as_path(path), [MAGIC, header + b"\n", *parts])

    @classmethod
    def load(
        cls, path: Path | str, embedder: Embedder, index: VectorIndex | None = None
    ) -> "Collection":
        """Load the file of `save`; give the `index` if its vectors are on a server.

        Raises:
            AdaptLabError: if it is damaged, another kind of file, or was built with another
                embedding model.
        """
        about, (lines, vectors, *keyword) = _read(as_path(path))
        if about["embedder"] != embedder.name:
            raise AdaptLabError(
                f"{path} was built with {about['embedder']}, not with {embedder.name}. Load"
                " that model, or build the collection again."
            )
        if (about["index"] is None) == (index is None):
            where = "has its vectors on a server. Give its index"
            if index is not None:
                where = "contains its own vectors. Leave the index out"
            raise AdaptLabError(f"{path} {where}.")
        items = [json.loads(line) for line in lines.splitlines()]
        chunks = {item["id"]: _as_chunk(item) for item in items}
        held = index_from_bytes(vectors, list(chunks), about["index"]) if index is None else index
        collection = cls(embedder, held)
        if len(collection.index) < len(chunks):
            raise AdaptLabError(
                f"The index has {len(collection.index)} vectors, fewer than the {len(chunks)}"
                f" chunks of {path}. Build the collection again."
            )
        collection._put((), chunks)
        for settings, part in zip(about.get("keyword", ()), keyword):
            collection._take_keyword_index(settings, part)
        return collection

    def _take_keyword_index(self, settings: dict, data: bytes) -> None:
        """Load a saved keyword index; if the rules for words differ today, it is built again."""
        known = settings["k1"], settings["b"], settings["language"]
        if settings["rules"] == rules(settings["language"]):
            index = KeywordIndex.from_bytes(data, *known, version=self.version)
            self._keyword_indexes[known] = index


def _checked(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return the chunks as a list.

    Raises:
        AdaptLabError: if they are a single chunk, or one is not a chunk.
    """
    if isinstance(chunks, str | Chunk) or not isinstance(chunks, Iterable):
        raise AdaptLabError("The chunks are a single chunk, or not a list. Give a list of chunks.")
    pieces = list(chunks)
    for piece in pieces:
        if not isinstance(piece, Chunk):
            kind = type(piece).__name__
            raise AdaptLabError(
                f"A chunk is {kind}, not a Chunk. Cut documents with `chunk` first."
            )
    by_id: dict[int, Chunk] = {}
    if any(by_id.setdefault(piece.id, piece) != piece for piece in pieces):
        raise AdaptLabError("Two different chunks have the same id. Give each chunk its own id.")
    return pieces


def _as_chunk(item: dict) -> Chunk:
    """Return a chunk from the data of `save`; older files lack the headings above its section."""
    parents = tuple(item.get("parents", ()))
    return Chunk(**item | {"date": date.fromisoformat(item["date"]), "parents": parents})


def _digest(about: dict, *parts: bytes) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict, list[bytes]]:
    """Return (the header of the file, its parts)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AdaptLabError(
            f"{path} could not be read ({error.strerror}). Check the path and its permissions."
        ) from error
    if not data.startswith(MAGIC):
        raise AdaptLabError(
            f"{path} is not a collection of this version. Build the collection again."
        )
    header, _, body = data[len(MAGIC) :].partition(b"\n")
    try:
        about = json.loads(header)
        stated = about.pop("sha256")
        ends = list(accumulate(about["sizes"]))
        parts = [body[start:end] for start, end in zip([0, *ends], ends)]
        intact = len(body) == ends[-1] and _digest(about, *parts) == stated
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        intact = False
    if not intact:
        raise AdaptLabError(f"{path} is damaged. Build the collection again, or restore a copy.")
    return about, parts
