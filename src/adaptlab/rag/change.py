"""Change: what a collection tells those who follow it."""

from typing import NamedTuple

from adaptlab.rag.chunk import Chunk


class Change(NamedTuple):
    """Ids that went and chunks that came with a version; None are all that were there."""

    version: int
    gone: tuple[int, ...] | None
    come: tuple[Chunk, ...]
