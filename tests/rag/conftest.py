"""A PostgreSQL with pgvector, started once for the tests and gone after them."""

import pytest

from adaptlab.rag.pgvector import local_database


@pytest.fixture(scope="session")
def postgres() -> str:
    """The address of a database of a server of our own, on a Unix socket."""
    return local_database()
