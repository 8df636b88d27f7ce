"""SQLite files that several runs may use at once; a write is complete or does not happen."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder

PATIENCE = 5.0  # seconds to wait for another run that is writing


@contextmanager
def transaction(
    path: Path, schema: Sequence[str], holds: str, patience: float = PATIENCE
) -> Iterator[sqlite3.Connection]:
    """Open a connection inside one transaction, which writes everything or nothing.

    The file has these tables; `holds` names its contents in messages.
    """
    make_folder(path.parent)
    try:
        with closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as connection:
            # Readers continue while another process writes.
            connection.execute("PRAGMA journal_mode = WAL")
            # What was written is there after a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement in schema:
                    connection.execute(statement)
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise AdaptLabError(
                f"{path} is locked by another run. Wait for it and try again: the file's"
                " contents are kept."
            ) from error
        raise AdaptLabError(
            f"{path} could not be written ({error}). Check the disk space and the path."
        ) from error
    except sqlite3.DatabaseError as error:
        raise AdaptLabError(
            f"{path} is not a file of {holds} ({error}). Move it away, or name another file."
        ) from error
