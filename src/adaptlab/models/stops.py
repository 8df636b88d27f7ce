"""End replies before a stop sequence, as in OpenAI's API: transformers leaves it in the reply."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence


def before_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """Return (the text up to the first of the stop sequences, whether there is one)."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def n_held(text: str, stops: Sequence[str]) -> int:
    """Count the characters at a text's end that may be the beginning of a stop sequence."""
    longest = max((len(stop) for stop in stops), default=0)
    sizes = range(min(longest - 1, len(text)), 0, -1)
    return next((n for n in sizes if any(stop.startswith(text[-n:]) for stop in stops)), 0)


class BeforeStop:
    """The pieces of a reply from a queue; None ends them. Items that are not text pass
    unchanged.
    """

    def __init__(self, queue: asyncio.Queue, stops: Sequence[str]):
        self._queue = queue
        self._stops = stops
        self._held = ""
        self._ended = False
        self._ready: deque = deque()

    async def get(self):
        while not self._ready:
            self._ready.extend(self._passed(await self._queue.get()))
        return self._ready.popleft()

    def get_nowait(self):
        """Return the next item.

        Raises:
            asyncio.QueueEmpty: if no item is ready.
        """
        while not self._ready:
            self._ready.extend(self._passed(self._queue.get_nowait()))
        return self._ready.popleft()

    def _passed(self, item: object) -> Iterator[object]:
        """Return the items for the client after one more item arrived."""
        if type(item) is str:
            yield from self._text(item)
            return
        if self._held:
            yield self._held
            self._held = ""
        yield item

    def _text(self, piece: str) -> Iterator[str]:
        if self._ended:
            return
        text, self._ended = before_stop(self._held + piece, self._stops)
        n = 0 if self._ended else n_held(text, self._stops)
        self._held = text[len(text) - n :]
        if sent := text[: len(text) - n]:
            yield sent
