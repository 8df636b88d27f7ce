"""Text of strangers that can be written: names and messages may hold what UTF-8 cannot."""

import re

# Bytes of a file's name that are no UTF-8, as Python reads them.
_ESCAPED = re.compile("[\udc80-\udcff]+")
_HALVES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text, with bytes of a name read as Windows and old disks write them ("josé"), and halves
    of characters as question marks."""
    return _HALVES.sub("?", _ESCAPED.sub(_as_western, text))


def _as_western(found: re.Match) -> str:
    return found[0].encode(errors="surrogateescape").decode("cp1252", "replace")
