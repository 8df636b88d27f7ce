"""Keep submitted files on disk instead of in memory. They are read when they are graded, and
removed when the process ends.
"""

import errno
import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from adaptlab.errors import AdaptLabError
from adaptlab.grading.sandbox.limits import PREFIX

PIECE = 2**20


class NoRoom(AdaptLabError):
    """The disk is full; not a student's fault."""


@dataclass(frozen=True)
class Held:
    """A content in this process's folder, under its digest. Pickling it for another process gives
    the bytes.
    """

    digest: str
    n_bytes: int

    def read(self) -> bytes:
        """Return the content."""
        return self.path.read_bytes()

    @property
    def path(self) -> Path:
        """The path of the content."""
        return folder() / self.digest

    def __reduce__(self):
        return bytes, (self.read(),)


@cache
def _made() -> tempfile.TemporaryDirectory:
    """A temporary folder, removed when this process ends. If the process is killed, the next grader
    removes it (box.py).
    """
    return tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-")


def folder() -> Path:
    """Return the folder where this process and its forks keep submitted files."""
    return Path(_made().name)


def hold(file: IO[bytes], most: int) -> Held | None:
    """Copy a file's content in pieces; None if it has more than `most` bytes.

    Raises:
        NoRoom: if the disk is full.
    """
    copy = folder() / secrets.token_hex(8)
    digest = hashlib.sha256()
    n_bytes = 0
    try:
        with copy.open("xb") as written:
            while piece := file.read(min(PIECE, most + 1 - n_bytes)):
                n_bytes += len(piece)
                digest.update(piece)
                _write(written, piece)
                if n_bytes > most:
                    return None
        held = Held(digest.hexdigest(), n_bytes)
        copy.replace(held.path)
        return held
    finally:
        copy.unlink(missing_ok=True)


def _write(written: IO[bytes], piece: bytes) -> None:
    try:
        written.write(piece)
        written.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        says = f"{folder().parent} is full, so submissions cannot be stored"
        raise NoRoom(f"{says}. Free some space, or set TMPDIR to another folder.") from error
