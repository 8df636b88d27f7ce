"""Read replies that a SQLite file keeps by key."""

from collections.abc import Iterable
from sqlite3 import Connection

from adaptlab.models.chat import Reply


def kept_replies(connection: Connection, keys: Iterable[str]) -> dict[str, Reply]:
    """Return the kept replies of these keys, by key; keys without a reply are left out.

    The table `replies` has the columns key, text, n_prompt, n_completion and seconds.
    """
    found = {}
    for key in dict.fromkeys(keys):
        row = connection.execute(
            "SELECT text, n_prompt, n_completion, seconds FROM replies WHERE key = ?", (key,)
        ).fetchone()
        if row:
            found[key] = Reply(*row)
    return found
