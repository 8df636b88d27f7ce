"""Change: the message of a collection to its followers."""

from typing import NamedTuple

from adaptlab.rag.chunk import Chunk


class Change(NamedTuple):
    """Ids that were removed and chunks that were added in a version; None means everything."""

    version: int
    removed: tuple[int, ...] | None
    come: tuple[Chunk, ...]
