"""A submission: what one student submitted for a lab."""

import hashlib
from dataclasses import dataclass

from adaptlab.grading.storable import storable
from adaptlab.grading.submissions.naming import Owner
from adaptlab.grading.submissions.spool import Held


def digest_of(content: bytes) -> str:
    """Return the id of a content in the ledger."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Beside:
    """A file that a lab asks for with the notebook, under the lab's name for it: its bytes, or why
    it is not accepted (`fault`).
    """

    name: str
    handed_in: bytes | Held
    fault: str = ""

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return bytes_of(self.handed_in)


@dataclass(frozen=True)
class Submission:
    """What one student submitted for a lab: the notebook's bytes, or why they are missing
    (`fault`), and the other files. `received` is in UTC.
    """

    student: str
    handed_in: bytes | Held
    source: str
    received: str
    fault: str = ""
    beside: tuple[Beside, ...] = ()
    owner: Owner = Owner("")
    unclear: bool = False  # several notebooks that differ: no zeros, the instructor decides

    def __post_init__(self):
        for name in ("student", "source"):
            object.__setattr__(self, name, storable(getattr(self, name)))

    @property
    def content(self) -> bytes:
        """The notebook's bytes."""
        return bytes_of(self.handed_in)

    @property
    def digest(self) -> str:
        """The id of everything submitted; for a notebook alone, the digest of its bytes."""
        own = content_digest(self.handed_in)
        if not self.beside:
            return own
        files = [
            (
                digest_of(file.name.encode()),
                content_digest(file.handed_in),
                digest_of(file.fault.encode()),
            )
            for file in self.beside
        ]
        return digest_of("".join([own, *(part for parts in files for part in parts)]).encode())


def bytes_of(content: bytes | Held) -> bytes:
    return content if isinstance(content, bytes) else content.read()


def content_digest(content: bytes | Held) -> str:
    return digest_of(content) if isinstance(content, bytes) else content.digest
