"""A fetched file, which gets its name once its bytes are complete and verified."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from adaptlab.errors import AdaptLabError
from adaptlab.files import make_folder
from adaptlab.models.assets import File


@dataclass(frozen=True)
class WholeFile:
    """The path of a file, and what its bytes have to be."""

    path: Path
    known: File

    @property
    def part(self) -> Path:
        """The path of the partial file; its name depends on the version, so another version starts
        again.
        """
        version = (self.known.sha256 or self.known.blob)[:12]
        return self.path.with_name(f".{self.path.name}.{version}.part")

    def bytes_left(self) -> int:
        """Return the bytes that the file still needs on the disk."""
        return self.known.size - (self.part.stat().st_size if self.part.is_file() else 0)

    def bring(self, append: Callable[[BinaryIO], None], damaged: str) -> None:
        """Complete the file; `append` writes the missing bytes to a file that contains its
        beginning.

        Raises:
            AdaptLabError: if it cannot be written; with the sentence `damaged` if its bytes are
                others, and then they are removed.
        """
        make_folder(self.part.parent)
        try:
            with self.part.open("ab") as file:
                if file.tell() > self.known.size:  # then it is not the beginning of the file
                    file.seek(0)
                    file.truncate()
                append(file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AdaptLabError(
                f"{self.part} could not be written ({error.strerror}). Check the disk and run the"
                " command again: it continues where it stopped."
            ) from error
        if not self.known.matches(self.part):
            self.part.unlink()
            raise AdaptLabError(damaged)
        os.replace(self.part, self.path)
