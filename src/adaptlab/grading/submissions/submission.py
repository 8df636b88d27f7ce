"""A submission: what one student handed in for a lab."""

import hashlib
from dataclasses import dataclass

from adaptlab.grading.storable import storable
from adaptlab.grading.submissions.naming import Owner
from adaptlab.grading.submissions.spool import Held


def digest_of(content: bytes) -> str:
    """The name of a content in the ledger."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Beside:
    """A file that a lab asks for beside the notebook, under the lab's name for it: its bytes, or
    why they are not taken (`fault`).
    """

    name: str
    handed_in: bytes | Held
    fault: str = ""

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return bytes_of(self.handed_in)


@dataclass(frozen=True)
class Submission:
    """What one student handed in for a lab: the notebook's bytes, or why there is none (`fault`);
    `received` in UTC; and the files beside it.
    """

    student: str
    handed_in: bytes | Held
    source: str
    received: str
    fault: str = ""
    beside: tuple[Beside, ...] = ()
    owner: Owner = Owner("")
    unclear: bool = False  # which of several notebooks counts: no zeros, a person decides

    def __post_init__(self):
        for name in ("student", "source"):
            object.__setattr__(self, name, storable(getattr(self, name)))

    @property
    def content(self) -> bytes:
        """The notebook's bytes."""
        return bytes_of(self.handed_in)

    @property
    def digest(self) -> str:
        """The name of all that was handed in; of a notebook alone, that of its bytes."""
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
