"""Make untrusted text encodable: names and messages may contain characters that UTF-8 cannot
encode.
"""

import re

# Bytes of a file name that are not UTF-8, as Python decodes them.
_ESCAPED = re.compile("[\udc80-\udcff]+")
_HALVES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """Return the text with undecodable bytes of a file name read as cp1252 ("josé"), and lone
    surrogates as question marks.
    """
    return _HALVES.sub("?", _ESCAPED.sub(_as_western, text))


def _as_western(found: re.Match) -> str:
    return found[0].encode(errors="surrogateescape").decode("cp1252", "replace")
