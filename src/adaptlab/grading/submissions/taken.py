"""Read one submitted file, with limits on its size and on the total size of each student's
files.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from adaptlab.grading.notebook import MAX_BYTES
from adaptlab.grading.submissions.naming import Batch, Owner
from adaptlab.grading.submissions.spool import Held, hold

MAX_ENTRIES = 20_000
MAX_ZIP = 10 * MAX_BYTES
MAX_STUDENT = 20 * MAX_BYTES  # of all files of a student, unpacked
# On Windows, where students check their files, the first two flags do not exist and are not needed;
# O_BINARY exists only there.
CAREFULLY = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
TOO_MUCH = (
    f"The submission has more than {MAX_STUDENT // 2**20} MB in total, unpacked. Submit the"
    " notebook itself."
)


@dataclass(frozen=True)
class TakenFile:
    path: PurePosixPath
    content: Any  # bytes | Held
    received: str
    fault: str = ""
    beside: str = ""  # for a wanted file that is not a notebook: the lab's name for it
    # The path that names the student, if not `path`: all files in a student's archive belong to
    # that student, whatever their names.
    owner: PurePosixPath | None = None
    whose: Owner = field(default=Owner(""))

    def told(self) -> list:
        """Return the file as JSON data."""
        held = (
            [self.content.digest, self.content.n_bytes] if isinstance(self.content, Held) else None
        )
        owner = None if self.owner is None else str(self.owner)
        return [str(self.path), held, self.received, self.fault, self.beside, owner]

    @classmethod
    def of(cls, told: list) -> "TakenFile":
        """Return a file from the data of `told`."""
        path, held, received, fault, beside, owner = told
        place = None if owner is None else PurePosixPath(owner)
        return cls(
            PurePosixPath(path), Held(*held) if held else b"", received, fault, beside, place
        )


class Allowance:
    """Counts the bytes that were read for each student; `whose` maps a path to its student."""

    def __init__(
        self, most: int | None = None, whose: Callable[[PurePosixPath], str] = lambda _: ""
    ):
        self.most = MAX_STUDENT if most is None else most
        self.whose = whose
        self.used: Counter = Counter()

    @classmethod
    def of(cls, paths: Sequence[PurePosixPath], lab: str) -> "Allowance":
        """Return an allowance for all students of a batch."""
        batch = Batch(paths, lab)
        return cls(whose=lambda path: batch.owner(path).student)

    def left(self, path: PurePosixPath) -> int:
        """Return how many bytes the student of a file has left."""
        return self.most - self.used[self.whose(path)]

    def hold(self, file: IO[bytes], path: PurePosixPath, most: int) -> Held | None:
        """Store a file's content; None if it has more than `most` bytes, or more than its student
        has left.
        """
        most = min(most, self.left(path))
        held = hold(file, most)
        self.take(path, held.n_bytes if held else most)
        return held

    def take(self, path: PurePosixPath, n_bytes: int) -> None:
        """Count bytes that were read."""
        self.used[self.whose(path)] += n_bytes


def is_notebook(name: str) -> bool:
    """Whether a file is a notebook by its name; some browsers append another suffix."""
    return re.search(r"\.ipynb(\.txt|\.json)?$", name, re.IGNORECASE) is not None


def is_read(name: str) -> bool:
    return is_notebook(name) or name.lower().endswith(".zip")


def is_hidden(path: PurePosixPath) -> bool:
    """Whether a file was not written by a student: checkpoints, files in `.git`, files that macOS
    adds.
    """
    hidden = (part.startswith(".") and part != ".." for part in path.parts)
    return any(hidden) or "__MACOSX" in path.parts


def time_of(seconds: float) -> str:
    """Return the time of a file's last change in UTC; "" if it is outside the range of dates."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def wanted_name(name: str, wanted: Mapping[str, int]) -> str:
    """Return which of the wanted files a name means, or "". Case is ignored; a student's name may
    come first, and a copy's number last.
    """
    for one in wanted:
        stem, _, kind = one.rpartition(".")
        if re.fullmatch(
            rf"(.*[-_ ])?{re.escape(stem)}(-\d+| ?\(\d+\))?\.{re.escape(kind)}",
            name,
            re.IGNORECASE | re.DOTALL,
        ):
            return one
    return ""


def take_file(
    path: Path,
    name: str,
    beside: str = "",
    max_bytes: int = MAX_BYTES,
    allowance: Allowance | None = None,
) -> TakenFile:
    place = PurePosixPath(name)
    what = beside or "the notebook"
    allowance = allowance or Allowance()
    try:
        handle = os.open(path, CAREFULLY)
    except OSError as error:
        return TakenFile(
            place,
            b"",
            "",
            f"The file is a link or not readable ({error.strerror}). Submit {what} itself.",
            beside,
        )
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return TakenFile(
                place, b"", "", f"The file is not a regular file. Submit {what} itself.", beside
            )
        limit = MAX_ZIP if path.suffix.lower() == ".zip" else max_bytes
        received = time_of(status.st_mtime)
        if allowance.left(place) < min(limit, status.st_size):
            return TakenFile(place, b"", received, TOO_MUCH, beside)
        held = allowance.hold(file, place, limit) if status.st_size <= limit else None
        if held is None and beside:
            return TakenFile(place, b"", received, too_large(beside, max_bytes), beside)
        if held is None:
            return TakenFile(
                place,
                b"",
                received,
                f"The file is too large: {status.st_size // 2**20} MB. Clear the notebook's outputs"
                " and submit it again.",
            )
        return TakenFile(place, held, received, beside=beside)


def too_large(beside: str, max_bytes: int) -> str:
    return (
        f"{beside} has more than {max_bytes / 2**20:g} MB, far more than the exercise asks for."
        " Save only what it asks for, and submit it again."
    )
