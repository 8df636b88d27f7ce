"""What was handed in, on the disk and not in memory: it is read when it is graded, and gone when
the process ends."""

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
    """The disk is full, which is no student's fault."""


@dataclass(frozen=True)
class Held:
    """A content that lies in this process's folder under its digest. Another process gets it as
    bytes.
    """

    digest: str
    n_bytes: int

    def read(self) -> bytes:
        """The content."""
        return self.path.read_bytes()

    @property
    def path(self) -> Path:
        """Where it lies."""
        return folder() / self.digest

    def __reduce__(self):
        return bytes, (self.read(),)


@cache
def _made() -> tempfile.TemporaryDirectory:
    """Removed when this process ends; where it was killed, by the next grader (box.py)."""
    return tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-")


def folder() -> Path:
    """Where this process, and its forks, hold what was handed in."""
    return Path(_made().name)


def hold(file: IO[bytes], most: int) -> Held | None:
    """A file's content, read in pieces; None if it has more bytes than that. A full
    disk is NoRoom.
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
        says = f"{folder().parent} has no room for what was handed in"
        raise NoRoom(f"{says}; make some, or let TMPDIR name a folder that has.") from error
